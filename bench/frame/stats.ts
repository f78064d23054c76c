import { percentile } from '../../src/demo/measure.ts';

/** The middle one of some values; the mean of the two middle ones when they are even in number; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The value with `part` of the values at or below it; NaN of none. */
export const quantile = (values: ArrayLike<number>, part: number): number =>
  values.length === 0 ? Number.NaN : percentile(Float64Array.from(values).sort(), part);

/**
 * Measures everything once a round, each round beginning with another one, so that a machine which becomes slower
 * meanwhile does so for all. Answers with what each gave, round by round. With `warmUp` a round goes before that does not
 * count: processes that live through the rounds are compiled and have their memory by then, as they do in life.
 */
export async function interleave<Name extends string, Figures>(
  rounds: number,
  subjects: Readonly<Record<Name, (round: number) => Promise<Figures>>>,
  { warmUp = false }: { readonly warmUp?: boolean } = {},
): Promise<Record<Name, Figures[]>> {
  const names = Object.keys(subjects) as Name[];
  const results = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, Figures[]>;
  if (warmUp) for (const name of names) await subjects[name](0);
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(round + i) % names.length]!;
      results[name].push(await subjects[name](round));
    }
  }
  return results;
}
