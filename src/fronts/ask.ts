import type { HttpAnswer, HttpId } from '../front.ts';
import type { AddressRule } from './address.ts';
import { type Answer, createExchange } from './exchange.ts';
import {
  type Asked,
  type FreshnessOptions,
  judgeAnswer,
  stillHolds,
  type Verdict,
  validators,
} from './freshness.ts';
import type { PlaceRule } from './places.ts';

export interface AskOptions {
  readonly place: PlaceRule;
  /** Sent with every request to the host that was asked. */
  readonly headers: Readonly<Record<string, string>>;
  readonly isAllowed: AddressRule;
  readonly maxBodyBytes: number;
  readonly maxRedirects: number;
  readonly freshness: FreshnessOptions;
}

/** Asks the web for one id; `past` is what is kept of it and no longer holds. */
export type Ask = (
  id: HttpId,
  context: { readonly signal: AbortSignal; readonly past: HttpAnswer | undefined },
) => Promise<HttpAnswer>;

/** An answer at the end of a way of redirects, and how long the way holds. */
interface Reached {
  readonly answer: Answer;
  readonly verdict: Verdict;
  readonly url: string;
}

const redirects = [301, 302, 303, 307, 308];

export function createAsk(options: AskOptions): Ask {
  const { place, isAllowed, maxBodyBytes, maxRedirects, freshness } = options;
  const exchange = createExchange({ isAllowed, maxBodyBytes });
  const fixed = Object.fromEntries(
    Object.entries(options.headers).map(([name, value]) => [name.toLowerCase(), value]),
  );

  /** What the rules of caching are told of a request: that there is a secret, not which. */
  const askedOf = (url: URL, method: string, own: Record<string, string>, isHome: boolean): Asked => ({
    url: url.pathname + url.search,
    method,
    headers: {
      host: url.host,
      'accept-encoding': 'gzip, br',
      ...own,
      ...(isHome && 'authorization' in fixed ? { authorization: 'yes' } : {}),
    },
  });

  return async ({ url: first, method = 'GET', headers: given = {} }, { signal, past }) => {
    const own = Object.fromEntries(Object.entries(given).map(([name, value]) => [name.toLowerCase(), value]));
    const home = place(first);
    const verb = method.toUpperCase();
    const askedHome = askedOf(home, verb, own, true);
    // What was reached by redirects has the validators of another place.
    const isKnown = past?.isKept === true && past.url === home.href;
    const conditions = isKnown ? validators(past.policy, askedHome) : {};

    const send = (url: URL, more: Record<string, string>): Promise<Answer> => {
      const headers = { ...own, ...(url.origin === home.origin ? fixed : {}), ...more };
      return exchange(url, { method: verb, headers, signal });
    };

    const follow = async (): Promise<Reached | HttpAnswer> => {
      let url = home;
      let wayMs = Number.POSITIVE_INFINITY;
      for (let hops = 0; ; hops++) {
        let answer = await send(url, hops === 0 ? conditions : {});
        const asked = askedOf(url, verb, own, url.origin === home.origin);
        if (hops === 0 && isKnown) {
          const verdict = stillHolds(past.policy, asked, answer, freshness);
          if (verdict?.kept) return renewed(past, verdict);
          // It says so of something else than what is kept.
          if (answer.status === 304) answer = await send(url, {});
        }
        const verdict = judgeAnswer(asked, answer, freshness);
        const to = redirects.includes(answer.status) ? answer.headers['location'] : undefined;
        if (to === undefined)
          return {
            answer,
            url: url.href,
            verdict: { ...verdict, freshMs: Math.min(wayMs, verdict.freshMs) },
          };
        if (hops >= maxRedirects) throw new Error(`more than ${maxRedirects} redirects from ${home.host}`);
        wayMs = Math.min(wayMs, verdict.kept ? verdict.freshMs : 0);
        const next = place(new URL(to, url));
        if (url.protocol === 'https:' && next.protocol === 'http:')
          throw new Error(`a redirect from ${url.host} leads away from https`);
        url = next;
      }
    };

    const reached = await follow();
    if ('isKept' in reached) return reached;
    const { answer, verdict, url } = reached;
    return {
      url,
      status: answer.status,
      headers: verdict.headers,
      body: answer.body,
      freshMs: verdict.freshMs,
      ...(verdict.kept ? { isKept: true, policy: verdict.kept } : { isKept: false }),
    };
  };
}

const renewed = (past: HttpAnswer & { isKept: true }, { kept, freshMs, headers }: Verdict): HttpAnswer => ({
  ...past,
  headers,
  freshMs,
  policy: kept!,
});
