import { Redis } from 'ioredis';
import { systemClock } from '../../src/clock.ts';
import { serve } from './child.ts';

/** An application that reads from the cache's Redis while others write to it. */
export interface ReaderSetup {
  readonly cacheUrl: string;
  /** It reads `app:1` to `app:<keys>`. */
  readonly keys: number;
}

const callers = 4;
const pauseMs = 2;

let redis: Redis | undefined;
let count = 0;

async function open(setup: ReaderSetup): Promise<void> {
  redis = new Redis(setup.cacheUrl);
  count = setup.keys;
  const value = 'x'.repeat(1_024);
  for (let from = 1; from <= count; from += 1_000) {
    const batch = redis.pipeline();
    for (let i = from; i < Math.min(from + 1_000, count + 1); i++) batch.set(`app:${i}`, value);
    await batch.exec();
  }
}

/** Reads for a while with a few callers; how long each read took, in milliseconds. */
async function read(ms: number): Promise<Float64Array> {
  const client = redis!;
  const until = systemClock.elapsed() + ms;
  const waits: number[] = [];
  let next = 0;
  const caller = async () => {
    while (systemClock.elapsed() < until) {
      const key = `app:${1 + ((next++ * 7_919) % count)}`;
      const from = systemClock.elapsed();
      await client.getBuffer(key);
      waits.push(systemClock.elapsed() - from);
      await systemClock.sleep(pauseMs);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return Float64Array.from(waits);
}

serve({ open, read });
