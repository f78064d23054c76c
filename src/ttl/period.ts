export interface Period {
  /** What the definition says for the new value. */
  readonly configuredMs: number;
  /** How long the entry lived, or was to live, that is renewed. */
  readonly lastMs: number;
  readonly hasChanged: boolean;
  /** False while the origin has enough to do. */
  readonly mayShorten: boolean;
  /** Bounds, as shares of what is configured. */
  readonly min: number;
  readonly max: number;
}

const step = 0.1;

/** How long an entry is fresh that was renewed ahead: a tenth longer when its value was the same, a tenth shorter when not. */
export function renewedMs({ configuredMs, lastMs, hasChanged, mayShorten, min, max }: Period): number {
  const last = lastMs > 0 ? lastMs : configuredMs;
  const wished = hasChanged ? (mayShorten ? last * (1 - step) : last) : last * (1 + step);
  return Math.max(1, Math.floor(Math.min(max * configuredMs, Math.max(min * configuredMs, wished))));
}
