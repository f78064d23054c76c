import type { End, Event } from './event.ts';

export type Of<Name extends Event['e']> = Extract<Event, { e: Name }>;

/** One write of a client, from before it to after it; asked for again it is the same one, until the last answer. */
export interface Write {
  readonly id: string;
  readonly by: string;
  readonly key: string;
  readonly value: string | null;
  readonly begunAt: number;
  /** Undefined while it is open: nobody was told how it ended. */
  readonly settledAt: number | undefined;
  readonly outcome: 'ok' | 'fail' | 'info';
  readonly version: number | undefined;
  readonly isRepeated: boolean;
}

export interface Addition {
  readonly id: string;
  readonly key: string;
  readonly amount: number;
  readonly outcome: 'ok' | 'fail' | 'info';
}

/** A statement of a flusher. */
export interface Attempt extends Of<'sent'> {
  readonly result: Of<'wrote'> | Of<'refused'> | undefined;
}

export interface History {
  readonly events: readonly Event[];
  /** As they were asked for, each call by itself. */
  readonly calls: readonly Write[];
  readonly writes: readonly Write[];
  readonly writesOf: ReadonlyMap<string, readonly Write[]>;
  readonly additions: readonly Addition[];
  readonly reads: readonly Of<'rd'>[];
  readonly attempts: readonly Attempt[];
  readonly grants: readonly Of<'grant'>[];
  readonly faults: readonly Of<'fault'>[];
  /** Processes that ended of their own accord. */
  readonly ended: ReadonlySet<string>;
  readonly end: End;
}

type Settled = Of<'ok'> | Of<'fail'> | Of<'info'>;

/** Puts calls and answers together. A call without an answer may have been done. */
export function historyOf(given: readonly Event[], end: End): History {
  const events = [...given].sort((a, b) => a.at - b.at);
  const settled = new Map<string, Settled>();
  const results = new Map<string, Of<'wrote'> | Of<'refused'>>();
  for (const event of events) {
    if (event.e === 'ok' || event.e === 'fail' || event.e === 'info') settled.set(event.id, event);
    if (event.e === 'wrote' || event.e === 'refused') results.set(event.batch, event);
  }
  const of = <Name extends Event['e']>(name: Name) =>
    events.filter((event): event is Of<Name> => event.e === name);
  const again = new Map(of('inv').flatMap(({ id, again }) => (again === undefined ? [] : [[again, id]])));
  const calls = of('inv').map((call): Write => {
    const answer = settled.get(call.id);
    return {
      id: call.id,
      by: call.by,
      key: call.key,
      value: call.value,
      begunAt: call.at,
      settledAt: answer?.at,
      outcome: answer?.e ?? 'info',
      version: answer?.e === 'ok' ? answer.version : undefined,
      isRepeated: call.again !== undefined,
    };
  });
  const writes = joined(calls, again);
  const writesOf = new Map<string, Write[]>();
  for (const write of writes) {
    const list = writesOf.get(write.key);
    if (list) list.push(write);
    else writesOf.set(write.key, [write]);
  }
  return {
    events,
    calls,
    writes,
    writesOf,
    additions: of('add').map(({ id, key, amount }) => ({
      id,
      key,
      amount,
      outcome: settled.get(id)?.e ?? 'info',
    })),
    reads: of('rd'),
    attempts: of('sent').map((sent) => ({ ...sent, result: results.get(sent.batch) })),
    grants: of('grant'),
    faults: of('fault'),
    ended: new Set(of('bye').map(({ by }) => by)),
    end,
  };
}

/** A write and its repetition are one, that was taken when either was. `again`: by a write, what repeats it. */
function joined(calls: readonly Write[], again: ReadonlyMap<string, string>): Write[] {
  const byId = new Map(calls.map((call) => [call.id, call]));
  return calls
    .filter(({ isRepeated }) => !isRepeated)
    .map((call) => {
      const repeated = byId.get(again.get(call.id) ?? '');
      if (repeated === undefined) return call;
      const { settledAt, version } = repeated;
      // Refused when it was repeated, it may have been taken before.
      return {
        ...call,
        settledAt,
        version,
        isRepeated: true,
        outcome: version === undefined ? 'info' : 'ok',
      };
    });
}
