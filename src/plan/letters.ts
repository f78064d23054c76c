import { type RowResult, rowResults } from '../rooms.ts';

/** Results of a chunk are kept as one letter a row. */
export const letterOf = {
  planned: 'p',
  written: 'w',
  fresh: 'f',
  busy: 'u',
  missing: 'm',
  failed: 'x',
  budget: 'b',
  lost: 'l',
} as const satisfies Record<RowResult, string>;

/** A select list that adds up every result over the chunks of a group: columns named after the results. */
export const countResults: string = rowResults
  .map((result, i) => `coalesce(sum(c.counts[${i + 1}]), 0)::int as ${result}`)
  .join(', ');

/** The letters of results, in their order; what was not told is still planned. */
export const lettersOf = (results: readonly RowResult[], rows: number): string =>
  Array.from({ length: rows }, (_, i) => letterOf[results[i] ?? 'planned']).join('');

/** Positions of the rows that are still planned. */
export function plannedIn(letters: string): number[] {
  const positions: number[] = [];
  for (let i = 0; i < letters.length; i++) if (letters[i] === letterOf.planned) positions.push(i);
  return positions;
}
