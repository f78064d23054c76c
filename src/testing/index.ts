export { type PostgresOptions, startPostgres } from '../servers/postgres.ts';
export { type RedisOptions, type RedisRole, startRedis } from '../servers/redis.ts';
export type { Server } from '../servers/server.ts';
export { type FakeClock, fakeClock } from './clock.ts';
