import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock as clock } from '../../../../src/clock.ts';
import { answers } from '../../../../src/servers/port.ts';
import { until } from '../../../support/until.ts';
import type { Event } from '../../history/event.ts';
import type { Edit } from '../build.ts';
import { clean } from '../clean.ts';
import { cache, prefix } from '../options.ts';
import { progress } from '../rig.ts';
import { type Scene, settled } from './scene.ts';

/** A clock of the server that can be put back, as seen by the scripts: it shows that much more than the real one. */
const skew = `${prefix}:skew`;
const scripts = ['write', 'add', 'claim', 'version', 'letters', 'ledger'];
const skewed: Edit[] = scripts.map((name) => ({
  file: `lua/dirty-${name}.lua`,
  from: "local time = redis.call('TIME')",
  to: `local time = redis.call('TIME'); time[1] = time[1] + tonumber(redis.call('GET', '${skew}') or 0)`,
}));
const hour = 3_600;
const day = 24 * hour;

export const serverScenes: readonly Scene[] = [
  {
    name: 'a clock of Redis that is put back, and clocks of applications and flushers that are days off, change no order',
    rows: '24',
    isQuick: true,
    edits: skewed,
    async play({ rig, stage: open }) {
      const stage = await open();
      await Promise.all([
        stage.client({ clockOffMs: day * 1_000 }),
        stage.client({ clockOffMs: -day * 1_000 }),
        stage.flusher({ clockOffMs: day * 1_000 }),
      ]);
      await progress(stage);
      stage.fault('put the clock of Redis back');
      await rig.admin.set(skew, -hour);
      await progress(stage);
      await stage.flusher({ clockOffMs: -day * 1_000 });
      stage.fault('put the clock of Redis on');
      await rig.admin.set(skew, 0);
      await progress(stage);
      stage.fault('put the clock of Redis back');
      await rig.admin.set(skew, -hour);
      const leastFaults = { 'put the clock of Redis back': 2, 'put the clock of Redis on': 1 };
      return clean(stage, { ...settled, leastOk: 250, leastFaults });
    },
  },
  {
    name: 'a Postgres that is away for long fills the buffer up to its mark, and no further',
    rows: '7',
    isQuick: false,
    async play({ rig, stage: open }) {
      const hardMark = 2;
      const stage = await open({ client: { hardMark } });
      const [client] = await Promise.all([stage.client(), stage.flusher()]);
      await progress(stage);
      stage.fault('keep Postgres away');
      rig.postgresProxy.refuse();
      const isFull = (each: Event) => each.e === 'fail' && each.why === 'E_DIRTY_FULL';
      await until(() => client.events().filter(isFull).length > 50, 'the buffer is full');
      const { pending } = await rig.dirty.ledger(cache);
      assert(pending <= hardMark * rig.dirty.partitions, `${pending} keys are dirty`);
      rig.postgresProxy.pass();
      await progress(stage);
      return clean(stage, { ...settled, leastOk: 200, leastFaults: { 'keep Postgres away': 1 } });
    },
  },
  {
    name: 'a Redis that takes long to load refuses writes at once, and then has all',
    rows: '15',
    isQuick: false,
    rig: {},
    async play({ rig, stage: open }) {
      const stage = await open();
      const [client] = await Promise.all([stage.client({ callers: 12 }), stage.flusher()]);
      await progress(stage, 1_000);
      const { folder, port } = rig.redis;
      stage.fault('load for long');
      await rig.redis.kill();
      appendFileSync(join(folder!, 'redis.conf'), 'key-load-delay 300\n');
      const back = rig.redis.restart();
      const ping = `AUTH ${new URL(rig.redis.url).password}\r\nPING\r\n`;
      await until(() => answers(port, ping, /LOADING/, clock), 'it loads');
      const refused = () => client.events().filter(({ e }) => e === 'fail').length;
      const before = refused();
      await until(() => refused() > before + 20, 'writes are refused');
      await back;
      await progress(stage);
      const verdict = await clean(stage, { ...settled, leastOk: 1_000, leastFaults: { 'load for long': 1 } });
      assert(verdict.refused > 20);
      return verdict;
    },
  },
  {
    name: 'a Redis that begins to evict is given no writes, which is told, until it stops',
    rows: '20',
    isQuick: true,
    async play({ rig, stage: open }) {
      const stage = await open();
      const [client] = await Promise.all([stage.client(), stage.flusher()]);
      await progress(stage);
      stage.fault('let Redis evict');
      await rig.admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
      const events = () => client.events();
      await until(() => events().some((each) => each.e === 'alarm' && !each.isSafe), 'it is told');
      const refused = () => events().filter((each) => each.e === 'fail' && each.why === 'E_BUFFER').length;
      await until(() => refused() > 20, 'writes are refused');
      await rig.admin.config('SET', 'maxmemory-policy', 'noeviction');
      await until(() => events().some((each) => each.e === 'alarm' && each.isSafe), 'it is told');
      await progress(stage);
      return clean(stage, { ...settled, leastOk: 150, leastFaults: { 'let Redis evict': 1 } });
    },
  },
];
