import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BusNews } from '../../src/bus/bus.ts';
import { nextTurn } from '../../src/clock.ts';
import { defineCache } from '../../src/define.ts';
import { key } from '../../src/key.ts';
import { fakeClock, until } from '../support/index.ts';
import { counter, shop, urls } from './cache-counter.ts';

const origin = shop({ timeout: '500ms' });
const base = { origin: origin.origin, key: key.number, ttl: '1m' } as const;
const plain = defineCache('plain', { ...base, load: (ids) => origin.load(ids) });
const tagged = defineCache('tagged', { ...base, load: (ids) => origin.load(ids), tags: () => ['all'] });
const slow = defineCache('slow', { ...base, load: (ids) => origin.load(ids) });
const defs = [plain, tagged, slow];
const holder = await counter(defs);
// Their time stands still: what they learn, they are told.
const clock = fakeClock();
const one = await counter(defs, { clock });
const two = await counter(defs, { clock });
const heard: BusNews[] = [];
for (const { bus } of [one, two]) bus.open();
one.bus.on((news) => heard.push(news));
await until(() => one.bus.isUp && two.bus.isUp, 'both listen');

beforeEach(async () => {
  origin.release();
  await Promise.all([holder, one, two].map(({ caches }) => caches.settled()));
  await holder.cacheRedis.flushdb();
  origin.rows.clear();
  origin.loads.length = 0;
  await until(() => heard.some(({ kind }) => kind === 'clear'), 'the flush is heard').catch(() => {});
  heard.length = 0;
});

/** Waits until so many leases are marked as waited for. */
const waiting = (most = 1) =>
  until(async () => {
    let marked = 0;
    for (const name of await holder.cacheRedis.keys('test:*:l'))
      marked += (await holder.cacheRedis.hvals(name)).filter((lease) => lease.endsWith(' w')).length;
    return marked === most;
  }, 'the lease is waited for');
const loading = (times = 1) => until(() => origin.loads.length >= times, `load ${times} is under way`);

describe('readers who wait for a load elsewhere are told', () => {
  test('when it is written', async () => {
    origin.rows.set(1, 'pot');
    origin.hold();
    const first = holder.caches.open(plain).get(1);
    await loading();
    const reads = [one, two, one].map(({ caches }) => caches.open(plain).get(1));
    await waiting();
    origin.release();
    expect(await Promise.all([first, ...reads])).toEqual(['pot', 'pot', 'pot', 'pot']);
    expect(origin.loads).toEqual([[1]]);
  });

  test('when a fill of many has written it', async () => {
    for (let id = 1; id <= 40; id++) origin.rows.set(id, id);
    origin.hold();
    const keys = Array.from({ length: 40 }, (_, i) => String(i + 1));
    const filling = holder.caches.fill('plain', { keys, reason: 'warm', signal: AbortSignal.timeout(9_000) });
    await loading();
    const reads = one.caches.open(plain).getMany([1, 2, 40]);
    await waiting(3);
    origin.release();
    expect([...(await reads).values()]).toEqual([1, 2, 40]);
    await filling;
    expect(origin.loads).toHaveLength(1);
  });

  test('when it failed: one of them succeeds, and the others wait for that one', async () => {
    let isIll = true;
    const moody = defineCache('moody', {
      ...base,
      async load(ids: number[]) {
        const found = await origin.load(ids);
        if (isIll) throw new Error('out of order');
        return found;
      },
    });
    const [ill, ...well] = [
      await counter([moody]),
      await counter([moody], { clock }),
      await counter([moody], { clock }),
    ];
    for (const { bus } of well) bus.open();
    await until(() => well.every(({ bus }) => bus.isUp), 'they listen');
    origin.rows.set(1, 'pot');
    origin.hold();
    const first = ill.caches.open(moody).get(1);
    first.catch(() => {});
    await loading();
    const reads = well.map(({ caches }) => caches.open(moody).get(1));
    await waiting();
    origin.release();
    await expect(first).rejects.toMatchObject({ code: 'E_LOAD_FAILED' });
    isIll = false;
    expect(await Promise.all(reads)).toEqual(['pot', 'pot']);
    expect(origin.loads).toEqual([[1], [1]]);
  });

  test('when it was deleted meanwhile: they load what is true now', async () => {
    origin.rows.set(1, 'old');
    origin.hold();
    const first = holder.caches.open(plain).get(1);
    await loading();
    const reads = [one, two].map(({ caches }) => caches.open(plain).get(1));
    await waiting();
    origin.rows.set(1, 'new');
    await holder.caches.open(plain).delete(1);
    await loading(2);
    origin.release();
    expect(await Promise.all([first, ...reads])).toEqual(['old', 'new', 'new']);
    expect(origin.loads).toEqual([[1], [1]]);
  });

  test('when its tag was invalidated meanwhile, so that it could not be written', async () => {
    origin.rows.set(1, 'old');
    origin.hold();
    const first = holder.caches.open(tagged).get(1);
    await loading();
    const read = one.caches.open(tagged).get(1);
    await waiting();
    origin.rows.set(1, 'new');
    await holder.caches.invalidate({ tags: ['all'] });
    origin.release();
    expect(await Promise.all([first, read])).toEqual(['old', 'new']);
  });
});

describe('a caller who leaves while another process loads', () => {
  const leave = async (reads: (signal: AbortSignal) => Promise<unknown>[]) => {
    const controller = new AbortController();
    const left = reads(controller.signal);
    for (const each of left) each.catch(() => {});
    await waiting();
    controller.abort(new Error('gone'));
    for (const each of left) await expect(each).rejects.toThrow('gone');
  };

  test('is let go at once, asks nothing meanwhile, and leaves no lease; the others get the value', async () => {
    origin.rows.set(1, 'pot');
    origin.hold();
    const first = holder.caches.open(plain).get(1);
    await loading();
    const staying = one.caches.open(plain).get(1);
    await leave((signal) => [
      one.caches.open(plain).get(1, { signal }),
      two.caches.open(plain).get(1, { signal }),
      two.caches.open(plain).getMany([1], { signal }),
    ]);
    // Time stands still: who asks Redis again now would do so for ever.
    let asked = 0;
    for (const { cacheRedis } of [one, two]) {
      const send = cacheRedis.sendCommand.bind(cacheRedis);
      cacheRedis.sendCommand = (command, stream) => {
        asked += 1;
        return send(command, stream);
      };
    }
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    expect(asked).toBe(0);
    origin.release();
    expect(await Promise.all([first, staying])).toEqual(['pot', 'pot']);
    await Promise.all([holder, one, two].map(({ caches }) => caches.settled()));
    expect(origin.loads).toEqual([[1]]);
    expect(await holder.cacheRedis.keys('*:l')).toEqual([]);
    expect(await two.caches.open(plain).get(1)).toBe('pot');
  });

  test('of a load that then fails leaves nothing that stands in the way of the next', async () => {
    origin.rows.set(1, 'pot');
    // Somebody took the lease; nobody else asks.
    await holder.store.begin('plain', ['1'], { token: 'elsewhere', ms: 60_000 }, { want: 'none' });
    await leave((signal) => [one.caches.open(plain).get(1, { signal })]);
    await holder.store.abort('plain', ['1'], 'elsewhere');
    await one.caches.settled();
    expect(await holder.cacheRedis.keys('*:l')).toEqual([]);
    expect(await holder.caches.open(plain).get(1)).toBe('pot');
    expect(origin.loads).toEqual([[1]]);
  });
});

test('nothing is said of loads that nobody waits for', async () => {
  for (let id = 1; id <= 20; id++) origin.rows.set(id, id);
  await holder.caches.open(plain).getMany([1, 2, 3, 99]);
  await holder.caches.fill('plain', { keys: ['7', '8'], reason: 'warm', signal: AbortSignal.timeout(9_000) });
  await holder.caches.settled();
  await holder.caches.open(plain).delete([1]);
  // Tests beside this one flush databases of the same server, and that is heard by all.
  const told = () => heard.filter(({ kind }) => kind !== 'clear');
  await until(() => told().length > 0, 'the deletion is heard');
  expect(told()).toEqual([{ kind: 'deleted', cache: 'plain', keys: ['1'], isOwn: false }]);
});

test('a storm of deletions does not starve who reads meanwhile', async () => {
  origin.rows.set(1, 'pot');
  let isOver = false;
  let deletions = 0;
  const storm = (async () => {
    while (!isOver) {
      await holder.caches.open(plain).delete(1);
      deletions += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  const slowly = async (ids: number[]) => {
    const found = await origin.load(ids);
    const before = deletions;
    await until(() => deletions >= before + 3, 'deletions overtake the load');
    return found;
  };
  const stormy = defineCache('plain', { ...base, load: slowly });
  const readers = [await counter([stormy]), await counter([stormy]), await counter([stormy])];
  for (let round = 0; round < 5; round++) {
    const reads = readers.flatMap(({ caches }) => [1, 1, 1].map((id) => caches.open(stormy).get(id)));
    expect(new Set(await Promise.all(reads))).toEqual(new Set(['pot']));
  }
  isOver = true;
  await storm;
  // Each process at most twice a round: the load under way when it asked, and one after the deletion.
  expect(origin.loads.length).toBeLessThanOrEqual(5 * 3 * 3);
});

describe('a process that holds the lease', () => {
  const processes: ChildProcess[] = [];
  afterEach(async () => {
    for (const each of processes.splice(0)) {
      if (each.exitCode !== null || each.signalCode !== null) continue;
      const gone = once(each, 'exit');
      each.kill('SIGKILL');
      await gone;
    }
  });
  const start = async () => {
    const { cacheUrl, queueUrl } = urls();
    const file = fileURLToPath(new URL('./waiting-owner.ts', import.meta.url));
    const owner = fork(file, [cacheUrl, queueUrl], { execArgv: ['--import', 'tsx'] });
    processes.push(owner);
    const [said] = (await once(owner, 'message')) as unknown[];
    expect(said).toBe('loading');
    return owner;
  };
  /** Readers of two processes whose time goes on. */
  const successors = async () => {
    const readers = [await counter(defs), await counter(defs)];
    return readers.flatMap(({ caches }) => [1, 1].map((id) => caches.open(slow).get(id)));
  };

  test('and is killed is succeeded by exactly one', async () => {
    origin.rows.set(1, 'pot');
    const owner = await start();
    const reads = await successors();
    await waiting();
    owner.kill('SIGKILL');
    expect(await Promise.all(reads)).toEqual(['pot', 'pot', 'pot', 'pot']);
    expect(origin.loads).toEqual([[1]]);
  });

  test('and stands still is succeeded by exactly one, and writes nothing when it goes on', async () => {
    origin.rows.set(1, 'pot');
    const owner = await start();
    const reads = await successors();
    await waiting();
    owner.kill('SIGSTOP');
    expect(await Promise.all(reads)).toEqual(['pot', 'pot', 'pot', 'pot']);
    const said = once(owner, 'message');
    owner.send('answer');
    owner.kill('SIGCONT');
    await said;
    await until(async () => (await holder.caches.look('slow', ['1']))[0]?.state === 'fresh', 'it is written');
    expect(await holder.caches.open(slow).get(1)).toBe('pot');
    expect(origin.loads).toEqual([[1]]);
  });
});

test('who asks after a deletion is not given what another was still reading then', async () => {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  let looks = 0;
  const validate = async (value: unknown) => {
    looks += 1;
    await opened;
    return { value };
  };
  const load = (ids: number[]) => origin.load(ids);
  const unchecked = defineCache('checked', { ...base, load });
  const checked = defineCache('checked', {
    ...base,
    load,
    schema: { '~standard': { version: 1, vendor: 'test', validate } },
  });
  const [writer, reader] = [await counter([unchecked]), await counter([checked], { clock })];
  const news: string[] = [];
  reader.bus.on(({ kind }) => void news.push(kind));
  reader.bus.open();
  await until(() => reader.bus.isUp, 'it listens');
  origin.rows.set(1, 'old');
  origin.hold();
  const first = writer.caches.open(unchecked).get(1);
  await loading();
  const waiter = reader.caches.open(checked).get(1);
  await waiting();
  origin.release();
  expect(await first).toBe('old');
  await until(() => looks === 1, 'it is being read');
  origin.rows.set(1, 'new');
  await writer.caches.open(unchecked).delete(1);
  await until(() => news.includes('deleted'), 'that is heard');
  const later = reader.caches.open(checked).get(1);
  // Its own question was before this one.
  await reader.store.getMany('checked', ['1']);
  await nextTurn();
  open();
  expect(await Promise.all([waiter, later])).toEqual(['old', 'new']);
});
