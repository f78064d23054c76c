/** Positions of the largest values above 0, at most `most`, largest first; of equals the first. */
export function topOf(values: Float64Array, most: number): number[] {
  const found: number[] = [];
  // Sorting bare numbers to find the border costs a tenth of sorting positions by them.
  const border = values.length > most ? values.toSorted()[values.length - most]! : 0;
  for (let i = 0; i < values.length; i++) if (values[i]! > 0 && values[i]! >= border) found.push(i);
  return found.sort((a, b) => values[b]! - values[a]! || a - b).slice(0, most);
}
