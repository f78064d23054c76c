import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { flags } from '../../../src/store/entry.ts';
import { squeeze, unsqueeze } from '../../../src/store/squeeze.ts';

const short = { body: JSON.stringify('word '.repeat(100)), flags: 0 };
const long = { body: Buffer.from(JSON.stringify('word '.repeat(100_000))), flags: flags.typed };

test.each([
  ['short', short],
  ['long', long],
])('a %s form becomes shorter, and itself again', async (_, form) => {
  const squeezed = await squeeze(form, 100);
  expect(squeezed.flags).toBe(form.flags | flags.deflated);
  expect(squeezed.body.length).toBeLessThan(form.body.length / 5);
  const back = await unsqueeze(squeezed, 1_000_000);
  expect(back.flags).toBe(form.flags);
  expect(back.body.toString()).toBe(form.body.toString());
});

test('what is not long enough, or would not become shorter, stays as it is', async () => {
  expect(await squeeze(short, 10_000)).toBe(short);
  const noise = { body: randomBytes(50_000), flags: flags.msgpack };
  expect(await squeeze(noise, 100)).toBe(noise);
  expect(unsqueeze(short, 1)).toBe(short);
});

test('nothing inflates beyond its bound', async () => {
  const squeezed = await squeeze(long, 100);
  await expect((async () => unsqueeze(squeezed, 10_000))()).rejects.toThrow();
  const broken = { ...squeezed, body: Buffer.from('no such thing') };
  await expect((async () => unsqueeze(broken, 10_000))()).rejects.toThrow();
});
