import { describe, expect, test } from 'vitest';
import { encoded } from '../../../src/define.ts';
import { decode, encode } from '../../../src/store/codec.ts';
import { flags } from '../../../src/store/entry.ts';

class Money {
  readonly cents: number;
  constructor(cents: number) {
    this.cents = cents;
  }
}
const circle: Record<string, unknown> = { a: 1 };
circle['self'] = circle;

describe('JSON', () => {
  test.each([
    [null],
    [0],
    [''],
    [false],
    [[]],
    [{ a: [1, { b: null }] }],
    ['\u{1f525} " \\ \n'],
    [JSON.parse('{"__proto__":1}')],
    [Object.assign(Object.create(null), { a: 1 })],
  ])('is what %j becomes, for any language to read', (value) => {
    const form = encode('shop', value);
    expect(form).toEqual({ body: JSON.stringify(value), flags: 0 });
    expect(decode(form)).toEqual(value);
  });

  test.each([
    ['a date', new Date('2026-01-05T10:00:00Z')],
    ['a big integer', 2n ** 70n],
    ['bytes', Buffer.from([0, 255, 10])],
    ['no bytes', Buffer.alloc(0)],
    ['a typed array', new Float64Array([1.5, -0])],
    ['a map', new Map<unknown, unknown>([[1, new Map([['a', 1n]])]])],
    ['a set', new Set([1, 'a', null])],
    ['NaN', Number.NaN],
    ['infinity', Number.NEGATIVE_INFINITY],
    ['minus zero', -0],
    ['an undefined field', { a: undefined, b: [undefined, 1] }],
    ['an expression', /a+/gi],
    ['an address', new URL('https://example.org/?a=1')],
    ['a date deep within', { list: [{ at: new Date(0) }, { at: null }] }],
    ['a circle', circle],
  ])('cannot hold %s: a typed form brings it back', (_, value) => {
    const form = encode('shop', value);
    expect(form.flags).toBe(flags.typed);
    const back = decode(form);
    expect(back).toStrictEqual(value);
    if (typeof value === 'object') expect(back).not.toBe(value);
  });

  test('bytes stay bytes of the same class', () => {
    expect(Buffer.isBuffer(decode(encode('shop', { a: Buffer.from('x') })) as object)).toBe(false);
    expect(Buffer.isBuffer((decode(encode('shop', { a: Buffer.from('x') })) as { a: unknown }).a)).toBe(true);
  });

  test('an instance is its fields, or what it says itself, in either form; functions are left out', () => {
    const price = { toJSON: () => '1.50', at: new Date(0) };
    const shelf = { of: new Money(5), f: () => 1 };
    expect(decode(encode('shop', [shelf, price]))).toEqual([{ of: { cents: 5 } }, '1.50']);
    expect(decode(encode('shop', [new Date(0), shelf]))).toEqual([new Date(0), { of: { cents: 5 } }]);
  });

  test('text that is JSON already passes through, whatever the codec', () => {
    for (const codec of ['json', 'msgpack'] as const)
      expect(encode('shop', encoded('{"a": 1}'), codec)).toEqual({ body: '{"a": 1}', flags: 0 });
  });
});

describe('msgpack', () => {
  test.each([
    ['null', null],
    ['zero', 0],
    ['a text', 'text'],
    ['plain data', { a: [1.5, { b: null }], c: undefined }],
    ['a date', new Date(86_400_000)],
    ['a big integer', 5n],
    ['bytes', Buffer.from('bytes')],
    ['a set', new Set([1, 2])],
    ['NaN', Number.NaN],
  ] as [string, unknown][])('brings back %s', (_, value) => {
    const form = encode('shop', value, 'msgpack');
    expect(form.flags).toBe(flags.msgpack);
    expect(decode(form)).toEqual(value);
  });

  test('tells maps from objects in a form of its own', () => {
    const value = { list: [new Map<unknown, unknown>([['a', { b: new Map() }]])], plain: { a: 1 } };
    const form = encode('shop', value, 'msgpack');
    expect(form.flags).toBe(flags.msgpack | flags.typed);
    expect(decode(form)).toEqual(value);
  });

  test('never hands out the memory it reads from', () => {
    const form = encode('shop', { bytes: Buffer.from('abc') }, 'msgpack');
    (decode(form) as { bytes: Buffer }).bytes.fill(0);
    expect(decode(form)).toEqual({ bytes: Buffer.from('abc') });
  });
});

describe('a codec of the application', () => {
  const hex = {
    encode: (value: unknown) => Buffer.from(String(value), 'hex'),
    decode: (bytes: Buffer) => bytes.toString('hex'),
  };
  test('writes bytes and reads them', () => {
    const form = encode('shop', 'c0ffee', hex);
    expect(form).toEqual({ body: Buffer.from([0xc0, 0xff, 0xee]), flags: flags.custom });
    expect(decode(form, hex)).toBe('c0ffee');
    expect(() => decode(form, 'json')).toThrow('a codec that is not known here');
  });
});

test.each([
  ['a function', () => 1, 'it is a function'],
  ['a symbol', Symbol('x'), 'it is a symbol'],
  ['a promise', { later: Promise.resolve(1) }, 'Cannot stringify'],
  ['an error', new Error('x'), 'Cannot stringify'],
  [
    'a field that would change its class',
    Object.defineProperty({ at: 1n }, '__proto__', { value: 1, enumerable: true }),
    '__proto__',
  ],
  ['text that is none', encoded(5 as unknown as string), 'instead of a text'],
])('%s is refused, and said why', (_, value, why) => {
  expect(() => encode('shop', value)).toThrow(
    expect.objectContaining({ code: 'E_ENCODE', message: expect.stringContaining(why) }),
  );
  expect(() => encode('shop', value)).toThrow('caches.shop');
});

test.each([[{ body: '{"a":', flags: 0 }], [{ body: '[[1', flags: flags.typed }], [{ body: '1', flags: 64 }]])(
  'bytes that are not what they should be are told: %j',
  (form) => expect(() => decode(form)).toThrow(),
);
