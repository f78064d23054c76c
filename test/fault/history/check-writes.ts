import type { State } from './event.ts';
import type { History, Write } from './history.ts';
import type { Violation } from './violation.ts';

const isOk = (write: Write): write is Write & { version: number; settledAt: number } =>
  write.outcome === 'ok';

/** Whether a fault may have taken an acknowledged write with it, as one that loses what was not yet on disk does. */
export function mayBeGone({ faults }: Pick<History, 'faults'>): (write: Write) => boolean {
  const windows = faults.flatMap(({ lostFrom, at }) => (lostFrom === undefined ? [] : [{ lostFrom, at }]));
  return ({ begunAt, settledAt }) =>
    windows.some(({ lostFrom, at }) => (settledAt ?? at) >= lostFrom && begunAt <= at);
}

/** 1: the newest acknowledged version of a key is in the origin, or put aside where somebody can see it. */
export function findLost(history: History): { found: Violation[]; forgiven: number } {
  const { writesOf, end } = history;
  const isForgiven = mayBeGone(history);
  const found: Violation[] = [];
  let forgiven = 0;
  for (const [key, writes] of writesOf) {
    const ok = writes.filter(isOk).sort((a, b) => b.version - a.version);
    const newest = ok[0];
    if (newest === undefined) continue;
    const places = [end.rows.get(key), end.dead.get(key), end.pending.get(key)];
    const kept = Math.max(...places.map((place) => place?.version ?? 0));
    // A deleted row may leave no trace at all.
    if (kept >= newest.version || (newest.value === null && end.rows.get(key) === undefined)) continue;
    const missing = ok.filter(({ version }) => version > kept);
    if (missing.every(isForgiven)) {
      forgiven += 1;
      continue;
    }
    found.push({
      class: 'lost',
      key,
      what: `${newest.id} was acknowledged as ${newest.version}; the newest that is left is ${kept || 'none'}`,
      versions: [newest.version, kept],
    });
  }
  return { found, forgiven };
}

/** 2 and 3: what the origin holds is what the write of that version wrote, and somebody wrote it. */
export function findWrong({ writesOf, end }: History): Violation[] {
  const found: Violation[] = [];
  const look = (key: string, state: State, place: string) => {
    const writes = writesOf.get(key) ?? [];
    const { version, value } = state;
    const of = writes.find((write) => write.version === version);
    if (of !== undefined) {
      if (of.value !== value)
        found.push({
          class: 'wrong',
          key,
          what: `${place} has ${told(value)} as ${version}, and ${of.id} wrote ${told(of.value)}`,
          versions: [version],
        });
      return;
    }
    const maybe = writes.filter(
      (write) => write.value === value && write.outcome !== 'fail' && write.version === undefined,
    );
    if (maybe.length > 0) return;
    const why = writes.some((write) => write.value === value && write.outcome === 'fail')
      ? 'which was refused'
      : 'which nobody wrote as that';
    found.push({
      class: 'phantom',
      key,
      what: `${place} has ${told(value)} as ${version}, ${why}`,
      versions: [version],
    });
  };
  for (const [key, state] of end.rows) look(key, state, 'the origin');
  for (const [key, state] of end.dead) look(key, state, 'the dead letters');
  return found;
}

/** 6: whoever writes after another was acknowledged is newer. */
export function findDisorder({ writesOf }: History): Violation[] {
  const found: Violation[] = [];
  for (const [key, writes] of writesOf) {
    const ok = writes.filter(isOk);
    const settled = [...ok].sort((a, b) => a.settledAt - b.settledAt);
    let next = 0;
    let newest: (typeof ok)[number] | undefined;
    for (const write of [...ok].sort((a, b) => a.begunAt - b.begunAt)) {
      for (; next < settled.length && settled[next]!.settledAt < write.begunAt; next++)
        if (newest === undefined || settled[next]!.version > newest.version) newest = settled[next];
      if (newest !== undefined && newest.version >= write.version)
        found.push({
          class: 'order',
          key,
          what: `${write.id} began after ${newest.id} was acknowledged, and is ${write.version}, not after ${newest.version}`,
          versions: [newest.version, write.version],
        });
    }
  }
  return found;
}

const told = (value: string | null): string => (value === null ? 'a deletion' : `'${value}'`);
