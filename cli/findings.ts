import type { Config } from '../src/config.ts';
import { humanDuration, minuteMs, secondMs } from '../src/duration.ts';
import type { ServerFacts } from '../src/facade.ts';
import { error, type Finding, ok, warning } from './finding.ts';
import { doubts } from './findings-config.ts';

/** More than this between two clocks makes schedules and buckets of one disagree with the other's. */
const longestSkewMs = secondMs;

/** What is good, doubtful and dangerous about servers and configuration together. Pure. */
export function examine(config: Config, servers: readonly ServerFacts[], needs: number): Finding[] {
  const cache = servers.find(({ role }) => role === 'cache');
  const queue = servers.find(({ role }) => role === 'queue');
  const buffer = servers.find(({ role }) => role === 'buffer');
  const postgres = servers.find(({ role }) => role === 'postgres');
  return [
    ...servers.flatMap(reach),
    ...(cache?.ok ? cacheRedis(config, cache) : []),
    ...(queue?.ok ? queueRedis(config, queue) : []),
    ...(buffer?.ok ? bufferRedis(config, buffer) : []),
    ...shared(config),
    ...(postgres?.ok ? database(postgres, needs) : []),
    ...(postgres?.ok ? changes(config, postgres) : []),
    ...doubts(config),
  ];
}

const nameOf = ({ role }: ServerFacts): string => (role === 'postgres' ? 'postgres' : `redis (${role})`);

function reach(server: ServerFacts): Finding[] {
  const name = nameOf(server);
  if (!server.ok)
    return [error(name, server.error ?? 'does not answer', `start it, or correct ${server.from}`)];
  const time = server.roundTripMs === undefined ? '' : ` in ${server.roundTripMs.toFixed(1)} ms`;
  const skew = server.skewMs ?? 0;
  if (Math.abs(skew) <= longestSkewMs) return [ok(name, `${server.version} answers${time}`)];
  const side = skew > 0 ? 'ahead of' : 'behind';
  return [
    ok(name, `${server.version} answers${time}`),
    warning(
      name,
      `its clock is ${humanDuration(Math.abs(skew))} ${side} this machine's; schedules use this machine's`,
      'run a time service (chrony, systemd-timesyncd) on both',
    ),
  ];
}

function cacheRedis(
  { caches }: Config,
  { policy, maxBytes, usedBytes = 0, savesToDisk = false }: ServerFacts,
): Finding[] {
  const subject = 'redis (cache)';
  const found: Finding[] = [];
  if (savesToDisk)
    found.push(
      warning(
        subject,
        'it saves to disk: after a restart, what was deleted since it last saved is back',
        'CONFIG SET save ""',
        'CONFIG SET appendonly no',
      ),
    );
  if (!policy || policy === 'unknown')
    found.push(
      warning(
        subject,
        'its eviction policy cannot be read (CONFIG and INFO are blocked)',
        'make sure with your provider that it is volatile-lfu',
      ),
    );
  else if (policy === 'noeviction')
    found.push(
      warning(
        subject,
        'maxmemory-policy is noeviction: when it is full, writes fail instead of making room',
        'CONFIG SET maxmemory-policy volatile-lfu',
      ),
    );
  else if (policy.startsWith('allkeys') && caches.some(({ tags }) => tags !== undefined))
    found.push(
      error(
        subject,
        `maxmemory-policy is ${policy}: it may evict the clock of the tags, and an invalidation with it`,
        'CONFIG SET maxmemory-policy volatile-lfu    (every entry has a ttl, so all of them may still be evicted)',
      ),
    );
  else found.push(ok(subject, `maxmemory-policy ${policy}`));
  if (!maxBytes)
    found.push(
      warning(subject, 'it has no maxmemory: it grows until the kernel ends it', 'CONFIG SET maxmemory 2gb'),
    );
  else if (usedBytes > maxBytes * 0.95)
    found.push(
      warning(
        subject,
        `it is ${Math.round((usedBytes / maxBytes) * 100)} % full: a warm stops at its memoryMark rather than evict what is hot`,
        'raise maxmemory, or shorten ttls',
      ),
    );
  return found;
}

function queueRedis({ allowEvictingQueue, sources }: Config, { policy }: ServerFacts): Finding[] {
  const subject = 'redis (queue)';
  if (policy === 'noeviction') return [ok(subject, 'maxmemory-policy noeviction')];
  if (!policy || policy === 'unknown')
    return [
      warning(
        subject,
        'its eviction policy cannot be read (CONFIG and INFO are blocked)',
        'make sure with your provider that it is noeviction',
      ),
    ];
  const text = `it may delete jobs: maxmemory-policy is ${policy}`;
  if (allowEvictingQueue)
    return [
      warning(subject, `${text} (accepted by allowEvictingQueue)`, 'CONFIG SET maxmemory-policy noeviction'),
    ];
  return [
    error(
      subject,
      text,
      `a second Redis, and QUEUE_REDIS_URL for it (now: ${sources.queueRedis})`,
      'or: CONFIG SET maxmemory-policy noeviction',
      'or: allowEvictingQueue: true in the configuration, if jobs may be lost',
    ),
  ];
}

function bufferRedis(
  { allowEvictingBuffer, sources }: Config,
  { policy = 'unknown', appendOnly }: ServerFacts,
): Finding[] {
  const subject = 'redis (buffer)';
  const found: Finding[] = [];
  const text = `it may delete writes that were acknowledged: maxmemory-policy is ${policy}`;
  if (!policy.startsWith('allkeys'))
    found.push(
      policy === 'unknown'
        ? warning(
            subject,
            'its eviction policy cannot be read',
            'make sure that it is noeviction or volatile-…',
          )
        : ok(subject, `maxmemory-policy ${policy}`),
    );
  else if (allowEvictingBuffer)
    found.push(
      warning(subject, `${text} (accepted by allowEvictingBuffer)`, 'CONFIG SET maxmemory-policy noeviction'),
    );
  else
    found.push(
      error(
        subject,
        text,
        `a Redis of its own, and BUFFER_REDIS_URL for it (now: ${sources.bufferRedis})`,
        'or: CONFIG SET maxmemory-policy noeviction',
        'or: allowEvictingBuffer: true in the configuration, if writes may be lost',
      ),
    );
  if (appendOnly === false)
    found.push(
      warning(
        subject,
        'it keeps no append-only file: when it ends, writes that were acknowledged are lost',
        'CONFIG SET appendonly yes    (and appendfsync always, to survive a loss of power)',
      ),
    );
  return found;
}

function shared({ redis, queueRedis }: Config): Finding[] {
  if (redis === undefined || queueRedis === undefined || serverOf(redis) !== serverOf(queueRedis)) return [];
  return [
    warning(
      'redis',
      'cache and queue share one server: a cache should evict, a queue must not, and the policy is one per server',
      'start a second Redis and set QUEUE_REDIS_URL (docker-compose.yml has both)',
    ),
  ];
}

const serverOf = (url: string): string => {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port || '6379'}`;
};

function database({ schemaVersion = 0, canWrite }: ServerFacts, needs: number): Finding[] {
  const found: Finding[] = [];
  if (schemaVersion < needs)
    found.push(
      error('schema', `it is at version ${schemaVersion}, this build needs ${needs}`, 'samovar migrate'),
    );
  else if (schemaVersion > needs)
    found.push(
      error(
        'schema',
        `it is at version ${schemaVersion}, newer than this build, which knows ${needs}`,
        'upgrade samovar here',
      ),
    );
  else found.push(ok('schema', `version ${schemaVersion}, up to date`));
  if (canWrite === false)
    found.push(
      error(
        'postgres',
        'this user may not create tables in schema samovar: migrations and daily partitions will fail',
        'grant create, usage on schema samovar to <user>',
      ),
    );
  return found;
}

/** Older than this, a change waits for nobody. */
const longestWaitMs = minuteMs;
const states = { missing: 'missing', changed: 'not what the configuration asks for' } as const;

/** Whether changes of tables reach the caches that depend on them. */
function* changes(
  { caches, jobs }: Config,
  { changes: told, schemaVersion = 0 }: ServerFacts,
): Generator<Finding> {
  if (told === undefined || schemaVersion === 0) return;
  const subject = 'changes';
  if (told.error !== undefined)
    yield error(subject, told.error, 'correct `invalidateOn`, then: samovar migrate');
  for (const { table, state } of told.triggers) {
    if (state === 'left')
      yield warning(subject, `table '${table}' has triggers that no cache asks for`, 'samovar migrate');
    else if (state !== 'ok')
      yield error(
        subject,
        `triggers of table '${table}' are ${states[state]}: its changes leave old values in the cache`,
        'samovar migrate',
      );
  }
  const isTold = caches.some(({ invalidateOn }) => invalidateOn !== undefined);
  if (isTold && !jobs.some(({ name }) => name === 'invalidate'))
    yield error(
      subject,
      'caches have `invalidateOn`, and no worker carries it out',
      "add the job: jobs: [...builtinJobs] from 'samovar/jobs'",
    );
  if (told.oldestMs > longestWaitMs)
    yield error(
      subject,
      `${told.waiting} wait in the outbox, the oldest for ${humanDuration(told.oldestMs)}: old values are served meanwhile`,
      'start a worker (samovar worker), and see why it says it cannot carry them out',
    );
  else if (told.triggers.length > 0 && told.error === undefined)
    yield ok(subject, `${told.waiting === 0 ? 'none waits' : `${told.waiting} on their way`}`);
}
