/** Keys in the order in which they were put in, each with a time; a queue in numbers, because millions pass through. */
export interface Line {
  readonly isEmpty: boolean;
  /** Of the first. */
  readonly key: number;
  readonly at: number;
  add(key: number, at: number): void;
  shift(): void;
  copy(): Line;
}

const firstLength = 1_024;

export function createLine(
  keys = new Int32Array(firstLength),
  times = new Float64Array(firstLength),
  tail = 0,
): Line {
  let head = 0;
  return {
    get isEmpty() {
      return head === tail;
    },
    get key() {
      return keys[head]!;
    },
    get at() {
      return times[head]!;
    },
    add(key, at) {
      if (tail === keys.length) {
        const length = Math.max(firstLength, 2 * (tail - head));
        const [moreKeys, moreTimes] = [new Int32Array(length), new Float64Array(length)];
        moreKeys.set(keys.subarray(head, tail));
        moreTimes.set(times.subarray(head, tail));
        [keys, times, tail, head] = [moreKeys, moreTimes, tail - head, 0];
      }
      keys[tail] = key;
      times[tail] = at;
      tail += 1;
    },
    shift() {
      head += 1;
    },
    copy: () => createLine(keys.slice(head), times.slice(head), tail - head),
  };
}
