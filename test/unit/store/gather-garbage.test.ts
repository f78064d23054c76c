import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { nextTurn } from '../../../src/clock.ts';
import { createGather } from '../../../src/store/gather.ts';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as (options: { type: 'minor' | 'major' }) => void;

const rounds = 1500;
const numbers = 5_000;
const valueBytes = 8 * numbers;

test('a round that is over keeps no later one, however old it is to the garbage collector', async () => {
  const gather = createGather(
    (keys, told) => void nextTurn().then(() => told(keys.map((key) => Buffer.from(key)))),
  );
  // As a reader holds on to what he made of the bytes, for a moment.
  const read = async (key: string) => {
    const asked = gather(key);
    asked.share = asked.found.then((found) =>
      new Array<number>(numbers).fill(found[asked.place]!.length / 2),
    );
    await asked.share;
  };
  gc({ type: 'major' });
  const before = process.memoryUsage().heapUsed;
  for (let round = 0; round < rounds; round++) {
    await Promise.all([read('a'), read('b')]);
    gc({ type: 'minor' });
  }
  const kept = process.memoryUsage().heapUsed - before;
  expect(kept).toBeLessThan((rounds * valueBytes) / 10);
});
