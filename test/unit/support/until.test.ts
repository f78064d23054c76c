import { expect, test } from 'vitest';
import { until } from '../../support/until.ts';

test('gives what the condition gave, as soon as it gives something', async () => {
  let asked = 0;
  expect(await until(() => ++asked === 3 && 'third', 'the third time')).toBe('third');
  expect(asked).toBe(3);
  expect(await until(async () => 7, 'seven')).toBe(7);
});

test('fails by its name, and with what the condition threw last', async () => {
  const waiting = until(() => Promise.reject(new Error('not there')), 'it is there', {
    timeoutMs: 30,
    everyMs: 5,
  });
  await expect(waiting).rejects.toThrow('waited 30 ms in vain until it is there');
  await expect(waiting).rejects.toMatchObject({ cause: new Error('not there') });
});

test('asks at least once more after a slow answer', async () => {
  expect(await until(() => true, 'true', { timeoutMs: 0 })).toBe(true);
});
