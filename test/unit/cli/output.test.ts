import { expect, test } from 'vitest';
import { createOutput, type OutputOptions, wantsColor } from '../../../cli/output.ts';
import { fakeStream } from './stream.ts';

const open = (options: Partial<OutputOptions> & { tty?: boolean } = {}) => {
  const [out, err] = [fakeStream(options.tty), fakeStream(options.tty)];
  const output = createOutput({
    json: false,
    quiet: false,
    env: {},
    stdout: out.stream,
    stderr: err.stream,
    ...options,
  });
  return { output, out: out.text, err: err.text };
};
const escapeCode = '\u001b';

test.each<[string, Parameters<typeof wantsColor>[0], boolean, boolean]>([
  ['a pipe', { env: {} }, false, false],
  ['a terminal', { env: {} }, true, true],
  ['NO_COLOR', { env: { NO_COLOR: '1' } }, true, false],
  ['an empty NO_COLOR', { env: { NO_COLOR: '' } }, true, true],
  ['FORCE_COLOR in a pipe', { env: { FORCE_COLOR: '1' } }, false, true],
  ['--no-color', { env: { FORCE_COLOR: '1' }, color: false }, true, false],
  ['NO_COLOR over FORCE_COLOR', { env: { FORCE_COLOR: '1', NO_COLOR: '1' } }, true, false],
  ['a dumb terminal', { env: { TERM: 'dumb' } }, true, false],
  ['CI in a pipe', { env: { CI: 'true' } }, false, false],
])('colours: %s', (_, options, isTTY, wanted) => expect(wantsColor(options, { isTTY })).toBe(wanted));

test('a table in a pipe has no escape codes and no trailing spaces', () => {
  const { output } = open();
  const text = output.table(
    ['KEY', { head: 'N', align: 'right' }],
    [
      ['a', '1'],
      ['long', '1,000'],
    ],
  );
  expect(text).toBe('KEY       N\na         1\nlong  1,000');
});

test('a table on a terminal is in colour', () => {
  expect(open({ tty: true }).output.table(['KEY'], [['a']])).toContain(escapeCode);
});

test('--json: one document, and no other line on standard output', () => {
  const { output, out } = open({ json: true });
  output.line('words');
  output.data({ a: 1 }, () => 'text');
  expect(out()).toBe('{"a":1}\n');
});

test('without --json the text, and a line ends with one newline', () => {
  const { output, out } = open();
  output.line('words');
  output.data({ a: 1 }, () => 'text');
  output.data({ a: 1 }, () => 'text\n');
  expect(out()).toBe('words\ntext\ntext\n');
});

test('notes go to standard error, and not with --quiet', () => {
  const loud = open();
  loud.output.note('hello');
  expect([loud.out(), loud.err()]).toEqual(['', 'hello\n']);
  const quiet = open({ quiet: true });
  quiet.output.note('hello');
  expect(quiet.err()).toBe('');
});

test('progress is one line that is rewritten, on a terminal alone', () => {
  for (const options of [{}, { tty: true, json: true }, { tty: true, quiet: true }]) {
    const { output, err, out } = open(options);
    const progress = output.progress();
    progress.show('half');
    progress.end();
    expect([err(), out()]).toEqual(['', '']);
  }
  const { output, err } = open({ tty: true });
  const progress = output.progress();
  progress.show('x'.repeat(100));
  expect(err()).toBe(`\r${escapeCode}[2K${'x'.repeat(39)}`);
});
