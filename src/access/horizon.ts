import { bucketOf, dayOf } from './bucket.ts';

/** How long counts are kept, in which shape. Lengths in ms. */
export interface AccessRetention {
  /** As hours. */
  readonly bucketsMs: number;
  /** As days. */
  readonly daysMs: number;
}

/** What is kept at an instant. Days are epoch days. */
export interface Horizon {
  readonly now: number;
  readonly bucket: number;
  readonly today: number;
  /** The oldest day whose hours are kept; older counts are rolled up. */
  readonly hoursFrom: number;
  /** The oldest day of which a roll-up is kept. */
  readonly daysFrom: number;
}

export function horizonAt(now: number, { bucketsMs, daysMs }: AccessRetention): Horizon {
  const today = dayOf(bucketOf(now));
  const hoursFrom = dayOf(bucketOf(now - bucketsMs));
  return {
    now,
    bucket: bucketOf(now),
    today,
    hoursFrom,
    daysFrom: Math.min(hoursFrom, dayOf(bucketOf(now - daysMs))),
  };
}
