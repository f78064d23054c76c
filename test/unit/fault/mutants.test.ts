import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { mutants } from '../../fault/write-behind/mutants.ts';
import { scenes } from '../../fault/write-behind/scenes/index.ts';

const edits = [...mutants, ...scenes].flatMap(({ name, edits = [] }) =>
  edits.map((edit) => ({ name, ...edit })),
);

test.each(edits)('the edit for "$name" can still be made in $file', ({ file, from }) => {
  expect(readFileSync(file, 'utf8').split(from).length - 1, from).toBe(1);
});
