import { expect, test } from 'vitest';
import { createEventStream } from '../../src/change/redis.ts';
import { redis } from '../support/index.ts';

const queue = await redis('queue');
const publish = (text: string) => queue.client.xadd('sv:invalidations', '*', 'm', text);

test('a server that was emptied while a worker lives is a gap, once', async () => {
  const stream = createEventStream(queue.client, { prefix: 'sv' });
  await publish('first');
  const first = (await stream.read())!;
  expect(first).toMatchObject({ texts: ['first'], isGap: false });
  await stream.done(first);
  await publish('never read');
  await queue.flush();
  const lost = (await stream.read())!;
  expect(lost).toMatchObject({ texts: [], isGap: true });
  await stream.done(lost);
  expect(await stream.read()).toBeUndefined();
  await publish('second');
  expect(await stream.read()).toMatchObject({ texts: ['second'], isGap: false });
});

test('what is published after that is read, and the gap is told with it', async () => {
  const stream = createEventStream(queue.client, { prefix: 'sv' });
  await queue.flush();
  await publish('first');
  await stream.done((await stream.read())!);
  await queue.flush();
  await publish('second');
  expect(await stream.read()).toMatchObject({ texts: ['second'], isGap: true });
});
