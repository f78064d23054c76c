/** For tests of applications: a clock that stands still, and private servers. */
export { startPostgres } from '../servers/postgres.ts';
export { startRedis } from '../servers/redis.ts';
export type { Server } from '../servers/server.ts';
export { type FakeClock, fakeClock } from './clock.ts';
