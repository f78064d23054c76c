/** Caches made from functions, statements and addresses: definitions like any other. */
export { type HttpOptions, http } from './http.ts';
export { type MemoizeOptions, memoize } from './memoize.ts';
export { type QueryOptions, type QueryPool, query } from './query.ts';
