export { type Config, type ConfigInput, defineConfig, type ImportLine, type ImportMap } from './config.ts';
export {
  type AnyCacheDef,
  type CacheDef,
  type CacheOptions,
  defineCache,
  defineOrigin,
  type Encoded,
  encoded,
  type InvalidateOn,
  type Load,
  type LoadContext,
  type MemoryOptions,
  type OriginDef,
  type TimeoutOptions,
  type WarmOptions,
  type WarmSource,
  type WriteBehindOptions,
  type WriteContext,
} from './define.ts';
export { drawPlan, type PlanRequest, startRun } from './draw.ts';
export type { Duration } from './duration.ts';
export { type ErrorCode, errorCodes, isSamovarError, SamovarError } from './errors.ts';
export type { Events } from './events.ts';
export { defineExpert, type ExpertDef, type ExpertRule } from './expert.ts';
export type { CacheClient, Client, Samovar, Settled, Working } from './facade.ts';
export type { Callable, Fetcher, FunctionDef, HttpAnswer, HttpDef, HttpId } from './front.ts';
export {
  type HttpOptions,
  http,
  type MemoizeOptions,
  memoize,
  type QueryOptions,
  type QueryPool,
  query,
} from './fronts/index.ts';
export {
  type AnyJobDef,
  cancel,
  defineJob,
  done,
  duration,
  type JobContext,
  type JobDef,
  type Outcome,
  snooze,
} from './job.ts';
export { type KeyCodec, key } from './key.ts';
export type { Ttl, TtlFacts, TtlPolicy } from './lifetime.ts';
export { roomBytes, whyFull } from './memory.ts';
export { dueResults } from './refresh-ahead.ts';
export { refused } from './refused.ts';
export { type Rewarmed, rewarm } from './rewarm.ts';
export type {
  Candidate,
  DueClaim,
  Moment,
  Plan,
  PlanRow,
  Reads,
  Run,
  RunState,
  Trigger,
  Writes,
} from './rooms.ts';
export { type ScheduleDef, type ScheduleOptions, schedule } from './schedule.ts';
export { ttl } from './ttl/ttl.ts';
export { type UpsertColumn, type UpsertDef, type UpsertOptions, upsert } from './upsert.ts';
export type { SchemaResult, ValueCodec, ValueSchema } from './values.ts';
export { type Foreseen, foresee } from './when.ts';

/** Builds everything on a configuration; see `Samovar`. Loaded when called: definitions alone stay light. */
export const createSamovar: typeof import('./samovar.ts').createSamovar = async (config, options) =>
  (await import('./samovar.ts')).createSamovar(config, options);
