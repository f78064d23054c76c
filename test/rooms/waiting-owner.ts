/** A process that holds the lease of key 1 while it loads: until it is told to answer, or killed. */
import { createClient } from '../../src/client.ts';
import { defineConfig } from '../../src/config.ts';
import { defineCache, defineOrigin } from '../../src/define.ts';
import { key } from '../../src/key.ts';

const [, , cacheUrl, queueUrl] = process.argv;
let answer = (_: string[]) => {};
const slow = defineCache('slow', {
  origin: defineOrigin('slow', { timeout: '500ms' }),
  key: key.number,
  ttl: '1m',
  load: () => {
    process.send?.('loading');
    return new Promise<string[]>((resolve) => {
      answer = resolve;
    });
  },
});
const client = await createClient(
  defineConfig({
    prefix: 'test',
    redis: cacheUrl!,
    queueRedis: queueUrl!,
    caches: [slow],
    log: { level: 'silent' },
  }),
);
process.on('message', () => answer(['late']));
process.once('disconnect', () => process.exit());
client
  .cache(slow)
  .get(1)
  .then(
    (value) => process.send?.({ value }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
