import { findMissingInBooks, findStuck } from './check-books.ts';
import {
  findDoubled,
  findEffectsAgain,
  findMiscounted,
  findTooMany,
  findWaste,
  findZombies,
} from './check-effects.ts';
import { findStaleReads } from './check-reads.ts';
import { findDisorder, findLost, findWrong } from './check-writes.ts';
import type { History } from './history.ts';
import type { Violation, ViolationClass } from './violation.ts';

export interface Expected {
  /** A run with fewer acknowledged writes, or fewer faults of a kind, says nothing. */
  readonly leastOk: number;
  readonly leastFaults?: Readonly<Record<string, number>>;
  /** Longest that a call of a client may take. */
  readonly settleMs: number;
  /** Rows that one fault can leave in doubt: those of all statements that may be under way. Not looked at unless told. */
  readonly rowsPerFault?: number;
}

export interface Verdict {
  readonly result: 'clean' | 'violated' | 'inconclusive';
  readonly violations: readonly Violation[];
  /** Why the run says nothing. */
  readonly lacks: readonly string[];
  readonly ok: number;
  readonly unknown: number;
  readonly refused: number;
  readonly reads: number;
  readonly effects: number;
  readonly dead: number;
  /** Keys whose newest acknowledged write went with a fault that may take it. */
  readonly forgiven: number;
  readonly faults: Readonly<Record<string, number>>;
}

/** Looks at a run that was healed and had time to drain. Too little of a run is no proof, and is said so. */
export function check(history: History, expected: Expected): Verdict {
  const { found: lost, forgiven } = findLost(history);
  const violations = [
    ...lost,
    ...findWrong(history),
    ...findDisorder(history),
    ...findEffectsAgain(history),
    ...findDoubled(history),
    ...findTooMany(history),
    ...(expected.rowsPerFault === undefined ? [] : findWaste(history, expected.rowsPerFault)),
    ...findZombies(history),
    ...findMiscounted(history),
    ...findStaleReads(history),
    ...findMissingInBooks(history),
    ...findStuck(history, expected.settleMs),
  ];
  const calls = [...history.writes, ...history.additions];
  const count = (outcome: string) => calls.filter((call) => call.outcome === outcome).length;
  const faults: Record<string, number> = {};
  for (const { kind } of history.faults) faults[kind] = (faults[kind] ?? 0) + 1;
  const ok = count('ok');
  const lacks = [];
  if (ok < expected.leastOk) lacks.push(`${ok} acknowledged writes of at least ${expected.leastOk}`);
  for (const [kind, least] of Object.entries(expected.leastFaults ?? {}))
    if ((faults[kind] ?? 0) < least) lacks.push(`${faults[kind] ?? 0} of at least ${least} times '${kind}'`);
  return {
    result: violations.length > 0 ? 'violated' : lacks.length > 0 ? 'inconclusive' : 'clean',
    violations,
    lacks,
    ok,
    unknown: count('info'),
    refused: count('fail'),
    reads: history.reads.length,
    effects: history.end.effects.length,
    dead: history.end.dead.size,
    forgiven,
    faults,
  };
}

/** How many violations of each class. */
export function classesOf({
  violations,
}: Pick<Verdict, 'violations'>): Partial<Record<ViolationClass, number>> {
  const counts: Partial<Record<ViolationClass, number>> = {};
  for (const violation of violations) counts[violation.class] = (counts[violation.class] ?? 0) + 1;
  return counts;
}
