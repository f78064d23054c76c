import type { OriginDef } from '../define.ts';

export interface BudgetLimits {
  /** Ids loaded per second by background work; 0 stops it. */
  readonly perSecond?: number;
  readonly concurrency?: number;
}

export interface BudgetState {
  /** Undefined = unlimited. */
  readonly perSecond?: number;
  readonly concurrency: number;
  /** Share of the limits in force: below 1 after failures or slow loads. */
  readonly factor: number;
}

/** How a granted load went. */
export interface LoadReport {
  readonly outcome: 'ok' | 'failed' | 'unused';
  readonly ms: number;
  /** Ids really asked of the origin; the rest of the grant goes back. */
  readonly ids: number;
}

export interface Grant {
  readonly kind: 'granted';
  readonly ids: number;
  /** Gives the place among the loads at once back and tells how it went. Never throws. */
  done(report: LoadReport): Promise<void>;
}

/** `stopped`: perSecond is 0; `away`: the limiter cannot be reached; `aborted`: the signal. */
export type Granted = Grant | { readonly kind: 'stopped' | 'aborted' | 'away'; readonly message: string };

/** What background work may ask of origins, shared by the fleet. Readers never ask it. */
export interface Budget {
  /** True when nothing limits the ids per second of an origin at present, as far as is known here. */
  isUnlimited(origin: OriginDef): boolean;
  /** Waits until some of the wished ids may be loaded. Never throws. */
  take(
    origin: OriginDef,
    wish: { readonly cache: string; readonly ids: number; readonly signal: AbortSignal },
  ): Promise<Granted>;
  /** Changes the limits of the whole fleet at once, until changed again. E_QUEUE_UNAVAILABLE. */
  set(origin: string, limits: BudgetLimits): Promise<void>;
  /** E_QUEUE_UNAVAILABLE. */
  state(origin: OriginDef): Promise<BudgetState>;
}
