import CachePolicy from 'http-cache-semantics';
import type { HttpPolicy } from '../front.ts';
import type { Answer } from './exchange.ts';

/** The request as the rules of caching see it. */
export interface Asked {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface FreshnessOptions {
  /** Whether it is kept for more than one user. */
  readonly isShared: boolean;
  /** For answers that say nothing of how long they hold. */
  readonly silentMs: number;
}

/** How long an answer holds. */
export interface Verdict {
  /** Undefined = it must not be kept. */
  readonly kept: HttpPolicy | undefined;
  /** 0 = the origin is to be asked each time whether it still holds. */
  readonly freshMs: number;
  readonly headers: Record<string, string>;
}

/** The rules of HTTP for one answer. */
export function judgeAnswer(asked: Asked, answer: Answer, options: FreshnessOptions): Verdict {
  const policy = new CachePolicy(asked, answer, { shared: options.isShared });
  return verdictOf(policy, answer.headers, options);
}

/** What to add to the request so that the origin may say that a kept answer still holds. */
export function validators(kept: HttpPolicy, asked: Asked): Record<string, string> {
  const headers = policyOf(kept).revalidationHeaders({
    ...asked,
    headers: { ...asked.headers },
  });
  const { 'if-none-match': tag, 'if-modified-since': since } = headers as Record<string, string | undefined>;
  return {
    ...(tag === undefined ? {} : { 'if-none-match': tag }),
    ...(since === undefined ? {} : { 'if-modified-since': since }),
  };
}

/** Whether a kept answer still holds after the origin was asked; undefined = the new one takes its place. */
export function stillHolds(
  kept: HttpPolicy,
  asked: Asked,
  answer: Pick<Answer, 'status' | 'headers'>,
  options: FreshnessOptions,
): Verdict | undefined {
  const old = policyOf(kept);
  const { resh, st: status } = old.toObject();
  const { modified, matches } = old.revalidatedPolicy(asked, answer);
  if (modified || !matches) return undefined;
  // The origin is broken, and what is kept may be given meanwhile.
  if (answer.status !== 304) return verdictOf(old, resh as Answer['headers'], options);
  // Just confirmed, so it is as old as that says, whatever was said before.
  const headers = { ...(resh as Answer['headers']), age: '0', ...answer.headers };
  return verdictOf(
    new CachePolicy(asked, { status, headers }, { shared: options.isShared }),
    headers,
    options,
  );
}

function verdictOf(policy: CachePolicy, headers: Answer['headers'], options: FreshnessOptions): Verdict {
  const isSilent =
    !['cache-control', 'expires', 'pragma', 'set-cookie'].some((name) => name in headers) &&
    !headers['vary']?.includes('*');
  const holdsMs = Math.max(isSilent ? options.silentMs : 0, policy.maxAge() * 1_000);
  const freshMs = Math.max(0, holdsMs - policy.age() * 1_000);
  return {
    kept: policy.storable() ? withoutCookies(policy.toObject()) : undefined,
    freshMs,
    headers: plain(policy.responseHeaders()),
  };
}

/** Cookies are one user's: they are not kept, nor handed out. */
function withoutCookies(kept: CachePolicy.CachePolicyObject): HttpPolicy {
  const { 'set-cookie': _, ...resh } = kept.resh;
  return { ...kept, resh };
}

const policyOf = (kept: HttpPolicy): CachePolicy =>
  CachePolicy.fromObject(kept as unknown as CachePolicy.CachePolicyObject);

function plain(headers: CachePolicy.Headers): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || name === 'set-cookie' ? [] : [[name, String(value)]],
    ),
  );
}
