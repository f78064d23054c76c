/** Seeded randomness: the same seed gives the same numbers on every machine. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  /** A whole number in [0, below). */
  below(below: number): number;
  /** Normally distributed, mean 0, deviation 1. */
  normal(): number;
  /** How long until the next event, when `rate` events are expected per unit of time. */
  wait(rate: number): number;
}

/** One stream of random numbers for each name, so that a change to one use of chance leaves the others as they were. */
export function createRandom(seed: number, name: string): Random {
  let [a, b, c, count] = [seed | 0, Math.trunc(seed / 2 ** 32) | 0, textSeed(name), 1];
  const next = () => {
    const sum = (a + b + count) | 0;
    count = (count + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 2 ** 32;
  };
  // The first numbers still show the seed.
  for (let i = 0; i < 16; i++) next();
  return {
    next,
    below: (below) => Math.floor(next() * below),
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    wait: (rate) => -Math.log(1 - next()) / rate,
  };
}

const textSeed = (text: string): number => {
  let seed = 17;
  for (const letter of text) seed = Math.imul(seed, 31) + letter.codePointAt(0)!;
  return seed | 0;
};

/** Picks positions with a probability that is proportional to their weights. */
export interface Picker {
  readonly total: number;
  pick(random: Random): number;
}

export function createPicker(weights: ArrayLike<number>): Picker {
  const sums = new Float64Array(weights.length);
  let total = 0;
  for (let i = 0; i < weights.length; i++) {
    total += weights[i]!;
    sums[i] = total;
  }
  return {
    total,
    pick(random) {
      const target = random.next() * total;
      let [low, high] = [0, sums.length - 1];
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (sums[middle]! > target) high = middle;
        else low = middle + 1;
      }
      return low;
    },
  };
}
