/** What processes tell each other: which keys, never which values. Scripts that change entries tell it themselves. */
export type BusMessage =
  | {
      /** `written`: an entry somebody waits for, or that was set · `failed`: its lease was given back without one. */
      readonly kind: 'written' | 'deleted' | 'failed';
      readonly cache: string;
      readonly keys: readonly string[];
      /** Told by this process. */
      readonly isOwn: boolean;
    }
  | { readonly kind: 'tags'; readonly tags: readonly string[]; readonly isOwn: boolean }
  /** Everything known of a cache, or of all of them, may be wrong: it was cleared, or Redis was flushed. */
  | { readonly kind: 'clear'; readonly cache: string | undefined; readonly isOwn: boolean };

/** What the server itself tells of entries that are tracked: changed by whatever hand, expired or evicted. */
export interface ServerNews {
  readonly kind: 'changed';
  readonly cache: string;
  readonly keys: readonly string[];
}

/** A message, or news of the connection: after `lost` and `up` nothing that was trusted before may be. */
export type BusNews = BusMessage | ServerNews | { readonly kind: 'up' } | { readonly kind: 'lost' };

export type BusListener = (news: BusNews) => void;

type Told<Message> = Message extends unknown ? Omit<Message, 'isOwn'> : never;

/** Word of what other processes did to entries. It may be lost; then listeners are told that it was. */
export interface Bus {
  /** The channel, for scripts that speak there. */
  readonly channel: string;
  /** Who speaks. */
  readonly origin: string;
  /** True while words arrive. */
  readonly isUp: boolean;
  /** The clock's `elapsed` until which all that was told up to a few seconds before has surely arrived. */
  readonly trustedUntil: number;
  /** Begins to listen; again is no harm. */
  open(): void;
  /** Messages of one tick leave together. */
  publish(message: Told<BusMessage>): void;
  /** Returns the way to stop listening. */
  on(listener: BusListener): () => void;
  close(): void;
}
