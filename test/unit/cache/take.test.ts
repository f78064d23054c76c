import { expect, test } from 'vitest';
import { createReader } from '../../../src/cache/form.ts';
import { settingsOf } from '../../../src/cache/options.ts';
import { createPatience } from '../../../src/cache/patience.ts';
import { createTake, type Since } from '../../../src/cache/take.ts';
import { nextTurn } from '../../../src/clock.ts';
import { defineCache, defineOrigin } from '../../../src/define.ts';
import { SamovarError } from '../../../src/errors.ts';
import { key } from '../../../src/key.ts';
import { writeEntry } from '../../../src/store/entry.ts';
import type { Begun, Store } from '../../../src/store/store.ts';
import type { Tags } from '../../../src/tags/tags.ts';
import { fakeClock } from '../../support/index.ts';

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
function leases(there: Record<string, Buffer> = {}, begun: (key: string) => Begun | Error = () => 'own') {
  const clock = fakeClock();
  const asked: string[] = [];
  const failures: unknown[] = [];
  const store = {
    async begin(_cache, keys, { ms }, { past }) {
      asked.push(`begin ${keys.join()} for ${ms}${past ? ', past some' : ''}`);
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
      patience: createPatience(clock, 250),
    },
    (error) => failures.push(error),
  );
  const ask = async (names: string, since: Since = 'start', ms = 1, past?: Buffer) => {
    const askings = [...names].map((each) => ({ key: each, past, askedAt: clock.elapsed() }));
    const { from, taken } = take(askings, ms, since);
    const { got } = await taken;
    return askings.map((_, i) => got[from + i]);
  };
  return { ask, asked, failures };
}

test('keys of one tick are one question, with a lease that outlives the longest of their loads', async () => {
  const { ask, asked } = leases({}, (each) => (each === 'b' ? 'busy' : 'own'));
  expect(await Promise.all([ask('ab', 'start', 5), ask('c', 'start', 9)])).toEqual([
    ['own', 'busy'],
    ['own'],
  ]);
  await ask('d');
  expect(asked).toEqual(['begin a,b,c for 9', 'begin d for 1']);
});

test('keys that are looked at again by timers of one turn are one question, apart from new ones', async () => {
  const { ask, asked } = leases();
  const later = async (name: string) => {
    await new Promise<void>((resolve) => process.nextTick(resolve));
    return ask(name, 'wait');
  };
  await Promise.all([ask('a', 'wait'), ask('b'), later('c')]);
  expect(asked.toSorted()).toEqual(['begin a,c for 1', 'begin b for 1']);
});

test('what is said to be written is read; a lease is asked for what is not there, or is of no use', async () => {
  const old = entry('1');
  const { ask, asked } = leases({ a: entry('{"n":1}'), b: old });
  const [[a], [b, c]] = await Promise.all([ask('a', 'written'), ask('bc', 'written', 1, old)]);
  expect(a).toMatchObject({ form: { body: '{"n":1}' } });
  expect([b, c]).toEqual(['own', 'own']);
  expect(asked).toEqual(['read a,b,c', 'begin b,c for 1, past some']);
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
