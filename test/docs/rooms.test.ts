import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const text = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
const types = text('src/rooms.ts');

/** The functions of each room, as the type says them. */
function functionsOf(kind: 'Reads' | 'Writes'): Map<string, string[]> {
  const from = types.indexOf(`export interface ${kind} {`);
  const body = types.slice(from, types.indexOf('\n}\n', from));
  const rooms = body.matchAll(/\n {2}readonly (\w+): \{(.*?)\n {2}\};/gs);
  return new Map(
    Array.from(rooms, ([, room, inner]) => [
      room!,
      Array.from(inner!.matchAll(/\n {4}(\w+)[(<]/g), ([, name]) => name!),
    ]),
  );
}

test('the rooms that a job can declare, and what each can do, are in the documents', () => {
  const [reads, writes] = [functionsOf('Reads'), functionsOf('Writes')];
  const names = [...new Set([...reads.keys(), ...writes.keys()])];
  expect(names.length).toBeGreaterThan(8);
  const cell = (some: string[] = []) => some.map((name) => `\`${name}\``).join(', ');
  const rows = names.map((room) => `| \`${room}\` | ${cell(reads.get(room))} | ${cell(writes.get(room))} |`);
  expect(text('docs/application.md')).toContain(`|---|---|---|\n${rows.join('\n')}\n`);
});
