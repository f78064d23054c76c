/** Positions of the largest values above 0, at most `most`, largest first; of equals the first. */
export function topOf(values: Float64Array, most: number): number[] {
  const found: number[] = [];
  const border = borderOf(values, most);
  for (let i = 0; i < values.length; i++) if (values[i]! > 0 && values[i]! >= border) found.push(i);
  const sorted = largestFirst(values, found);
  if (sorted.length > most) sorted.length = most;
  return sorted;
}

/** Positions by their values, equals as they were: merges ever longer runs, because a sort that is told how to compare takes thrice as long. */
function largestFirst(values: Float64Array, positions: number[]): number[] {
  const count = positions.length;
  let [from, to] = [positions, new Array<number>(count).fill(0)];
  for (let run = 1; run < count; run *= 2) {
    for (let start = 0; start < count; start += 2 * run) {
      const middle = Math.min(count, start + run);
      const end = Math.min(count, middle + run);
      let [left, right] = [start, middle];
      for (let into = start; into < end; into++) {
        const isLeft = right === end || (left < middle && values[from[left]!]! >= values[from[right]!]!);
        to[into] = isLeft ? from[left++]! : from[right++]!;
      }
    }
    [from, to] = [to, from];
  }
  return from;
}

/** The `most`-th largest value; 0 when there are fewer. */
function borderOf(all: Float64Array, most: number): number {
  if (all.length <= most) return 0;
  const values = all.slice();
  const at = values.length - most;
  // Hoare's selection: each round puts what is smaller than some value before what is larger, and looks on in one part.
  for (let low = 0, high = values.length - 1; low < high; ) {
    const pivot = values[(low + high) >>> 1]!;
    let [i, j] = [low, high];
    while (i <= j) {
      while (values[i]! < pivot) i += 1;
      while (values[j]! > pivot) j -= 1;
      if (i > j) break;
      const value = values[i]!;
      values[i++] = values[j]!;
      values[j--] = value;
    }
    if (at <= j) high = j;
    else if (at >= i) low = i;
    else break;
  }
  return values[at]!;
}
