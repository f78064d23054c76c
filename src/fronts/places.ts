import { SamovarError } from '../errors.ts';

/** Which addresses of the web may be asked. Throws E_KEY for the others. */
export type PlaceRule = (text: string | URL) => URL;

const hostShape = /^(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?(:\d{1,5})?$|^\[[0-9a-f:.]+\](:\d{1,5})?$/i;

/**
 * Hosts by name ('api.example.com'), all below one ('*.example.com'), or with a port of their own ('localhost:8080').
 * Without one only the usual ports are meant. E_CONFIG for what is no host.
 */
export function placeRule(hosts: readonly string[], what: string): PlaceRule {
  if (!Array.isArray(hosts) || hosts.length === 0) throw noHosts(what, String(hosts));
  const wanted = hosts.map((host) => {
    if (typeof host !== 'string' || !hostShape.test(host)) throw noHosts(what, `'${String(host)}'`);
    return host.toLowerCase();
  });
  const isWanted = ({ host }: URL): boolean =>
    wanted.some((each) =>
      each.startsWith('*.') ? host.endsWith(each.slice(1)) && host.length >= each.length : host === each,
    );
  return (text) => {
    let url: URL;
    try {
      url = new URL(text);
    } catch {
      throw refused(what, 'it is no address of the web');
    }
    url.hash = '';
    if (url.protocol !== 'https:' && url.protocol !== 'http:')
      throw refused(what, `its protocol is ${url.protocol.slice(0, 20)} instead of https: or http:`);
    if (url.username !== '' || url.password !== '') throw refused(what, 'it holds a name or a password');
    if (!isWanted(url)) throw refused(what, `${url.host} is not among its \`hosts\``);
    return url;
  };
}

const refused = (what: string, why: string): SamovarError =>
  new SamovarError('E_KEY', `${what} does not ask this address: ${why}`);

const noHosts = (what: string, got: string): SamovarError =>
  new SamovarError(
    'E_CONFIG',
    `expected the \`hosts\` of ${what} to be a list such as ['api.example.com', '*.example.com'], got ${got}`,
  );
