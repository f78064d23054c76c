import type { AnyJobDef, PayloadOf } from './job.ts';

export interface ScheduleOptions {
  /** How it is called in lists and commands. @default the job's name, with the cache's when it has one */
  readonly name?: string;
  /** IANA name of the zone the expression is read in. @default 'UTC' */
  readonly timezone?: string;
  /** What happens to slots that passed while no worker was up. @default 'one' */
  readonly catchUp?: 'none' | 'one' | 'all';
  /** What happens to a slot while the one before it still runs. @default 'skip' */
  readonly overlap?: 'skip' | 'queue';
}

/** When a job runs by itself. `CacheName` carries the name of the cache its payload speaks of, for the type checker. */
export interface ScheduleDef<CacheName extends string = string> extends ScheduleOptions {
  readonly kind: 'schedule';
  readonly name: string;
  readonly expression: string;
  readonly job: AnyJobDef;
  readonly payload: { readonly cache?: CacheName } & Record<string, unknown>;
}

type CacheNameOf<Payload> = Payload extends { readonly cache: infer Name extends string } ? Name : never;

/** Names when a job runs: `schedule('*\/15 * * * *', warm, { cache: 'products' })`. Plain data. */
export function schedule<Job extends AnyJobDef, const Payload extends PayloadOf<Job> & object>(
  expression: string,
  job: Job,
  payload?: Payload,
  options: ScheduleOptions = {},
): ScheduleDef<CacheNameOf<Payload>> {
  const cache = (payload as { cache?: string } | undefined)?.cache;
  return Object.freeze({
    ...options,
    kind: 'schedule',
    name: options.name ?? (cache === undefined ? job.name : `${job.name}-${cache}`),
    expression,
    job,
    payload: (payload ?? {}) as ScheduleDef<CacheNameOf<Payload>>['payload'],
  });
}
