// Installed into bench/node_modules by the benches that need them; types are checked on machines that have none of them.
declare module '@epic-web/cachified';
declare module '@keyv/redis';
declare module 'async-cache-dedupe';
declare module 'bentocache';
declare module 'bentocache/drivers/redis';
declare module 'cache-manager';
declare module 'cacheable';
declare module 'keyv';
declare module 'layered-loader';
declare module 'bentocache/drivers/memory';
