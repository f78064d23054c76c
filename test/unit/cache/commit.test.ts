import { expect, test } from 'vitest';
import { createCommit } from '../../../src/cache/commit.ts';
import { nextTurn } from '../../../src/clock.ts';
import type { Batch, Committed, Draft, Store } from '../../../src/store/store.ts';
import { fakeClock } from '../../support/index.ts';

const batch: Batch = {
  cache: 'items',
  token: 'one',
  isTagged: false,
  filledBy: 'r',
  filledAt: 0,
  seq: 0,
  plan: 0,
  loadMs: 20,
};
const draft = (key: string): Draft => ({
  key,
  body: '1',
  flags: 0,
  bytes: 1,
  tags: '',
  ttlMs: 1_000,
  graceMs: 0,
  row: 0,
});

function recorded(end: () => Promise<void> = async () => {}) {
  const sent: string[] = [];
  const now = { ms: 0 };
  const store: Pick<Store, 'commit'> = {
    async commit({ token }, drafts, options) {
      sent.push(`${token}: ${drafts.map(({ key }) => key).join()}`);
      drafts.forEach(({ key }, i) => {
        options?.heard?.(i, key.startsWith('lost') ? 'lost' : 'written');
      });
      await end();
      return [];
    },
  };
  const clock = { ...fakeClock(), elapsed: () => now.ms };
  return { sent, now, commit: createCommit(store, clock) };
}

test('what comes within one turn under leases taken together is one command, and each load hears of its own', async () => {
  const { sent, commit } = recorded();
  const heard: string[] = [];
  const hear = (load: string) => (i: number, result: Committed) => void heard.push(`${load}${i} ${result}`);
  await Promise.all([
    commit(batch, 2, [draft('a'), draft('lost b')], { heard: hear('first'), sent() {} }),
    commit(batch, 2, [draft('lost c'), draft('d')], { heard: hear('second'), sent() {} }),
  ]);
  expect(sent).toEqual(['one: a,lost b,lost c,d']);
  expect(heard).toEqual(['first0 written', 'first1 lost', 'second0 lost', 'second1 written']);
});

test('what differs in its leases, its reason or the size of its load is not mixed, nor what comes a turn later', async () => {
  const { sent, commit } = recorded();
  const ignore = { heard() {}, sent() {} };
  const first = [
    commit(batch, 1, [draft('a')], ignore),
    commit({ ...batch, token: 'two' }, 1, [draft('b')], ignore),
    commit({ ...batch, filledBy: 'f' }, 1, [draft('c')], ignore),
    commit({ ...batch, seq: 7 }, 1, [draft('d')], ignore),
    commit(batch, 50, [draft('e')], ignore),
  ];
  await nextTurn();
  await Promise.all([...first, commit(batch, 1, [draft('f')], ignore)]);
  expect(sent).toEqual(['one: a', 'two: b', 'one: c', 'one: d', 'one: e', 'one: f']);
});

test('a store that fails is told to every load', async () => {
  const { commit } = recorded(() => Promise.reject(new Error('away')));
  const results = await Promise.allSettled(
    ['a', 'b'].map((key) => commit(batch, 1, [draft(key)], { heard() {}, sent() {} })),
  );
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
});

test('a turn that lasts long is not waited for', async () => {
  const { sent, commit, now } = recorded();
  const ignore = { heard() {}, sent() {} };
  const first = [commit(batch, 1, [draft('a')], ignore)];
  now.ms = 5;
  first.push(commit(batch, 1, [draft('b')], ignore), commit(batch, 1, [draft('c')], ignore));
  expect(sent).toEqual(['one: a,b']);
  await Promise.all(first);
  expect(sent).toEqual(['one: a,b', 'one: c']);
});

test('each load is told when its entries have left, not when they have arrived', async () => {
  let arrive!: () => void;
  const { sent, commit } = recorded(
    () =>
      new Promise((resolve) => {
        arrive = resolve;
      }),
  );
  const order: string[] = [];
  const told = (load: string) => ({
    heard() {},
    sent: () => void order.push(`${load} after ${sent.length}`),
  });
  const all = Promise.all([
    commit(batch, 1, [draft('a')], told('first')),
    commit(batch, 1, [draft('b')], told('second')),
  ]);
  expect(order).toEqual([]);
  await nextTurn();
  expect(order).toEqual(['first after 1', 'second after 1']);
  arrive();
  await all;
});
