import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../src/files.ts';

test('what an application may write compiles, and what it must not does not', () => {
  const tsc = join(packageRoot, 'node_modules/.bin/tsc');
  const { stdout, status } = spawnSync(tsc, ['-p', 'test/types', '--pretty', 'false'], {
    cwd: packageRoot,
    encoding: 'utf8',
  });
  const ours = stdout.split('\n').filter((line) => line.startsWith('test/types/'));
  expect(ours).toEqual([]);
  expect(stdout).toBe('');
  expect(status).toBe(0);
});
