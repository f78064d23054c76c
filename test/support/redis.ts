import { Redis } from 'ioredis';
import { afterAll, inject } from 'vitest';

export interface TestRedis {
  /** With the logical database that is this worker's own. */
  readonly url: string;
  readonly client: Redis;
  flush(): Promise<void>;
}

/** The run's Redis of a role: a logical database of this worker's own, empty now and emptied after the test file. */
export async function redis(role: 'cache' | 'queue'): Promise<TestRedis> {
  const url = `${inject(role === 'cache' ? 'cacheUrl' : 'queueUrl')}/${workerDatabase()}`;
  const client = new Redis(url, { maxRetriesPerRequest: null });
  const flush = async () => void (await client.flushdb());
  afterAll(async () => {
    await flush();
    client.disconnect();
  });
  await flush();
  return { url, client, flush };
}

const workerDatabase = (): number => Number(process.env['VITEST_POOL_ID'] ?? 1) % 64;
