import { openRig, ways } from '../test/fault/deleted.ts';
import { atLeast, type Bench } from './bench.ts';

export const bench: Bench = {
  about: 'keys invalidated while a warm loads them: how often they are absent afterwards',
  async run(context) {
    const tries = context.quick ? 100 : 1_000;
    const [cache, queue] = await Promise.all([context.redis('cache'), context.redis('queue')]);
    const rig = await openRig({ cacheUrl: cache.url, queueUrl: queue.url });
    try {
      const rows = [];
      const targets = [];
      for (const way of ways) {
        context.log(`${way}: ${tries} tries`);
        const { absent, present, idle } = await rig.run(way, tries);
        rows.push({ what: `${way}: absent afterwards`, value: absent, unit: `of ${tries} tries` });
        rows.push({ what: `${way}: back again`, value: present, unit: `of ${tries} tries` });
        if (idle > 0) rows.push({ what: `${way}: untouched keys not warm`, value: idle, unit: 'tries' });
        targets.push(atLeast(`absent after ${way}`, absent, tries));
      }
      return { rows, targets };
    } finally {
      rig.close();
    }
  },
};
