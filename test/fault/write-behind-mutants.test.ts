import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { mutants } from './write-behind/mutants.ts';
import { openRig, type Rig, type Stage } from './write-behind/rig.ts';
import { tryMutant } from './write-behind/try-mutant.ts';

/** A checker that finds nothing in code with a known mistake proves nothing of code without one. */
vi.setConfig({ testTimeout: 120_000 });

let rig: Rig;
let stage: Stage | undefined;
beforeAll(async () => {
  rig = await openRig({ postgres: { synchronous_commit: 'off' } });
});
afterEach(() => stage?.clear());
afterAll(() => rig?.close());

test.each(mutants.filter(({ isQuick }) => isQuick))('caught: $name', async (mutant) => {
  const { classes, text } = await tryMutant(rig, mutant, (made) => {
    stage = made;
  });
  expect(
    mutant.guiltyOf.filter((name) => classes[name]),
    text,
  ).not.toEqual([]);
});
