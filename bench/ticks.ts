import { seeded } from '../test/fault/seeded.ts';
import { storm } from '../test/fault/storm.ts';
import { atLeast, atMost, type Bench } from './bench.ts';

const replicas = 3;

export const bench: Bench = {
  about: `${replicas} replicas tick every second while one after the other is killed: every slot runs once`,
  async run(context) {
    const seconds = context.quick ? 8 : 30;
    const { url } = await context.redis('queue');
    context.log(`${seconds} s of kill -9 at random, ${replicas} replicas`);
    const told = await storm({ url, seconds, replicas, random: seeded(1) });
    return {
      rows: [
        { what: 'replicas killed', value: told.kills, unit: 'kills' },
        { what: 'slots that passed', value: told.slots, unit: 'slots' },
        {
          what: 'slots that ran',
          value: told.ran,
          unit: 'slots',
          ratio: told.ran / told.slots,
          against: 'slots that passed',
        },
        { what: 'slots that ran twice', value: told.duplicates, unit: 'slots' },
        { what: 'slots that never ran', value: told.gaps, unit: 'slots' },
        { what: 'jobs finished by another replica', value: told.takenOver, unit: 'jobs' },
      ],
      targets: [
        atMost('slots that ran twice', told.duplicates, 0),
        atMost('slots that never ran', told.gaps, 0),
        atLeast('slots that ran', told.ran, told.slots),
      ],
    };
  },
};
