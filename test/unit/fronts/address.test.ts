import { describe, expect, test } from 'vitest';
import { addressRule } from '../../../src/fronts/address.ts';
import { passable } from '../../../src/fronts/headers.ts';
import { placeRule } from '../../../src/fronts/places.ts';

describe('addresses', () => {
  const isAllowed = addressRule([], 'x');
  test.each(['1.1.1.1', '8.8.8.8', '172.32.0.1', '2606:4700::1111', '2a00:1450:4001::1'])(
    '%s is public',
    (address) => expect(isAllowed(address)).toBe(true),
  );
  test.each([
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '192.0.0.8',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    '::',
    'fe80::1',
    'fe80::1%eth0',
    'fd12:3456::1',
    'fc00::1',
    'ff02::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001:0:7f00:1::',
    '2001:db8::1',
    'fec0::1',
    'no address',
    '',
  ])('%j is not', (address) => expect(isAllowed(address)).toBe(false));

  test('that are named may be connected to, and no others', () => {
    const named = addressRule(['127.0.0.1', '10.0.0.0/8', 'fd00::/16'], 'x');
    const all = ['127.0.0.1', '127.0.0.2', '10.9.9.9', '11.1.1.1', '192.168.0.1', 'fd00::7', 'fd01::7'];
    expect(all.filter(named)).toEqual(['127.0.0.1', '10.9.9.9', '11.1.1.1', 'fd00::7']);
  });

  test.each([
    'localhost',
    '10.0.0.0/33',
    '1.2.3',
    '::1/129',
    '10.0.0.0/x',
    '10.0.0.0/',
    '10.0.0.0/ ',
    '10.0.0.0/8/8',
    '10.0.0.0/1e1',
    '10.0.0.0/-1',
    '',
  ])('%j is no address', (address) =>
    expect(() => addressRule([address], 'a.allowAddresses')).toThrowError(
      expect.objectContaining({ code: 'E_CONFIG', message: expect.stringContaining('a.allowAddresses') }),
    ),
  );
});

describe('hosts', () => {
  const place = placeRule(['api.example.com', '*.Example.org', 'localhost:8080', '[::1]:81'], "'web'");
  test.each([
    ['https://api.example.com', 'https://api.example.com/'],
    ['HTTPS://API.example.com:443/a?b=c#d', 'https://api.example.com/a?b=c'],
    ['http://a.b.example.org/x', 'http://a.b.example.org/x'],
    ['http://localhost:8080/', 'http://localhost:8080/'],
    ['http://[::1]:81/', 'http://[::1]:81/'],
  ])('%s is asked', (url, href) => expect(place(url).href).toBe(href));

  test.each([
    'https://example.com/',
    'https://api.example.com.evil.net/',
    'https://api.example.com:8443/',
    'https://api.example.com./',
    'https://evilexample.org/',
    'https://example.org/',
    'https://.example.org/',
    'http://localhost/',
    'http://user@api.example.com/',
    'http://:secret@api.example.com/',
    'ftp://api.example.com/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    '//api.example.com/',
    'api.example.com',
    '',
  ])('%j is not', (url) => expect(() => place(url)).toThrowError(expect.objectContaining({ code: 'E_KEY' })));

  test.each([[[]], [['https://a.b']], [['*']], [['a b']], [['']], ['a.b'], [[7]]])(
    '%j is no list of hosts',
    (hosts) =>
      expect(() => placeRule(hosts as never, "'web'")).toThrowError(
        expect.objectContaining({ code: 'E_CONFIG' }),
      ),
  );
});

test('headers with secrets, or for the cache itself, are not passed on', () => {
  expect([...passable(['Accept', 'X-Tenant'], "'web'")]).toEqual(['accept', 'x-tenant']);
  for (const name of [
    'Authorization',
    'cookie',
    'Cache-Control',
    'range',
    'If-None-Match',
    'host',
    'a b',
    '',
  ])
    expect(() => passable([name], "'web'")).toThrowError(expect.objectContaining({ code: 'E_CONFIG' }));
});
