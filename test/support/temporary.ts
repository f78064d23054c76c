import { chmodSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.ts';
import { startReaper } from '../../src/servers/reaper.ts';

const mark = 'SAMOVAR_TEST_TMPDIR';

/** Gives the run a temporary folder of its own: what tests leave lying about is seen there, and goes in any case. */
export function useOwnTemporaryFolder(): void {
  if (process.env[mark] !== undefined) return;
  const folder = mkdtempSync(join(tmpdir(), 'samovar-test-'));
  chmodSync(folder, 0o1777);
  process.env[mark] = folder;
  process.env['TMPDIR'] = folder;
  startReaper({ folder }, systemClock);
}

/** What lies in the run's temporary folder. */
export const leftFiles = (): string[] =>
  process.env[mark] === undefined ? [] : readdirSync(process.env[mark]);
