import { describe, expect, test } from 'vitest';
import { check, classesOf, type Expected } from '../../fault/history/check.ts';
import { type Effect, type End, type Event, eventsOf, type State } from '../../fault/history/event.ts';
import { historyOf } from '../../fault/history/history.ts';
import { story, verdictText } from '../../fault/history/story.ts';

const expected: Expected = { leastOk: 0, settleMs: 1_000 };

const places = (of: Record<string, [number, string | null]>): Map<string, State> =>
  new Map(Object.entries(of).map(([key, [version, value]]) => [key, { version, value }]));

interface Given {
  readonly rows?: Record<string, [number, string | null]>;
  readonly dead?: Record<string, [number, string | null]>;
  readonly pending?: Record<string, [number, string | null]>;
  readonly effects?: [key: string, version: number, value: string | null][];
  readonly counters?: Record<string, number>;
  readonly late?: number;
  readonly ledger?: { accepted: number; difference: number };
}

function end({
  rows = {},
  dead = {},
  pending = {},
  effects = [],
  counters = {},
  late = 0,
  ledger,
}: Given): End {
  return {
    rows: places(rows),
    dead: places(dead),
    pending: places(pending),
    effects: effects.map(([key, version, value]): Effect => ({ key, version, value })),
    counters: new Map(Object.entries(counters)),
    late,
    ledger,
  };
}

let made = 0;
/** A write of `a` that begins at `at` and is acknowledged 10 µs later. */
const ok = (key: string, value: string | null, at: number, version: number, by = 'a'): Event[] => {
  const id = `w${++made}`;
  return [
    { e: 'inv', at, by, id, key, value },
    { e: 'ok', at: at + 10, id, version },
  ];
};
const other = (e: 'fail' | 'info', key: string, value: string | null, at: number): Event[] => {
  const id = `w${++made}`;
  return [
    { e: 'inv', at, by: 'a', id, key, value },
    { e, at: at + 10, id, why: 'test' },
  ];
};
/** Nobody knew, and it was asked for again. */
const twice = (key: string, value: string | null, at: number, again: number, version: number): Event[] => {
  const id = `w${++made}`;
  return [
    { e: 'inv', at, by: 'a', id, key, value },
    { e: 'info', at: at + 10, id, why: 'test' },
    { e: 'inv', at: again, by: 'a', id: `${id}-again`, key, value, again: id },
    { e: 'ok', at: again + 10, id: `${id}-again`, version },
  ];
};
const read = (key: string, value: string | null, from: number, by = 'a'): Event[] => [
  { e: 'rd', from, at: from + 5, by, key, value },
];
const fault = (at: number, lostFrom?: number): Event[] => [
  { e: 'fault', at, kind: 'kill', ...(lostFrom === undefined ? {} : { lostFrom }) },
];

const verdictOf = (events: Event[][], given: Given, also: Partial<Expected> = {}) =>
  check(historyOf(events.flat(), end(given)), { ...expected, ...also });
const classes = (events: Event[][], given: Given, also: Partial<Expected> = {}) =>
  classesOf(verdictOf(events, given, also));

describe('a history is clean', () => {
  test('when the last value of every key is where it belongs', () => {
    const verdict = verdictOf(
      [
        ok('k', 'one', 0, 1),
        ok('k', 'two', 100, 2),
        ok('gone', 'x', 0, 3),
        ok('gone', null, 100, 4),
        ok('bad', 'poison', 0, 5),
        ok('late', 'l', 0, 6),
        other('fail', 'k', 'full', 300),
        other('info', 'k', 'unknown', 400),
        read('k', 'two', 200),
        read('gone', null, 300),
      ],
      {
        rows: { k: [2, 'two'], late: [6, 'l'] },
        dead: { bad: [5, 'poison'] },
        effects: [
          ['gone', 3, 'x'],
          ['k', 2, 'two'],
          ['gone', 4, null],
          ['late', 6, 'l'],
        ],
        ledger: { accepted: 7, difference: 0 },
      },
    );
    expect(verdict).toMatchObject({ result: 'clean', violations: [], ok: 6, refused: 1, unknown: 1 });
  });

  test('when a write whose answer was lost took effect after all', () => {
    expect(
      classes([ok('k', 'one', 0, 1), other('info', 'k', 'two', 100)], {
        rows: { k: [2, 'two'] },
        effects: [['k', 2, 'two']],
        ledger: { accepted: 2, difference: 0 },
      }),
    ).toEqual({});
  });

  test('when a write that was asked for again is the older one, and counts once', () => {
    expect(
      classes([twice('k', 'one', 0, 200, 1), ok('k', 'two', 100, 2)], {
        rows: { k: [2, 'two'] },
        effects: [
          ['k', 1, 'one'],
          ['k', 2, 'two'],
        ],
        ledger: { accepted: 2, difference: 0 },
      }),
    ).toEqual({});
  });

  test('when two that wrote at once are in either order', () => {
    expect(classes([ok('k', 'one', 0, 2), ok('k', 'two', 5, 1, 'b')], { rows: { k: [2, 'one'] } })).toEqual(
      {},
    );
  });

  test('when what is missing went with a fault that may take it, and is counted', () => {
    const verdict = verdictOf([ok('k', 'one', 100, 1), fault(200, 50)], {});
    expect(verdict).toMatchObject({ result: 'clean', forgiven: 1 });
  });
});

describe('a history is guilty', () => {
  test('of a duplicate: a write that was asked for again counts twice', () => {
    const events = [twice('k', 'one', 0, 200, 3), ok('k', 'two', 100, 2)];
    const given: Given = {
      rows: { k: [3, 'one'] },
      effects: [
        ['k', 1, 'one'],
        ['k', 2, 'two'],
        ['k', 3, 'one'],
      ],
    };
    expect(classes(events, given)).toEqual({ duplicate: 1 });
    // What the buffer remembered may be gone with what it lost.
    expect(classes([...events, fault(300, 5)], given)).toEqual({});
    expect(
      classes([twice('k', null, 0, 200, 3)], { rows: {}, ledger: { accepted: 2, difference: 0 } }),
    ).toEqual({ conservation: 1 });
  });

  test('of loss: an acknowledged write is nowhere', () => {
    expect(classes([ok('k', 'one', 0, 1)], {})).toEqual({ lost: 1 });
    expect(classes([ok('k', 'one', 0, 1), ok('k', 'two', 50, 2)], { rows: { k: [1, 'one'] } })).toEqual({
      lost: 1,
    });
    expect(classes([ok('k', 'one', 0, 1), ok('k', null, 50, 2)], { rows: { k: [1, 'one'] } })).toEqual({
      lost: 1,
    });
  });

  test('of loss: what was acknowledged before the tail that a fault may take', () => {
    expect(classes([ok('k', 'one', 0, 1), fault(200, 50)], {})).toEqual({ lost: 1 });
  });

  test('of a wrong value under a right version', () => {
    expect(classes([ok('k', 'one', 0, 1)], { rows: { k: [1, 'two'] } })).toEqual({ wrong: 1 });
  });

  test('of a phantom: what was refused, or nobody wrote', () => {
    expect(classes([other('fail', 'k', 'refused', 0)], { rows: { k: [1, 'refused'] } })).toEqual({
      phantom: 1,
    });
    expect(classes([ok('k', 'one', 0, 1)], { rows: { k: [2, 'two'] } })).toEqual({ phantom: 1 });
    expect(classes([], { rows: { k: [1, 'one'] } })).toEqual({ phantom: 1 });
  });

  test('of a resurrection: an older version takes effect after a newer one, also after a deletion', () => {
    const writes = [ok('k', 'one', 0, 1), ok('k', null, 50, 2)];
    expect(
      classes(writes, {
        effects: [
          ['k', 2, null],
          ['k', 1, 'one'],
        ],
      }),
    ).toEqual({ resurrected: 1 });
  });

  test('of a duplicate: one version takes effect twice', () => {
    expect(
      classes([ok('k', 'one', 0, 1), ok('x', 'y', 0, 2)], {
        rows: { k: [1, 'one'], x: [2, 'y'] },
        effects: [
          ['k', 1, 'one'],
          ['k', 1, 'one'],
        ],
      }),
    ).toEqual({ duplicate: 1 });
  });

  test('of disorder: who began after an acknowledgement is older', () => {
    expect(classes([ok('k', 'one', 0, 2), ok('k', 'two', 50, 1, 'b')], { rows: { k: [2, 'one'] } })).toEqual({
      order: 1,
    });
  });

  test('of stale reads: a process does not see its own write, or sees an older one after a newer', () => {
    const writes = [ok('k', 'one', 0, 1, 'b'), ok('k', 'two', 50, 2)];
    const rows = { rows: { k: [2, 'two'] as [number, string] } };
    expect(classes([...writes, read('k', 'one', 100)], rows)).toEqual({ 'stale-read': 1 });
    expect(classes([...writes, read('k', null, 100)], rows)).toEqual({ 'stale-read': 1 });
    expect(classes([...writes, read('k', 'one', 100, 'c')], rows)).toEqual({});
    expect(classes([...writes, read('k', 'two', 100, 'c'), read('k', 'one', 200, 'c')], rows)).toEqual({
      'stale-read': 1,
    });
    // At once: which of two reads came first is not known.
    expect(classes([...writes, read('k', 'two', 100, 'c'), read('k', 'one', 102, 'c')], rows)).toEqual({});
  });

  test('of missing books: the ledger is off, or knows of more or less than clients', () => {
    const rows = { rows: { k: [1, 'one'] as [number, string] } };
    expect(classes([ok('k', 'one', 0, 1)], { ...rows, ledger: { accepted: 1, difference: 1 } })).toEqual({
      conservation: 1,
    });
    for (const accepted of [0, 2])
      expect(classes([ok('k', 'one', 0, 1)], { ...rows, ledger: { accepted, difference: 0 } })).toEqual({
        conservation: 1,
      });
  });

  test('of a read of nothing where only a later deletion could explain it', () => {
    const history = [
      ok('k', 'one', 0, 1),
      read('k', 'one', 100),
      read('k', null, 200),
      ok('k', null, 300, 2),
    ];
    expect(classes(history, { rows: { k: [2, null] } })).toEqual({ 'stale-read': 1 });
  });

  test('of what is stuck: dirty for ever, a call that is never or late settled', () => {
    expect(classes([ok('k', 'one', 0, 1)], { pending: { k: [1, 'one'] } })).toEqual({ stuck: 1 });
    const open: Event = { e: 'inv', at: 0, by: 'a', id: 'open', key: 'k', value: 'one' };
    expect(classes([[open]], {})).toEqual({});
    expect(classes([[open], [{ e: 'bye', at: 9, by: 'a' }]], {})).toEqual({ stuck: 1 });
    const late: Event = { e: 'fail', at: 2_000_000, id: 'open', why: 'late' };
    expect(classes([[open], [late]], {})).toEqual({ stuck: 1 });
    expect(classes([ok('k', 'one', 0, 1)], { rows: { k: [1, 'one'] }, late: 3 })).toEqual({ stuck: 1 });
  });

  const sent = (batch: string, at: number, keys: string[], epoch = 1): Event => ({
    e: 'sent',
    at,
    by: 'f',
    batch,
    rows: keys.map((key) => [key, 1, 0] as const),
    epochs: [[0, epoch]],
  });
  const wrote = (batch: string, at: number, held = [0]): Event => ({
    e: 'wrote',
    at,
    batch,
    held,
    applied: 0,
  });

  test('of too much: more effects than writes, or a key twice in one statement', () => {
    expect(
      classes([ok('k', 'one', 0, 1)], {
        rows: { k: [1, 'one'] },
        effects: [
          ['k', 1, 'one'],
          ['l', 1, 'one'],
        ],
      }),
    ).toEqual({ coalescing: 1 });
    expect(classes([[sent('s', 0, ['k', 'k']), wrote('s', 5)]], {})).toEqual({ coalescing: 1 });
  });

  test('of waste: rows are sent again, and no fault explains it', () => {
    const again = [sent('s', 0, ['k']), wrote('s', 5), sent('t', 10, ['k']), wrote('t', 15)];
    const given: Given = { rows: { k: [1, 'one'] }, effects: [['k', 1, 'one']] };
    const write = ok('k', 'one', 0, 1);
    expect(classes([write, again], given, { rowsPerFault: 10 })).toEqual({ waste: 1 });
    expect(classes([write, again, fault(8)], given, { rowsPerFault: 10 })).toEqual({});
  });

  test('of a zombie: rows are written under a grant that was over before they were sent', () => {
    const grant = (at: number, epoch: number, by: string): Event => ({
      e: 'grant',
      at,
      by,
      epochs: [[0, epoch]],
    });
    const grants = [grant(0, 1, 'f'), grant(20, 2, 'g')];
    expect(classes([grants, [sent('s', 30, ['k']), wrote('s', 40)]], {})).toEqual({ zombie: 1 });
    expect(classes([grants, [sent('s', 30, ['k']), wrote('s', 40, [])]], {})).toEqual({});
    expect(classes([grants, [sent('s', 10, ['k']), wrote('s', 40)]], {})).toEqual({});
  });

  test('of a miscount: a counter is below what was acknowledged, or above what was asked', () => {
    const add = (outcome: 'ok' | 'info', at: number): Event[] => {
      const id = `a${++made}`;
      return [
        { e: 'add', at, by: 'a', id, key: 'c', amount: 2 },
        outcome === 'ok' ? { e: 'ok', at: at + 1, id, version: at + 1 } : { e: 'info', at, id, why: '' },
      ];
    };
    const adds = [add('ok', 0), add('ok', 10), add('info', 20)];
    for (const sum of [4, 6]) expect(classes(adds, { counters: { c: sum } })).toEqual({});
    for (const sum of [2, 8]) expect(classes(adds, { counters: { c: sum } })).toEqual({ miscounted: 1 });
  });
});

test('too few writes or faults prove nothing', () => {
  const verdict = verdictOf(
    [ok('k', 'one', 0, 1), fault(5)],
    { rows: { k: [1, 'one'] } },
    { leastOk: 2, leastFaults: { kill: 1, pause: 1 } },
  );
  expect(verdict.result).toBe('inconclusive');
  expect(verdict.lacks).toEqual(['1 acknowledged writes of at least 2', "0 of at least 1 times 'pause'"]);
});

test('a violation is told as the story of its key, without other versions', () => {
  made = 0;
  const events = [ok('k', 'one', 0, 1), ok('k', 'two', 100, 2), ok('k', 'three', 300, 3), fault(350)].flat();
  const history = historyOf(events, end({ rows: { k: [2, 'two'] }, effects: [['k', 2, 'two']] }));
  const verdict = check(history, expected);
  expect(story(history, verdict.violations[0]!)).toEqual([
    'k: w3 was acknowledged as 3; the newest that is left is 2',
    "      0.0 ms  a begins w2: 'two'",
    '      0.0 ms  w2 → ok 2',
    "      0.2 ms  a begins w3: 'three'",
    '      0.2 ms  w3 → ok 3',
    '      0.3 ms  fault: kill',
    "    at the end: rows 2 'two'; effects in order: 2",
  ]);
  expect(verdictText(history, verdict)).toContain('1 × lost');
});

test('a line that a kill cut short is left out', () => {
  expect(eventsOf('{"e":"bye","at":1,"by":"a"}\n{"e":"bye","at":2,"b')).toEqual([
    { e: 'bye', at: 1, by: 'a' },
  ]);
});
