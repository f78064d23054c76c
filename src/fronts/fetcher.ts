import type { CacheClient } from '../facade.ts';
import type { Fetcher, HttpAnswer, HttpId } from '../front.ts';
import type { CallableParts } from './call.ts';

/** A cache of answers of the web as a function like `fetch`. */
export function fetcher(cache: CacheClient<HttpId, HttpAnswer>, { clear, options }: CallableParts): Fetcher {
  const idOf: (...args: Parameters<Fetcher>) => HttpId = (url, { method, headers } = {}) => ({
    url: String(url),
    ...(method === undefined ? {} : { method }),
    ...(headers === undefined ? {} : { headers }),
  });
  const ask = async (...[url, init]: Parameters<Fetcher>): Promise<Response> => {
    const { signal } = init ?? {};
    const answer = await cache.get(idOf(url, init), {
      ...options,
      ...(signal === undefined ? {} : { signal }),
      // What no longer holds is never given: the origin is asked first.
      maxStale: 0,
    });
    return responseOf(answer!, init?.method);
  };
  return Object.assign(ask, {
    invalidate: (...args: Parameters<Fetcher>) => cache.delete([idOf(...args)]),
    async invalidateAll() {
      await clear();
    },
    stats: () => cache.stats(),
  });
}

/** Statuses that `Response` takes no body with. */
const bare = [101, 103, 204, 205, 304];

function responseOf({ status, headers, body, url }: HttpAnswer, method = 'GET'): Response {
  const isBare = bare.includes(status) || method.toUpperCase() === 'HEAD';
  const response = new Response(isBare ? null : (body as Uint8Array<ArrayBuffer>), { status, headers });
  Object.defineProperty(response, 'url', { value: url });
  return response;
}
