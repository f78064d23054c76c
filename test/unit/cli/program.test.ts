import { describe, expect, test } from 'vitest';
import { commands } from '../../../cli/commands.ts';
import { commandIn } from '../../../cli/program.ts';

describe('which command is meant', () => {
  test.each([
    [['plan'], 'plan'],
    [['--json', 'plan', 'products'], 'plan'],
    [['-c', 'plan', 'warm'], 'warm'],
    [['--config=x.ts', 'warm'], 'warm'],
    [['--redis', 'redis://x', 'status'], 'status'],
    [['help', 'warm'], 'warm'],
    [['help'], undefined],
    [['--help'], undefined],
    [[], undefined],
  ])('%j', (args, name) => expect(commandIn(args)).toBe(name));
});

test('names are unique and every summary fits its line', () => {
  expect(new Set(commands.map(({ name }) => name)).size).toBe(commands.length);
  for (const { name, summary } of commands)
    expect(`  ${name.padEnd(22)}${summary}`.length).toBeLessThanOrEqual(84);
});
