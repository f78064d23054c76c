/** Reads of one cache in numbers: who (a number per key, by first appearance) and when (epoch seconds), in time order. */
export interface Traffic {
  readonly names: readonly string[];
  readonly keys: Int32Array;
  readonly seconds: Float64Array;
}

export interface TrafficBuilder {
  add(key: string, seconds: number): void;
  readonly reads: number;
  /** Sorted by time where it was not; the builder is empty afterwards. */
  build(): Traffic;
}

const firstCapacity = 65_536;

/** Gathers reads of one cache: sixteen bytes a read, and each key's text once. */
export function createTraffic(): TrafficBuilder {
  let numbers = new Map<string, number>();
  let names: string[] = [];
  let keys = new Int32Array(firstCapacity);
  let seconds = new Float64Array(firstCapacity);
  let reads = 0;
  let isSorted = true;
  return {
    get reads() {
      return reads;
    },
    add(key, at) {
      if (reads === keys.length) {
        const [moreKeys, moreSeconds] = [new Int32Array(2 * reads), new Float64Array(2 * reads)];
        moreKeys.set(keys);
        moreSeconds.set(seconds);
        [keys, seconds] = [moreKeys, moreSeconds];
      }
      let number = numbers.get(key);
      if (number === undefined) {
        number = names.length;
        numbers.set(key, number);
        names.push(key);
      }
      if (reads > 0 && at < seconds[reads - 1]!) isSorted = false;
      keys[reads] = number;
      seconds[reads] = at;
      reads += 1;
    },
    build() {
      const history = { names, keys: keys.slice(0, reads), seconds: seconds.slice(0, reads) };
      [numbers, names, keys, seconds, reads] = [new Map(), [], new Int32Array(0), new Float64Array(0), 0];
      return isSorted ? history : inOrder(history);
    },
  };
}

function inOrder({ names, keys, seconds }: Traffic): Traffic {
  const order = Uint32Array.from(keys.keys());
  order.sort((a, b) => seconds[a]! - seconds[b]! || a - b);
  return {
    names,
    keys: Int32Array.from(order, (i) => keys[i]!),
    seconds: Float64Array.from(order, (i) => seconds[i]!),
  };
}
