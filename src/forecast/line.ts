/** Keys in the order in which they were put in, each with a time; a queue in numbers, laid open because millions pass through it. */
export interface Line {
  keys: Int32Array;
  times: Float64Array;
  /** Where the first stands, and where the next will; equal when it is empty. */
  head: number;
  tail: number;
}

const firstLength = 1_024;

export const createLine = (): Line => ({
  keys: new Int32Array(firstLength),
  times: new Float64Array(firstLength),
  head: 0,
  tail: 0,
});

export function addTo(line: Line, key: number, at: number): void {
  if (line.tail === line.keys.length) makeRoom(line);
  line.keys[line.tail] = key;
  line.times[line.tail] = at;
  line.tail += 1;
}

export const copyOf = ({ keys, times, head, tail }: Line): Line => ({
  keys: keys.slice(head),
  times: times.slice(head),
  head: 0,
  tail: tail - head,
});

/** Moves what is left to the front; of longer arrays where these would soon be full again. */
function makeRoom(line: Line): void {
  const { keys, times, head, tail } = line;
  const length = Math.max(firstLength, 2 * (tail - head));
  if (length > keys.length) {
    line.keys = new Int32Array(length);
    line.times = new Float64Array(length);
    line.keys.set(keys.subarray(head, tail));
    line.times.set(times.subarray(head, tail));
  } else {
    keys.copyWithin(0, head, tail);
    times.copyWithin(0, head, tail);
  }
  line.head = 0;
  line.tail = tail - head;
}
