/** Draws from `0 … keys - 1` by a Zipf law, always the same. */
export function zipf(keys: number, exponent: number, draws: number): Uint32Array {
  const sums = new Float64Array(keys);
  let sum = 0;
  for (let i = 0; i < keys; i++) {
    sum += 1 / (i + 1) ** exponent;
    sums[i] = sum;
  }
  let seed = 42;
  return Uint32Array.from({ length: draws }, () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    const wanted = (seed / 2 ** 32) * sum;
    let [low, high] = [0, keys - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  });
}
