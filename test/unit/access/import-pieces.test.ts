import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { longestLine, readPieces } from '../../../src/access/import-pieces.ts';

async function* chunksOf(content: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  for (let at = 0, i = 0; at < content.length; i++) {
    const size = Math.max(1, sizes[i % Math.max(1, sizes.length)] ?? content.length);
    yield content.subarray(at, at + size);
    at += size;
  }
}
const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');

test('however a file is chopped, its lines and its hash are the same', async () => {
  const text = fc.array(fc.constantFrom('a', 'чай 🔑', '', 'long '.repeat(50)), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(
      text,
      fc.boolean(),
      fc.array(fc.integer({ min: 1, max: 40 })),
      async (lines, ends, sizes) => {
        const content = Buffer.from(lines.join('\n') + (ends ? '\n' : ''));
        const reading = readPieces(chunksOf(content, sizes), []);
        const read: unknown[] = [];
        for await (const piece of reading.pieces()) read.push(...piece.lines);
        expect(read.join('\n')).toBe(content.toString().replace(/\n$/, ''));
        const whole = reading.whole();
        expect(whole.bytes).toBe(content.length);
        expect(whole.sha256.toString('hex')).toBe(sha256(content));
      },
    ),
  );
});

test('at a cut the hash of all before it is given, and the lines after it can be told apart', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(40), fc.array(fc.integer({ min: 1, max: 15 })), async (cut, sizes) => {
      const content = Buffer.from(Array.from({ length: 12 }, (_, i) => `line ${i}`).join('\n'));
      const reading = readPieces(chunksOf(content, sizes), cut === 0 ? [] : [cut]);
      const after: unknown[] = [];
      let isAfter = cut === 0;
      for await (const piece of reading.pieces()) {
        if (isAfter) after.push(...piece.lines);
        if (piece.sha256 === undefined) continue;
        expect(piece.sha256.toString('hex')).toBe(sha256(content.subarray(0, cut)));
        reading.dropRest();
        isAfter = true;
      }
      // The line that the cut divides is left out.
      const rest = content.subarray(cut).toString();
      const whole = cut === 0 || content[cut - 1] === 10 ? rest : rest.slice(rest.indexOf('\n') + 1);
      expect(after.join('\n')).toBe(whole);
    }),
  );
});

test('a line without end is told as one that is too long, and what follows it is read', async () => {
  const content = Buffer.concat([
    Buffer.from('first\n'),
    Buffer.alloc(longestLine * 3, 'x'),
    Buffer.from('\nafter\n'),
    Buffer.alloc(longestLine + 1, 'y'),
    Buffer.from('\nlast'),
  ]);
  for (const size of [1_000, 100_000, content.length]) {
    const read: unknown[] = [];
    for await (const piece of readPieces(chunksOf(content, [size]), []).pieces()) read.push(...piece.lines);
    expect(read).toEqual(['first', undefined, 'after', undefined, 'last']);
  }
});
