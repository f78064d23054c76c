import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CommandBytes } from '../../../src/store/resp.ts';

/** Reads a command back as a server does. */
function read(bytes: Buffer): string[] {
  let at = 0;
  const line = () => {
    const end = bytes.indexOf('\r\n', at);
    const text = bytes.toString('latin1', at, end);
    at = end + 2;
    return text;
  };
  const args = Number(line().slice(1));
  const all: string[] = [];
  for (let i = 0; i < args; i++) {
    const head = line();
    expect(head[0]).toBe('$');
    const length = Number(head.slice(1));
    all.push(bytes.toString('utf8', at, at + length));
    expect(bytes.toString('latin1', at + length, at + length + 2)).toBe('\r\n');
    at += length + 2;
  }
  expect(at).toBe(bytes.length);
  return all;
}

test('a server reads what was written, whatever it is and however small the guess of its size was', () => {
  const text = fc.string({ unit: 'grapheme' });
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text, fc.nat())), fc.integer({ min: 1, max: 64 }), (parts, size) => {
      const into = new CommandBytes(Buffer.alloc(size));
      into.begin(parts.length * 4);
      for (const [head, tail, number] of parts) {
        into.text(head);
        into.joined(head, tail);
        into.number(number);
        into.bytes(Buffer.from(tail));
      }
      expect(read(into.done())).toEqual(
        parts.flatMap(([head, tail, number]) => [head, head + tail, String(number), tail]),
      );
    }),
  );
});

test.each([0, 9, 10, 99, 100, 1_700_000_000_123, Number.MAX_SAFE_INTEGER])('writes %d', (number) => {
  const into = new CommandBytes(Buffer.alloc(8));
  into.begin(1);
  into.number(number);
  expect(read(into.done())).toEqual([String(number)]);
});

test('an argument can be written in place', () => {
  const into = new CommandBytes(Buffer.alloc(1));
  into.begin(2);
  const at = into.open(5);
  into.close(at + into.into.write('hello', at));
  into.text('end');
  expect(read(into.done())).toEqual(['hello', 'end']);
});
