import { CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { exitCodes, failureOf, printFailure } from '../../../cli/failure.ts';
import { createOutput } from '../../../cli/output.ts';
import { errorCodes, SamovarError } from '../../../src/errors.ts';
import { fakeStream } from './stream.ts';

const coded = (code: string, message = 'no') => Object.assign(new Error(message), { code });

describe('what a failure is', () => {
  test('ours: code, words, hints and exit code', () => {
    const error = new SamovarError('E_ALREADY_RUNNING', 'busy', { hints: ['wait'] });
    expect(failureOf(error)).toEqual({
      code: 'E_ALREADY_RUNNING',
      message: 'busy',
      hints: ['wait'],
      exitCode: 6,
    });
  });

  test("the command line's: usage, with the help to look at", () => {
    const error = new CommanderError(1, 'commander.unknownOption', "error: unknown option '--tpo'");
    expect(failureOf(error, 'plan')).toEqual({
      code: 'E_USAGE',
      message: "unknown option '--tpo'",
      hints: ['see: samovar plan --help'],
      exitCode: 2,
    });
  });

  test.each([
    [coded('42P01'), 'E_SCHEMA', 2],
    [coded('57P01'), 'E_DATABASE_UNAVAILABLE', 3],
    [coded('53300'), 'E_DATABASE_UNAVAILABLE', 3],
    [coded('ECONNREFUSED'), 'E_STORE_UNAVAILABLE', 3],
    [new Error('Connection is closed.'), 'E_STORE_UNAVAILABLE', 3],
    [new Error('Connection terminated unexpectedly'), 'E_DATABASE_UNAVAILABLE', 3],
    [new TypeError('x is not a function'), 'E_UNEXPECTED', 1],
    ['a text', 'E_UNEXPECTED', 1],
    [undefined, 'E_UNEXPECTED', 1],
  ] as const)('%s becomes %s', (error, code, exitCode) => {
    expect(failureOf(error)).toMatchObject({ code, exitCode });
  });

  test('every named exit code belongs to a code', () => {
    expect(Object.keys(errorCodes)).toEqual(expect.arrayContaining(Object.keys(exitCodes)));
  });
});

describe('how it is told', () => {
  const told = (error: unknown, { json = false, verbose = false } = {}) => {
    const [out, err] = [fakeStream(), fakeStream()];
    const output = createOutput({ json, quiet: false, env: {}, stdout: out.stream, stderr: err.stream });
    printFailure(failureOf(error), error, { output, stderr: err.stream, verbose });
    return { out: out.text(), err: err.text() };
  };
  const error = new SamovarError('E_CONFIG', 'samovar.config.ts has 1 problem\n  a line', {
    hints: ['mend it'],
  });

  test('to people: a cross, the code, the sentence, the ways out; no stack', () => {
    expect(told(error)).toEqual({
      out: '',
      err: '✖ E_CONFIG samovar.config.ts has 1 problem\n    a line\n    → mend it\n',
    });
  });

  test('to machines: one document on standard output', () => {
    const { out, err } = told(error, { json: true });
    expect(JSON.parse(out)).toEqual({
      error: { code: 'E_CONFIG', message: error.message, hints: ['mend it'] },
    });
    expect(err).toBe('');
  });

  test('with --verbose the stack comes, too', () =>
    expect(told(error, { verbose: true }).err).toContain('failure.test.ts'));

  test('a password is in none of it', () => {
    const secret = new Error('cannot reach redis://app:hunter2@cache:6379', { cause: 'hunter2' });
    const hinted = new SamovarError('E_STORE_UNAVAILABLE', String(secret), {
      hints: ['use postgres://u:hunter2@h'],
    });
    for (const each of [secret, hinted])
      for (const json of [true, false]) {
        const { out, err } = told(each, { json, verbose: true });
        expect(out + err).not.toContain('hunter2');
      }
  });
});
