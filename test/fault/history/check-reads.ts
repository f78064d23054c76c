import { mayBeGone } from './check-writes.ts';
import type { History, Of, Write } from './history.ts';
import type { Violation } from './violation.ts';

/**
 * 7: a reader sees its own acknowledged writes, and never an older value than it saw before. A value tells its write, and that
 * its version; where nobody knows the version the read says nothing. What a fault may have taken is not asked for.
 */
export function findStaleReads(history: History): Violation[] {
  const { reads, writes, writesOf, end } = history;
  const isGone = mayBeGone(history);
  // One that was written again because its answer was lost may have several.
  const versionsOf = new Map<string, number[]>();
  const deletions = new Map<string, number[]>();
  const isOpenDeletion = new Set<string>();
  const begunAt = new Map<string, number>();
  const learn = (key: string, value: string | null, version: number) => {
    const [map, name] = value === null ? [deletions, key] : [versionsOf, `${key} ${value}`];
    const list = map.get(name);
    if (list === undefined) map.set(name, [version]);
    else if (!list.includes(version)) list.push(version);
  };
  for (const { key, value, version, outcome, begunAt: at } of writes) {
    if (version !== undefined) {
      learn(key, value, version);
      begunAt.set(`${key} ${version}`, at);
    } else if (outcome === 'info' && value === null) isOpenDeletion.add(key);
  }
  const isLaterThan = (read: Of<'rd'>) => (version: number) =>
    (begunAt.get(`${read.key} ${version}`) ?? 0) > read.at;
  for (const { key, value, version } of end.effects) learn(key, value, version);

  const own = new Map<string, Write[]>();
  for (const write of writes)
    if (write.outcome === 'ok' && !isGone(write)) {
      const at = `${write.by} ${write.key}`;
      if (own.has(at)) own.get(at)!.push(write);
      else own.set(at, [write]);
    }

  const found: Violation[] = [];
  const seen = new Map<string, { version: number; at: number }[]>();
  for (const read of reads) {
    const { by, key, from, value } = read;
    if (!writesOf.has(key) || end.dead.has(key) || hasLoss(history, read)) continue;
    const at = `${by} ${key}`;
    const mine = Math.max(
      0,
      ...(own.get(at) ?? []).filter(({ settledAt }) => settledAt! < from).map(({ version }) => version!),
    );
    const before = Math.max(
      0,
      ...(seen.get(at) ?? []).filter((each) => each.at < from).map(({ version }) => version),
    );
    const least = Math.max(mine, before);
    let version: number | undefined;
    if (value !== null) {
      const all = versionsOf.get(`${key} ${value}`) ?? [];
      if (all.length === 0 || (all.length > 1 && Math.max(...all) >= least)) continue;
      version = Math.max(...all);
    } else if (!isOpenDeletion.has(key)) {
      // Which deletion it was cannot be seen: the earliest that would do.
      const isLater = isLaterThan(read);
      const fits = (deletions.get(key) ?? []).filter((each) => each >= least && !isLater(each));
      version = fits.length > 0 || least === 0 ? Math.min(Number.POSITIVE_INFINITY, ...fits) : -1;
      if (version === Number.POSITIVE_INFINITY) version = 0;
    }
    if (version === undefined) continue;
    if (version < least) {
      found.push({
        class: 'stale-read',
        key,
        what: `${by} read ${value === null ? 'nothing' : `'${value}'`} after ${
          mine >= before ? 'its own write' : 'it had read'
        } ${least}`,
        versions: [least, version],
        at: read.at,
      });
      continue;
    }
    const list = seen.get(at);
    if (list) list.push({ version, at: read.at });
    else seen.set(at, [{ version, at: read.at }]);
  }
  return found;
}

/** Where a fault took acknowledged writes, what was seen of them before may be gone, too. */
const hasLoss = ({ faults }: History, { at }: Of<'rd'>): boolean =>
  faults.some((fault) => fault.lostFrom !== undefined && fault.at <= at);
