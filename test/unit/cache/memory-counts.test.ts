import { expect, test } from 'vitest';
import type { Bus } from '../../../src/bus/bus.ts';
import { createMemory } from '../../../src/cache/memory.ts';
import type { Recorder } from '../../../src/rooms.ts';
import { writeEntry } from '../../../src/store/entry.ts';
import { fakeClock } from '../../support/index.ts';

const bus: Bus = {
  channel: '',
  origin: '',
  isUp: true,
  trustedUntil: Number.POSITIVE_INFINITY,
  open() {},
  publish() {},
  on: () => () => {},
  close() {},
};

/** A memory that holds so many entries, and what its recorder is told. */
function holding(keys: number) {
  const clock = fakeClock();
  const told: number[] = [];
  let flush = () => {};
  const recorder: Recorder = {
    hit: (_cache, _key, _caller, _plan, _row, accesses = 1) => void told.push(accesses),
    miss() {},
    fill() {},
    beforeFlush(task) {
      flush = task;
      return () => {};
    },
  };
  const settings = {
    maxBytes: 1 << 30,
    ttlMs: Number.POSITIVE_INFINITY,
    earlyLoads: 0,
    isShared: true,
  };
  const memory = createMemory({ cache: 'items', settings, bus, clock, recorder });
  const entry = Buffer.alloc(64);
  const head = { filledBy: 'r', filledAt: clock.now(), seq: 0, plan: 0, loadMs: 0 };
  writeEntry(entry, 0, head, clock.now() + 3_600_000, 0, { row: 0, tags: '', body: '1', flags: 0 });
  for (let i = 0; i < keys; i++) memory.keep(`item:${i}`, memory.stamp(), entry, 1);
  const readAll = () => {
    for (let i = 0; i < keys; i++) expect(memory.find(`item:${i}`, undefined)).toBeDefined();
  };
  return { memory, entry, told, readAll, flush: () => flush() };
}

test('reads of an entry are told once a flush, however many they were', () => {
  const { told, readAll, flush } = holding(20_000);
  for (let round = 0; round < 5; round++) readAll();
  expect(told).toEqual([]);
  flush();
  expect(told).toEqual(new Array(20_000).fill(5));
});

test('no more than a bound of entries wait to be told', () => {
  const { told, readAll, flush } = holding(60_000);
  readAll();
  expect(told).toHaveLength(50_000);
  flush();
  expect(told).toEqual(new Array(60_000).fill(1));
});

test('what was asked for before a tag was told is not kept: its tags are not known yet', async () => {
  const { memory, entry } = holding(0);
  const before = memory.stamp();
  memory.dropTags(['sale']);
  memory.keep('a', before, entry, 1);
  memory.keep('b', memory.stamp(), entry, 1);
  expect(memory.find('a', undefined)).toBeUndefined();
  expect(await memory.find('b', undefined)).toBe(1);
});
