/**
 * What passes between the rooms: types only. Instants are epoch milliseconds, lengths of time milliseconds, a bucket is
 * an epoch hour.
 */

/** Reads of one key in one hour. `accesses` includes `misses`. */
export interface AccessCount {
  readonly cache: string;
  readonly key: string;
  readonly bucket: number;
  readonly accesses: number;
  readonly misses: number;
}

/** Reads of one cache in one hour by one kind of caller. */
export interface CallerCount {
  readonly cache: string;
  readonly bucket: number;
  readonly caller: string;
  readonly accesses: number;
  readonly misses: number;
}

/** A warmed entry was read: the plan and row that its envelope carries. */
export interface WarmUse {
  readonly cache: string;
  readonly plan: number;
  readonly row: number;
}

/** What one load of a key taught us. */
export interface Fill {
  readonly cache: string;
  readonly key: string;
  readonly loadMs: number;
  readonly bytes: number;
  readonly tags: readonly string[];
}

/** Where changes of entries are told to other processes, and who tells them. */
export interface Voice {
  readonly channel: string;
  readonly origin: string;
}

/** Counts reads in memory: at once, without waiting, without throwing. Several alike may be told together. */
export interface Recorder {
  /** Plan 0 = the entry was not warmed. */
  hit(
    cache: string,
    key: string,
    caller: string | undefined,
    plan: number,
    row: number,
    accesses?: number,
  ): void;
  miss(cache: string, key: string, caller: string | undefined, accesses?: number): void;
  /** Calls the task whenever counts are about to leave, so that who counts elsewhere can tell; returns how to end that. */
  beforeFlush(task: () => void): () => void;
  fill(fill: Fill): void;
}

/** What happened to the access log between two of its messages. */
export interface AccessBatch {
  /** Which log: a new one begins when its Redis lost the old. */
  readonly log: string;
  /** The last message before it; '0-0' at the beginning of the log. */
  readonly after: string;
  /** The last message in it. */
  readonly upto: string;
  readonly messages: number;
  readonly counts: readonly AccessCount[];
  readonly callers: readonly CallerCount[];
  readonly used: readonly WarmUse[];
  readonly fills: readonly Fill[];
  /** Accesses that recorders dropped because their memory bound was reached. */
  readonly dropped: number;
  /** Messages that could not be read, and are skipped. */
  readonly unreadable: number;
}

/** How far each access log has been carried over: its last message, by log. */
export type AccessCursors = Readonly<Record<string, string>>;

/** All zero when another collector had carried the batch over. */
export interface CollectResult {
  readonly messages: number;
  readonly accesses: number;
  /** Keys met for the first time and let in. */
  readonly admitted: number;
  /** Keys seen once, of which only a hash is kept. */
  readonly waiting: number;
  /** Warmed entries that were read for the first time. */
  readonly used: number;
  readonly dropped: number;
  readonly unreadable: number;
}

/** Half-lives, in hours, at which the state of every key is kept. */
export const halfLifeHours = [1, 3, 6, 24, 72, 168] as const;
export type HalfLifeHours = (typeof halfLifeHours)[number];

/** A key that might be worth warming: its decayed rates, ready to be scored. */
export interface Candidate {
  readonly key: string;
  /** Accesses per hour by half-life, exponentially decayed to the last hour in which its cache was read. */
  readonly rates: Readonly<Record<HalfLifeHours, number>>;
  /** Accesses by hour of day (UTC), decayed with a half-life of 72 h; undefined while they are too few. */
  readonly hours?: readonly number[];
  /** Hours since it was first read, the first one included. */
  readonly knownHours: number;
  readonly lastBucket: number;
  readonly accesses: number;
  /** What was read in hours like the one that is forecast; undefined where it was not looked up. */
  readonly echo?: Echo;
  /** Smoothed time one load takes, if known. */
  readonly costMs?: number;
  readonly bytes?: number;
}

/** Accesses of a key in earlier hours that are like the one that is forecast. */
export interface Echo {
  /** In the last hour in which its cache was read. */
  readonly last: number;
  /** In this hour of the day before, and of this weekday in the weeks before, the last week first; spread over the hours beside it. */
  readonly yesterday: number;
  readonly weeks: readonly number[];
}

/** The moment a score is made for. */
export interface Moment {
  readonly now: number;
  readonly horizonMs: number;
  /** The last hour that the candidates' rates know of. */
  readonly lastBucket: number;
  /** Share of the cache's accesses by hour of day (UTC), smoothed and never 0; undefined while its days are too few. */
  readonly hourShares?: readonly number[];
  /** What experts that learn have learned of this cache so far, by their names. */
  readonly learned?: ReadonlyMap<string, readonly number[]>;
}

/** One part of a score: what it is called and how much it gave, in accesses per second. */
export interface Term {
  readonly name: string;
  readonly heat: number;
}

/** How well an expert foresaw lately: of the keys it would have warmed, half as many as an hour has, the share that was read. */
export interface Standing {
  readonly name: string;
  readonly score: number;
  /** Hours it was judged by. */
  readonly hours: number;
}

/** Who a cache's forecasts are made by. */
export interface Choice {
  readonly name: string;
  /** How far its score is above the best other expert's; below 0 while another leads by too little to take its place. */
  readonly margin: number;
  /** The hour since when it is chosen, as an instant. */
  readonly since: number;
}

/** Keys of one cache whose reads begin to rise in the same hour of the day. */
export interface Rise {
  /** Hour of day, UTC. */
  readonly hour: number;
  readonly keys: number;
  /** Reads of all of them that are expected in that hour. */
  readonly readsPerHour: number;
  /** Of one load, on average. */
  readonly costMs: number;
}

/** The daily rises of a cache, and how much is known of it. */
export interface Rises {
  /** Hours since the first read of the keys that were looked at; 0 where there are none. Below 48 no rise is told. */
  readonly knownHours: number;
  /** Earliest hour of day first. */
  readonly rises: readonly Rise[];
  /** As in a forecast. */
  readonly confidence?: number;
}

export interface ForecastRow {
  readonly key: string;
  /** Expected accesses per second over the horizon. */
  readonly heat: number;
  readonly terms: readonly Term[];
  readonly costMs?: number;
  readonly bytes?: number;
}

export interface Forecast {
  readonly cache: string;
  readonly at: number;
  readonly horizonMs: number;
  readonly scorer: string;
  /** How much of what could be foreseen lately its expert foresaw, from 0 to 1; left out until a day was judged. */
  readonly confidence?: number;
  /** Hottest first. */
  readonly rows: readonly ForecastRow[];
}
