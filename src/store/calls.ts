import { partitionOf, partitions } from './names.ts';

/** Keys of one partition within a command, by position. */
export interface Segment {
  readonly partition: number;
  readonly at: number[];
}

/** What one command is about. */
export interface Call {
  readonly segments: readonly Segment[];
  readonly keys: number;
  readonly bytes: number;
}

export interface CallLimits {
  readonly keys: number;
  readonly bytes?: number;
  /** True when a command may speak of one partition only. */
  readonly isApart: boolean;
}

/** Of all keys of a call, in its order. */
export function positionsOf({ segments, keys }: Call): readonly number[] {
  if (segments.length === 1) return segments[0]!.at;
  const all = new Array<number>(keys);
  let next = 0;
  for (const { at } of segments) for (const position of at) all[next++] = position;
  return all;
}

/** Cuts the positions of keys into commands; within one they stand by partition. */
export function* calls(
  keys: readonly string[],
  limits: CallLimits,
  bytesAt: (position: number) => number = () => 0,
): Generator<Call> {
  const byPartition: number[][] = Array.from({ length: partitions }, () => []);
  for (let position = 0; position < keys.length; position++)
    byPartition[partitionOf(keys[position]!)]!.push(position);

  const { bytes: mostBytes = Number.POSITIVE_INFINITY } = limits;
  let segments: Segment[] = [];
  let count = 0;
  let bytes = 0;
  for (let partition = 0; partition < partitions; partition++) {
    let segment: Segment | undefined;
    for (const position of byPartition[partition]!) {
      const more = bytesAt(position);
      if (count > 0 && (count === limits.keys || bytes + more > mostBytes)) {
        yield { segments, keys: count, bytes };
        [segments, segment, count, bytes] = [[], undefined, 0, 0];
      }
      if (segment === undefined) {
        segment = { partition, at: [] };
        segments.push(segment);
      }
      segment.at.push(position);
      count += 1;
      bytes += more;
    }
    if (limits.isApart && count > 0) {
      yield { segments, keys: count, bytes };
      [segments, count, bytes] = [[], 0, 0];
    }
  }
  if (count > 0) yield { segments, keys: count, bytes };
}
