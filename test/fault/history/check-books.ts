import type { History } from './history.ts';
import type { Violation } from './violation.ts';

/** 8: what the buffer says it accepted is what clients were told, and all of it is accounted for. */
export function findMissingInBooks({ end, writes, additions, faults }: History): Violation[] {
  const { ledger } = end;
  if (ledger === undefined) return [];
  const found: Violation[] = [];
  if (ledger.difference !== 0)
    found.push({
      class: 'conservation',
      key: undefined,
      what: `the ledger is off by ${ledger.difference}`,
    });
  // A buffer that lost its tail has lost its counts, too.
  if (faults.some(({ lostFrom }) => lostFrom !== undefined)) return found;
  const count = (outcome: string) =>
    [...writes, ...additions].filter((each) => each.outcome === outcome).length;
  const least = count('ok');
  const most = least + count('info');
  if (ledger.accepted < least || ledger.accepted > most)
    found.push({
      class: 'conservation',
      key: undefined,
      what: `the ledger has ${ledger.accepted} accepted; clients know of ${least} to ${most}`,
    });
  return found;
}

/** 9: all that is dirty drains once faults are over, and every call settles within its time. */
export function findStuck({ end, calls, ended }: History, settleMs: number): Violation[] {
  const found: Violation[] = [];
  if (end.late > 0 && end.pending.size === 0)
    found.push({ class: 'stuck', key: undefined, what: `${end.late} keys left only when flushers ended` });
  for (const [key, { version }] of end.pending)
    found.push({ class: 'stuck', key, what: `${version} is still dirty`, versions: [version] });
  for (const { id, by, key, begunAt, settledAt } of calls) {
    if (settledAt === undefined) {
      if (ended.has(by)) found.push({ class: 'stuck', key, what: `${id} was never settled` });
    } else if (settledAt - begunAt > settleMs * 1_000) {
      found.push({
        class: 'stuck',
        key,
        what: `${id} took ${Math.round((settledAt - begunAt) / 1_000)} ms to settle, more than ${settleMs}`,
      });
    }
  }
  return found;
}
