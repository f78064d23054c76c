/** What a bench that measures the other caches must have installed. */
export const peerPackages: readonly string[] = [
  '@epic-web/cachified',
  '@keyv/redis',
  'async-cache-dedupe',
  'bentocache',
  'cache-manager',
  'cacheable',
  'ioredis',
  'keyv',
  'layered-loader',
];

/** The subjects of `peer-caches.ts`, which itself needs those packages. */
export const peerNames = [
  'samovar',
  'ioredis',
  'ioredis, auto-pipelining',
  'bentocache',
  'cacheable',
  'cache-manager',
  'async-cache-dedupe',
  'cachified',
  'layered-loader',
  'keyv',
] as const;

export type PeerName = (typeof peerNames)[number];
