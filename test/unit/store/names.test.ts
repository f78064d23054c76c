import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createNames, partitionOf, partitions } from '../../../src/store/names.ts';

const names = createNames('sv');
/** What Redis Cluster hashes: what stands between the first brace and the next closing one. */
const slotTag = (name: string) => /\{(.+?)\}/.exec(name)![1];

test('an entry shares its slot with the leases of its partition, whatever its key holds', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1 }), (key) => {
      const { entry, leases } = names.slot('shop', partitionOf(key));
      expect(names.entry('shop', key)).toBe(entry + key);
      expect(slotTag(names.entry('shop', key))).toBe(slotTag(leases));
      expect(names.entry('shop', key)).not.toBe(leases);
    }),
  );
});

test('caches do not reach into each other', () => {
  expect(names.entry('users', 'Abc:1')).not.toBe(names.entry('usersAbc', '1'));
  expect(names.entry('a', '}e:x')).not.toBe(names.entry('a', 'x'));
});

test('keys are spread over the partitions', () => {
  const counts = new Array<number>(partitions).fill(0);
  for (let i = 0; i < 16_000; i++) counts[partitionOf(String(i))]! += 1;
  for (const count of counts) expect(count).toBeGreaterThan(700);
});
