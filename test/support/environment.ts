import { tmpdir } from 'node:os';

/** The environment of a program that is to know nothing of ours: where programs are, and to leave no files. */
export const bareEnvironment = (): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  TMPDIR: tmpdir(),
  // tsx keeps what it has compiled in the temporary folder otherwise.
  TSX_DISABLE_CACHE: '1',
});
