import { afterAll, expect, test } from 'vitest';
import { type ChangeRig, type Fault, faults, openChangeRig } from './change-rig.ts';
import { build } from './write-behind/build.ts';

/** SAMOVAR_FAULT=full: every step twenty times, and every other fault as often. */
const isFull = process.env['SAMOVAR_FAULT'] === 'full';
const times = 20;
const stride = 6;
const built = isFull ? build() : undefined;
const rig: ChangeRig = await openChangeRig(built?.folder);
afterAll(async () => {
  await rig.close();
  built?.remove();
});

const unharmed = async (): Promise<number> => {
  const ended = await rig.round('kill', 0);
  expect(ended).toMatchObject({ code: 0, signal: null });
  // Statements of the pool, commands of Redis.
  expect(ended.steps).toBeGreaterThanOrEqual(8);
  return ended.steps;
};
const timeout = isFull ? 1_800_000 : 120_000;

test('a worker killed before any of its steps loses no change and touches nothing else', {
  timeout,
}, async () => {
  const steps = await unharmed();
  expect(await rig.findings()).toEqual([]);
  let killed = 0;
  const seen = new Set<number>();
  for (let time = 0; time < (isFull ? times : 1); time++) {
    for (let nth = 1; nth <= steps; nth += isFull ? 1 : stride) {
      const { signal, code } = await rig.round('kill', nth);
      if (signal === null) expect(code).toBe(0);
      else {
        expect(signal).toBe('SIGKILL');
        seen.add(nth);
        killed += 1;
      }
      // Now and then the next one finds what several dead have left.
      if (nth % 3 !== 1) expect(await rig.findings()).toEqual([]);
    }
  }
  expect(await rig.findings()).toEqual([]);
  expect(seen.size).toBeGreaterThanOrEqual(isFull ? 8 : 2);
  if (isFull) process.stderr.write(`killed ${killed} times, at ${seen.size} steps\n`);
});

const standing: [Fault, string][] = [
  ['freeze', 'frozen until others have done its work, and woken up'],
  ['redis', 'whose Redis is restarted'],
  ['postgres', 'whose Postgres is restarted'],
  ['cut', 'whose connections are cut'],
];
test('all faults are tried', () => {
  expect(['kill', ...standing.map(([fault]) => fault)]).toEqual([...faults]);
});

test.each(standing)(
  'a worker (%s) %s loses no change and touches nothing else',
  { timeout },
  async (fault) => {
    const steps = await unharmed();
    for (let time = 0; time < (isFull ? times : 1); time++) {
      const nth = isFull ? 1 + ((time * 7) % steps) : Math.ceil(steps / 2);
      const { signal, code } = await rig.round(fault, nth);
      expect([signal, code]).toEqual([null, 0]);
      expect(await rig.findings()).toEqual([]);
    }
  },
);
