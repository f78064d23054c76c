import { type CacheOptions, defineCache } from '../define.ts';
import type { Duration } from '../duration.ts';
import { dayMs, durationMs, minuteMs } from '../duration.ts';
import { SamovarError } from '../errors.ts';
import type { HttpAnswer, HttpDef, HttpId } from '../front.ts';
import { type KeyCodec, key } from '../key.ts';
import { addressRule } from './address.ts';
import { each } from './call.ts';
import { passable } from './headers.ts';
import { type PlaceRule, placeRule } from './places.ts';

/** As those of `defineCache`; the loader asks the web, and answers hold as long as they say. */
export interface HttpOptions
  extends Pick<
    CacheOptions<HttpId, HttpAnswer>,
    'origin' | 'tags' | 'warm' | 'jitter' | 'earlyRefresh' | 'compressAbove'
  > {
  /** Hosts that may be asked, and redirected to: 'api.example.com', '*.example.com', 'localhost:8080'. */
  readonly hosts: readonly string[];
  /** How long answers hold that say nothing of it. @default 0 */
  readonly ttl?: Duration;
  /** How long answers are kept after that, so that the origin need only say that they still hold. @default '1d' */
  readonly keep?: Duration;
  /** Headers of a request that are passed on; what is asked with other values of them is kept apart. @default ['accept', 'accept-language'] */
  readonly pass?: readonly string[];
  /** Sent with every request, but to no other host that it is redirected to: a user agent, the key of an API. @default none */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether what is kept serves more than one user: `private` answers are not kept then. @default true */
  readonly shared?: boolean;
  /** Longer bodies are refused. @default 1_048_576 */
  readonly maxBodyBytes?: number;
  /** Redirects that are followed, each checked like the first address. @default 5 */
  readonly maxRedirects?: number;
  /** Requests at once, for one reader or worker four times as many. @default 4 */
  readonly batch?: number;
  /** Addresses that may be connected to although they are not public: '127.0.0.1', '10.0.0.0/8'. @default none */
  readonly allowAddresses?: readonly string[];
}

const defaults = { keep: '1d', maxBodyBytes: 1_048_576, maxRedirects: 5 } as const;

/** A cache of what the web answers to GET and HEAD. Ask it through `samovar.fetcher`; workers warm it like any other. */
export function http<const Name extends string>(name: Name, options: HttpOptions): HttpDef<Name> {
  const {
    hosts,
    ttl = 0,
    keep = defaults.keep,
    pass = ['accept', 'accept-language'],
    headers = {},
    shared = true,
    maxBodyBytes = defaults.maxBodyBytes,
    maxRedirects = defaults.maxRedirects,
    allowAddresses = [],
    ...rest
  } = options;
  const what = `'${name}'`;
  const place = placeRule(hosts, what);
  const passed = passable(pass, what);
  const isAllowed = addressRule(allowAddresses, `${name}.allowAddresses`);
  for (const [path, most] of Object.entries({ maxBodyBytes, maxRedirects }))
    if (!Number.isSafeInteger(most) || most < 0)
      throw new SamovarError('E_CONFIG', `expected \`${name}.${path}\` to be a whole number, got ${most}`);
  const freshness = { isShared: shared, silentMs: durationMs(ttl, `${name}.ttl`) };
  const asking = { place, headers, isAllowed, maxBodyBytes, maxRedirects, freshness };
  let ask: ReturnType<typeof import('./ask.ts').createAsk> | undefined;

  return defineCache<Name, HttpId, HttpAnswer>(name, {
    batch: 4,
    ...rest,
    key: placeKey(place, passed, what),
    codec: 'msgpack',
    // Room for headers beside the body.
    maxValueBytes: maxBodyBytes + 65_536,
    ttl: {
      longestMs: 7 * dayMs,
      usualMs: Math.max(minuteMs, freshness.silentMs),
      // What must be asked about each time is kept for that.
      of: ({ value: { isKept, freshMs } }) => (isKept ? Math.max(1, freshMs) : 0),
    },
    grace: keep,
    async load(ids, { signal, past }) {
      // Definitions alone stay light.
      ask ??= (await import('./ask.ts')).createAsk(asking);
      const asked = ask;
      return each<HttpId, HttpAnswer>(ids, async (id) =>
        asked(id, { signal, past: (await past?.(id)) as HttpAnswer | undefined }),
      );
    },
  });
}

/** `GET https://api.example.com/rates`, and a line for each header that is passed on. */
function placeKey(place: PlaceRule, passed: ReadonlySet<string>, what: string): KeyCodec<HttpId> {
  return key.custom<HttpId>({
    encode(id) {
      const { url, method = 'GET', headers = {} } = id ?? {};
      const verb = String(method).toUpperCase();
      if (verb !== 'GET' && verb !== 'HEAD')
        throw new SamovarError('E_KEY', `${what} asks by GET and HEAD only, not by ${verb.slice(0, 20)}`);
      const lines = Object.entries(headers)
        .map(([name, value]) => [name.toLowerCase(), String(value).trim()] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1));
      for (const [name, value] of lines) {
        if (!passed.has(name))
          throw new SamovarError('E_KEY', `${what} passes no header \`${name.slice(0, 40)}\` on`, {
            hints: [
              'name it in `pass` if the answer depends on it, or in `headers` if it is always the same',
            ],
          });
        if (/[^\t\x20-\x7e\x80-\xff]/.test(value))
          throw new SamovarError('E_KEY', `${what} was given a header \`${name}\` that HTTP cannot carry`);
      }
      return [`${verb} ${place(url).href}`, ...lines.map((line) => line.join(': '))].join('\n');
    },
    decode(text) {
      const [first = '', ...lines] = text.split('\n');
      const [method = '', url = ''] = first.split(' ');
      const headers = Object.fromEntries(
        lines.map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]),
      );
      return {
        url: place(url).href,
        ...(method === 'GET' ? {} : { method: method as 'HEAD' }),
        ...(lines.length === 0 ? {} : { headers }),
      };
    },
  });
}
