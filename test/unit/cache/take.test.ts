import { expect, test } from 'vitest';
import { createReader } from '../../../src/cache/form.ts';
import { settingsOf } from '../../../src/cache/options.ts';
import { createPatience, type Patience } from '../../../src/cache/patience.ts';
import { createTake, type Since } from '../../../src/cache/take.ts';
import { nextTurn, systemClock } from '../../../src/clock.ts';
import { defineCache, defineOrigin } from '../../../src/define.ts';
import { SamovarError } from '../../../src/errors.ts';
import { key } from '../../../src/key.ts';
import { writeEntry } from '../../../src/store/entry.ts';
import type { Begun, Store } from '../../../src/store/store.ts';
import type { Tags } from '../../../src/tags/tags.ts';
import { fakeClock, until } from '../../support/index.ts';

const def = defineCache('items', {
  origin: defineOrigin('db'),
  key: key.string,
  ttl: '1m',
  load: (ids: string[]) => ids,
});
const settings = settingsOf(def);
const head = { filledBy: 'r', filledAt: 0, seq: 0, plan: 0, loadMs: 0 };

function entry(body: string): Buffer {
  const bytes = Buffer.alloc(50 + body.length);
  writeEntry(bytes, 0, head, 60_000, 0, { row: 0, tags: '', body, flags: 0 });
  return bytes;
}

/** Leases of a store that has some entries; what it is asked for is written down. */
function leases(
  there: Record<string, Buffer> = {},
  begun: (key: string) => Begun | Error = () => 'own',
  answered = Promise.resolve(),
  patience?: Patience,
) {
  const clock = fakeClock();
  const asked: string[] = [];
  const failures: unknown[] = [];
  const store = {
    async begin(_cache, keys, { ms }, { past }) {
      asked.push(`begin ${keys.join()} for ${ms}${past ? ', past some' : ''}`);
      await answered;
      return keys.map((each) => {
        const told = begun(each);
        if (told instanceof Error) throw told;
        return told;
      });
    },
    async getMany(_cache, keys) {
      asked.push(`read ${keys.join()}`);
      return keys.map((each) => there[each]);
    },
    async abort(_cache, keys) {
      asked.push(`give back ${keys.join()}`);
      return keys.map(() => true);
    },
  } satisfies Pick<Store, 'begin' | 'getMany' | 'abort'>;
  const take = createTake(
    {
      def,
      settings,
      store: store as unknown as Store,
      tags: {} as Tags,
      judge: { one: () => 'alive', many: async (all) => all.map((each) => each && 'alive') },
      reader: createReader(def, settings),
      patience: patience ?? createPatience(clock, 250),
    },
    (error) => failures.push(error),
  );
  const ask = async (
    names: string,
    {
      since = 'start',
      ms = 1,
      past,
      ago = 0,
    }: { since?: Since; ms?: number; past?: Buffer; ago?: number } = {},
  ) => {
    const askedAt = clock.elapsed() - ago;
    const { got } = await take(
      [...names].map((each) => ({ key: each, past, askedAt })),
      ms,
      since,
    );
    return got;
  };
  return { ask, asked, failures, clock };
}

test('keys of one tick are one question, with a lease that outlives the longest of their loads', async () => {
  const { ask, asked } = leases({}, (each) => (each === 'b' ? 'busy' : 'own'));
  expect(await Promise.all([ask('ab', { ms: 5 }), ask('c', { ms: 9 })])).toEqual([['own', 'busy'], ['own']]);
  await ask('d');
  expect(asked).toEqual(['begin a,b,c for 9', 'begin d for 1']);
});

test('keys that are looked at again by timers of one turn are one question, apart from new ones', async () => {
  const { ask, asked } = leases();
  const later = async (name: string) => {
    await new Promise<void>((resolve) => process.nextTick(resolve));
    return ask(name, { since: 'wait' });
  };
  await Promise.all([ask('a', { since: 'wait' }), ask('b'), later('c')]);
  expect(asked.toSorted()).toEqual(['begin a,c for 1', 'begin b for 1']);
});

test('what is said to be written is read, and no lease is taken for what is not there or is of no use', async () => {
  const old = entry('1');
  const { ask, asked } = leases({ a: entry('{"n":1}'), b: old });
  const since = 'written';
  const [[a], [b, c]] = await Promise.all([ask('a', { since }), ask('bc', { since, past: old })]);
  expect(a).toMatchObject({ form: { body: '{"n":1}' } });
  expect([b, c]).toEqual(['absent', 'absent']);
  expect(asked).toEqual(['read a,b,c']);
});

test('an entry of no use is told to the lease that is asked for', async () => {
  const { ask, asked } = leases();
  await Promise.all([ask('a'), ask('b', { past: entry('1') })]);
  expect(asked).toEqual(['begin a,b for 1, past some']);
});

test('who has no patience left gives up for himself alone, and gives back what may be his', async () => {
  let answer = () => {};
  const slow = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const { ask, asked, failures, clock } = leases({}, () => 'own', slow);
  const [old, fresh] = [ask('a', { ago: 245 }), ask('b')];
  const late = old.catch(({ code }: { code: string }) => code);
  await clock.advance(5);
  expect(await late).toBe('E_STORE_UNAVAILABLE');
  answer();
  expect(await fresh).toEqual(['own']);
  await nextTurn();
  expect([asked, failures.length]).toEqual([['begin a,b for 1', 'give back a'], 1]);
});

test('an entry that cannot be read is what was found, for the next question to be past it', async () => {
  const bad = entry('{');
  const { ask } = leases({}, () => bad);
  expect(await ask('a')).toEqual([bad]);
});

test('a store that fails is told of once, and gets back what it may have given', async () => {
  const away = new SamovarError('E_STORE_UNAVAILABLE', 'away');
  const { ask, asked, failures } = leases({}, () => away);
  const both = await Promise.allSettled([ask('a'), ask('b')]);
  expect(both.map((each) => each.status === 'rejected' && each.reason)).toEqual([away, away]);
  await nextTurn();
  expect([asked, failures]).toEqual([['begin a,b for 1', 'give back a,b'], [away]]);
});

test('those who give up together are told of once, also when the answer fails afterwards', async () => {
  let answer = () => {};
  const slow = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const away = new SamovarError('E_STORE_UNAVAILABLE', 'away');
  const { ask, asked, failures } = leases({}, () => away, slow, createPatience(systemClock, 20));
  await Promise.allSettled([ask('a'), ask('b'), ask('c')]);
  const back = () => asked.filter((each) => each.startsWith('give back')).join();
  await until(
    () => ['a', 'b', 'c'].every((each) => back().includes(` ${each}`) || back().includes(`,${each}`)),
    'all is given back',
  );
  answer();
  await nextTurn();
  expect(failures.length).toBe(1);
});
