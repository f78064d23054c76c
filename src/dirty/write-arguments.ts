import type { DirtyWrite, Marks } from './dirty.ts';
import { tailOf } from './entry.ts';
import type { DirtyNames, PartitionNames } from './names.ts';
import { maker, makerOf } from './operation.ts';

/** A write and where it goes. */
export interface Question {
  readonly cache: string;
  readonly write: DirtyWrite;
  readonly marks: Marks;
  readonly partition: number;
}

interface Group {
  readonly marks: Marks;
  readonly at: PartitionNames;
  /** By partition: its names, and the places of its writes. */
  readonly partitions: Map<number, { readonly at: PartitionNames; readonly places: number[] }>;
}

export interface WriteArguments {
  readonly keys: readonly string[];
  /** In the order in which they are sent. */
  readonly operations: readonly string[];
  /** What follows them and what is remembered, up to the calls that are over. */
  readonly rest: readonly (string | number | Buffer)[];
  /** By place among what is sent: the place of the question. */
  readonly order: readonly number[];
}

/** What is cached of a key in the same Redis: the hash with its lease, and its entry. */
export interface CachedNames {
  readonly leases: string;
  readonly entry: string;
}

/** What lua/dirty-write is called with. What partitions have in common is said once. */
export function argumentsOf(
  questions: readonly Question[],
  names: DirtyNames,
  cachedOf?: (cache: string, key: string) => CachedNames,
): WriteArguments {
  const groups = groupsOf(questions, names);
  // Hardly any write needs all four, and each argument costs.
  const isWide = questions.some(({ write }) => write.isRepeated || write.watched !== undefined);
  const keys: string[] = [names.calls(maker)];
  const heads: number[] = [];
  const counts: number[] = [];
  const rows: (string | Buffer)[] = [];
  const order: number[] = [];
  const operations: string[] = [];
  const makers = new Set<string>();
  for (const { marks, at, partitions } of groups) {
    keys.push(at.state, at.watches, at.operations);
    heads.push(marks.soft, marks.hard, partitions.size);
    for (const { at: own, places } of partitions.values()) {
      keys.push(own.entries, own.index);
      counts.push(places.length);
      for (const place of places) {
        const { key, form, operation, isRepeated, watched } = questions[place]!.write;
        rows.push(key, tailOf(form, operation));
        if (isWide) rows.push(isRepeated ? operation : '', watched ?? '');
        operations.push(operation);
        const by = isRepeated ? makerOf(operation) : undefined;
        if (by !== undefined) makers.add(by);
        order.push(place);
      }
    }
  }
  for (const by of makers) keys.push(names.calls(by));
  const before = keys.length;
  if (cachedOf)
    for (const place of order) {
      const { cache, write } = questions[place]!;
      const { leases, entry } = cachedOf(cache, write.key);
      keys.push(leases, entry);
    }
  const sizes = [isWide ? 4 : 2, keys.length - before, groups.length];
  return { keys, operations, rest: [...sizes, ...heads, ...counts, ...rows], order };
}

function groupsOf(questions: readonly Question[], names: DirtyNames): Group[] {
  const groups = new Map<string, Group>();
  questions.forEach(({ cache, partition, marks }, place) => {
    const at = names.of(cache, partition);
    let group = groups.get(at.state);
    if (group === undefined) {
      group = { marks, at, partitions: new Map() };
      groups.set(at.state, group);
    }
    const known = group.partitions.get(partition);
    if (known) known.places.push(place);
    else group.partitions.set(partition, { at, places: [place] });
  });
  return [...groups.values()];
}
