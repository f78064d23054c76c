import type { Child } from './frame/child.ts';
import type { StartedServer } from './frame/stage.ts';

/** One figure of a bench; `ratio` to the row called `against`, measured in the same run. */
export interface BenchRow {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly ratio?: number;
  readonly against?: string;
}

/** What must be reached, and whether it was. */
export interface BenchTarget {
  readonly what: string;
  readonly sign: '>=' | '<=';
  readonly limit: number;
  readonly value: number;
  readonly met: boolean;
}

export interface BenchResult {
  readonly name: string;
  readonly rows: readonly BenchRow[];
  readonly targets: readonly BenchTarget[];
}

/** What a bench gets from outside. Servers, folders and processes begun through it end with it. */
export interface BenchContext {
  /** How often everything is measured; medians are told. */
  readonly rounds: number;
  /** Small sizes: shows that the bench works, says little about speed. */
  readonly quick: boolean;
  /** A file of reads (`epoch_seconds,key`) to measure with instead of the bench's own, and how long entries are fresh. */
  readonly trace?: { readonly file: string; readonly ttlMs?: number } | undefined;
  /** Aborts when the run is interrupted. */
  readonly signal: AbortSignal;
  /** A line for whoever is watching. */
  log(text: string): void;
  /** A private Redis of a role. */
  redis(
    role: 'cache' | 'queue',
    options?: {
      readonly maxMemory?: string;
      readonly appendOnly?: boolean;
      readonly settings?: Readonly<Record<string, string>>;
    },
  ): Promise<StartedServer>;
  /** A private Postgres. */
  postgres(settings?: Readonly<Record<string, string>>): Promise<StartedServer>;
  /** A Node process that runs a file which ends in `serve(…)` of `frame/child.ts`. */
  child(file: string, nodeOptions?: readonly string[]): Child;
}

/** What a file in bench/ exports as `bench`; the file's name is the bench's. */
export interface Bench {
  /** One line: what is measured, against what. */
  readonly about: string;
  /** Packages of bench/package.json that it compares with. @default none */
  readonly peers?: readonly string[];
  run(context: BenchContext): Promise<Omit<BenchResult, 'name'>>;
}

export const atLeast = (what: string, value: number, limit: number): BenchTarget => ({
  what,
  sign: '>=',
  limit,
  value,
  met: value >= limit,
});

export const atMost = (what: string, value: number, limit: number): BenchTarget => ({
  what,
  sign: '<=',
  limit,
  value,
  met: value <= limit,
});
