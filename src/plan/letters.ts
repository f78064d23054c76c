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

/** A select list that counts every result over the chunks of a group: columns named after the results. */
export const countResults: string = rowResults
  .map(
    (result) =>
      `coalesce(sum(length(c.results) - length(replace(c.results, '${letterOf[result]}', ''))), 0)::int as ${result}`,
  )
  .join(', ');

/** Puts the results of some rows into the letters of their chunk. Positions count from the chunk's first row. */
export function withResults(
  letters: string,
  positions: readonly number[],
  results: readonly RowResult[],
): string {
  const next = [...letters];
  positions.forEach((position, i) => {
    next[position] = letterOf[results[i] ?? 'planned'];
  });
  return next.join('');
}

/** Positions of the rows that are still planned. */
export function plannedIn(letters: string): number[] {
  const positions: number[] = [];
  for (let i = 0; i < letters.length; i++) if (letters[i] === letterOf.planned) positions.push(i);
  return positions;
}
