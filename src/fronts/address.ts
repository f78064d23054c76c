import { lookup as resolve } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { SamovarError } from '../errors.ts';

/** Of version 4: whatever is not for everybody on the internet. */
const privateRanges: readonly [string, number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];
/** Of version 6: only 2000::/3 is for everybody, but for these, which lead elsewhere or nowhere. */
const specialRanges: readonly [string, number][] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

const notPublic = new BlockList();
for (const [net, bits] of privateRanges) notPublic.addSubnet(net, bits, 'ipv4');
for (const [net, bits] of specialRanges) notPublic.addSubnet(net, bits, 'ipv6');
const unicast = new BlockList();
unicast.addSubnet('2000::', 3, 'ipv6');

/** Tells which addresses may be connected to. */
export type AddressRule = (address: string) => boolean;

/** Public addresses, and those named: single ones ('127.0.0.1') or ranges ('10.0.0.0/8'). E_CONFIG for what is neither. */
export function addressRule(allowed: readonly string[], path: string): AddressRule {
  const named = new BlockList();
  for (const range of allowed) {
    const [, net = '', bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(String(range)) ?? [];
    const family = familyOf(net);
    const longest = family === 'ipv4' ? 32 : 128;
    const length = bits === undefined ? longest : Number(bits);
    if (family === undefined || length > longest) {
      throw new SamovarError(
        'E_CONFIG',
        `expected \`${path}\` to list addresses such as '127.0.0.1' or '10.0.0.0/8', got '${String(range)}'`,
      );
    }
    named.addSubnet(net, length, family);
  }
  return (address) => {
    const family = familyOf(address);
    if (family === undefined) return false;
    if (named.check(address, family)) return true;
    if (family === 'ipv6' && !unicast.check(address, family)) return false;
    return !notPublic.check(address, family);
  };
}

const familyOf = (address: string): 'ipv4' | 'ipv6' | undefined => {
  const version = isIP(address);
  return version === 0 ? undefined : version === 4 ? 'ipv4' : 'ipv6';
};

/** Thrown where a name leads to an address that may not be connected to. */
export const refusedAddress = (host: string): Error =>
  new Error(
    `${host} leads to an address that is not public; name it in \`allowAddresses\` if it may be asked`,
  );

/**
 * Resolves names for sockets, so that the addresses that were looked at are those that are connected to. A name with any
 * address that may not be is refused whole.
 */
export function checkedLookup(isAllowed: AddressRule): LookupFunction {
  return (hostname, options, done) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return done(error, []);
      if (addresses.length === 0 || !addresses.every(({ address }) => isAllowed(address)))
        return done(refusedAddress(hostname), []);
      if (options.all) done(null, addresses);
      else done(null, addresses[0]!.address, addresses[0]!.family);
    });
  };
}
