import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openRig, type Rig } from './write-behind/rig.ts';
import { scenes } from './write-behind/scenes/index.ts';
import { play } from './write-behind/scenes/play.ts';

/** Faults with a course of their own; the longer ones are played by `npm run torture -- --scenes`. */
vi.setConfig({ testTimeout: 120_000 });

let rig: Rig;
beforeAll(async () => {
  rig = await openRig();
});
afterAll(() => rig?.close());

test.each(scenes.filter(({ isQuick }) => isQuick))('row $rows: $name', async (scene) => {
  const verdict = await play(rig, scene);
  expect(verdict?.result ?? 'clean').toBe('clean');
});
