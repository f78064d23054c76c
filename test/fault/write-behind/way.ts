/** What an application is told of a write. */
export type Outcome =
  | { readonly kind: 'ok'; readonly version: number }
  /** Surely not done. */
  | { readonly kind: 'fail'; readonly why: string }
  /** Done or not; under the same operation it may be asked for again. */
  | { readonly kind: 'info'; readonly why: string; readonly operation?: string | undefined };

/** How an application writes and reads. */
export interface Way {
  write(key: string, value: string | null, operation?: string): Promise<Outcome>;
  /** Adds one to a counter. @default it cannot */
  readonly add?: (key: string, operation: string) => Promise<Outcome>;
  /** Undefined = there is none. @default it cannot */
  readonly read?: (key: string) => Promise<unknown>;
  close(): Promise<void>;
}
