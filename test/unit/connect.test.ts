import { expect, test } from 'vitest';
import { sameDatabase } from '../../src/connect.ts';

const one = 'redis://ann:a@cache.internal/0';

test.each([['redis://ann:b@cache.internal:6379'], ['redis://ann@cache.internal:6379/0']])(
  '%s is the same database as the same user',
  (other) => {
    expect(sameDatabase(one, other)).toBe(true);
  },
);

test.each([
  ['another database', 'redis://ann:a@cache.internal/1'],
  ['another user, who may not be allowed as much', 'redis://bob:a@cache.internal/0'],
  ['no user', 'redis://cache.internal/0'],
  ['another port', 'redis://ann:a@cache.internal:6380/0'],
  ['another host', 'redis://ann:a@buffer.internal/0'],
])('%s is not', (_, other) => {
  expect(sameDatabase(one, other)).toBe(false);
});
