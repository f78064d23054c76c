import { mayBeGone } from './check-writes.ts';
import type { Effect } from './event.ts';
import type { History } from './history.ts';
import type { Violation } from './violation.ts';

/** 4 and 5: for each key what takes effect is ever newer, and takes effect once. */
export function findEffectsAgain({ end }: Pick<History, 'end'>): Violation[] {
  const found: Violation[] = [];
  const newest = new Map<string, Effect>();
  for (const effect of end.effects) {
    const { key, version } = effect;
    const before = newest.get(key);
    if (before === undefined || version > before.version) {
      newest.set(key, effect);
      continue;
    }
    const isSame = version === before.version;
    found.push({
      class: isSame ? 'duplicate' : 'resurrected',
      key,
      what: isSame ? `${version} took effect twice` : `${version} took effect after ${before.version}`,
      versions: [version, before.version],
    });
  }
  return found;
}

/** A write that was asked for again is one: its value takes effect under one version. */
export function findDoubled({
  writes,
  end,
  faults,
}: Pick<History, 'writes' | 'end' | 'faults'>): Violation[] {
  // What is gone with a fault may be gone from what the buffer remembers, too.
  const isForgiven = mayBeGone({ faults });
  const versions = new Map<string, Set<number>>();
  const nameOf = (key: string, value: string) => JSON.stringify([key, value]);
  for (const write of writes.filter(({ isRepeated }) => isRepeated))
    if (write.value !== null && !isForgiven(write)) versions.set(nameOf(write.key, write.value), new Set());
  for (const { key, value, version } of end.effects)
    if (value !== null) versions.get(nameOf(key, value))?.add(version);
  return writes.flatMap(({ id, key, value }): Violation[] => {
    const of = value === null ? undefined : versions.get(nameOf(key, value));
    if (of === undefined || of.size < 2) return [];
    const what = `${id} was asked for again, and took effect as ${[...of].join(' and ')}`;
    return [{ class: 'duplicate', key, what, versions: [...of] }];
  });
}

/** 10: N writes are at most N effects, and one statement has one row of a key. */
export function findTooMany({ calls, additions, attempts, end }: History): Violation[] {
  const found: Violation[] = [];
  const most = [...calls, ...additions].filter(({ outcome }) => outcome !== 'fail').length;
  if (end.effects.length > most)
    found.push({
      class: 'coalescing',
      key: undefined,
      what: `${end.effects.length} effects of at most ${most} writes`,
    });
  for (const { batch, rows } of attempts)
    if (new Set(rows.map(([key]) => key)).size < rows.length)
      found.push({ class: 'coalescing', key: undefined, what: `statement ${batch} has a key twice` });
  return found;
}

/**
 * 5, the other side: rows are sent again only because of a fault. `perFault` is how many rows one fault can leave in doubt.
 * What was refused for its data was rolled back, and its halves are no repetition.
 */
export function findWaste(
  { attempts, faults, end }: Pick<History, 'attempts' | 'faults' | 'end'>,
  perFault: number,
): Violation[] {
  const sent = attempts.filter(({ result }) => result?.e !== 'refused');
  const rows = sent.reduce((sum, attempt) => sum + attempt.rows.length, 0);
  const again = rows - end.effects.length;
  const allowed = faults.length * perFault;
  if (again <= allowed) return [];
  return [
    {
      class: 'waste',
      key: undefined,
      what: `${again} rows were sent beyond the ${end.effects.length} that took effect; ${faults.length} faults explain ${allowed}`,
    },
  ];
}

/** A grant that is over writes nothing: of a statement that was sent after a newer grant, no row of that partition. */
export function findZombies({ attempts, grants }: Pick<History, 'attempts' | 'grants'>): Violation[] {
  const latest = new Map<number, { epoch: number; at: number }[]>();
  for (const { at, epochs } of grants)
    for (const [partition, epoch] of epochs) {
      const list = latest.get(partition);
      if (list) list.push({ epoch, at });
      else latest.set(partition, [{ epoch, at }]);
    }
  return attempts.flatMap(({ at, batch, by, epochs, result }): Violation[] => {
    if (result?.e !== 'wrote') return [];
    const held = new Set(result.held);
    const over = epochs.find(
      ([partition, epoch]) =>
        held.has(partition) &&
        latest.get(partition)?.some((grant) => grant.epoch > epoch && grant.at < at) === true,
    );
    if (over === undefined) return [];
    return [
      {
        class: 'zombie',
        key: undefined,
        what: `${by} wrote ${batch} to partition ${over[0]} under grant ${over[1]}, which was over`,
      },
    ];
  });
}

/** Counters: all that was surely added is in the sum, and nothing that surely was not. */
export function findMiscounted(history: History): Violation[] {
  // An addition carries no version; where writes may be gone, so may additions.
  if (history.faults.some(({ lostFrom }) => lostFrom !== undefined)) return [];
  const bounds = new Map<string, { least: number; most: number }>();
  for (const { key, amount, outcome } of history.additions) {
    const bound = bounds.get(key) ?? { least: 0, most: 0 };
    bounds.set(key, bound);
    if (outcome === 'ok') bound.least += amount;
    if (outcome !== 'fail') bound.most += amount;
  }
  return [...bounds].flatMap(([key, { least, most }]): Violation[] => {
    const sum = history.end.counters.get(key) ?? 0;
    if (sum >= least && sum <= most) return [];
    return [{ class: 'miscounted', key, what: `is ${sum}; expected ${least} to ${most}` }];
  });
}
