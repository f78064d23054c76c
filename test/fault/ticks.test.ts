import { expect, test } from 'vitest';
import { redis } from '../support/index.ts';
import { seeded } from './seeded.ts';
import { storm } from './storm.ts';

const queue = await redis('queue');

test('three replicas killed at random run every slot exactly once', { timeout: 120_000 }, async () => {
  const told = await storm({ url: queue.url, seconds: 10, replicas: 3, random: seeded(7) });
  expect(told).toMatchObject({ duplicates: 0, gaps: 0, ran: told.slots });
  expect(told.kills).toBeGreaterThan(3);
  expect(told.slots).toBeGreaterThanOrEqual(10);
});
