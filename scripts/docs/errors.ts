import { exitCodes } from '../../cli/failure.ts';
import { type ErrorCode, errorCodes } from '../../src/errors.ts';
import { generated, table } from './table.ts';

/** What each code means, and what to do about it. */
export const errorMeanings: Readonly<Record<ErrorCode, readonly [meaning: string, remedy: string]>> = {
  E_CONFIG: [
    'The configuration was not found, cannot be loaded, or says something that cannot be. Every problem is listed with its path and value.',
    'Correct what is named; look again with `samovar config --check`.',
  ],
  E_PAYLOAD: [
    'A job was given a payload that its schema refuses.',
    'Correct the payload, or the schema of the job.',
  ],
  E_CRON: [
    'A cron expression or a time zone cannot be read.',
    'Five fields (six with seconds): minute hour day-of-month month day-of-week; zones by their IANA name, such as `Europe/Berlin`.',
  ],
  E_UNKNOWN_CACHE: [
    'There is no cache of that name in the configuration.',
    'Correct the name; the nearest one is told.',
  ],
  E_UNKNOWN_JOB: ['There is no job of that name in `jobs`.', 'Add the job, or correct the name.'],
  E_UNKNOWN_SCHEDULE: ['There is no schedule of that name.', 'See `samovar schedule list`.'],
  E_UNKNOWN_RUN: ['There is no run of that number, or it has ended.', 'See `samovar runs`.'],
  E_LOAD_SHAPE: [
    'A loader answered with something that is no Map, no list in the order of the ids and no record by key.',
    'Answer with one of the three; a Map is the plainest.',
  ],
  E_LOAD_LOOP: [
    'A loader asked its own cache for a key that it was loading: it would have waited for itself.',
    'Read that key from its origin inside the loader; other keys and other caches may be asked for.',
  ],
  E_ENCODE: ['A value cannot be stored as JSON (a function, a circle, a bigint …).', 'Load plain data.'],
  E_KEY: [
    'An id does not fit the key codec of its cache, or a key names no id.',
    'Pass ids of the type the codec takes.',
  ],
  E_STOPPED: ['It was asked for something after it had been stopped.', 'Stop it last.'],
  E_JOB_TIMEOUT: [
    'One try of a job took longer than its `timeout`.',
    'Heed `context.signal`, do less at once, or raise `timeout`.',
  ],
  E_UNEXPECTED: [
    'Something nobody foresaw, most likely a bug.',
    'Run it again with `--verbose`, and report what it says.',
  ],
  E_USAGE: ['The command line cannot be understood.', 'See `samovar <command> --help`.'],
  E_IMPORT: [
    'A file of history cannot be read, or too many of its lines cannot.',
    'Look at the sample of bad lines; tell the format or the mapping.',
  ],
  E_STORE_UNAVAILABLE: [
    'The Redis of the entries does not answer.',
    'Start it, or correct the address where the message says it came from. Reads answer from the loader meanwhile.',
  ],
  E_STORE_FULL: [
    'Redis refuses writes because its memory is full.',
    'Raise `maxmemory`, or let it evict: `maxmemory-policy volatile-lfu`.',
  ],
  E_BUFFER_UNAVAILABLE: [
    'The Redis of buffered writes does not answer, or refused for sure: nothing was changed.',
    'Start it, or correct the address where the message says it came from; then write again.',
  ],
  E_BUFFER: [
    'The buffer is not what it must be: made with another number of partitions, on a server that may delete writes, on a node of a Redis Cluster, or on one that cannot give the acknowledgement a cache asks for.',
    'Do what the hint says; nothing was changed.',
  ],
  E_DIRTY_FULL: [
    'More writes wait for the origin than `maxDirty` of the cache lets in, or the Redis of the buffer is out of memory. The write was not taken.',
    'Write again later; see `samovar status` for what holds the flush up, or raise `maxDirty`.',
  ],
  E_INDETERMINATE: [
    'The answer to a buffered write was lost: it may be carried out or not.',
    'Write it again with `{ operation: error.operation }`: it counts once.',
  ],
  E_QUEUE_UNAVAILABLE: [
    'The Redis of the queue does not answer.',
    'Start it, or correct the address where the message says it came from.',
  ],
  E_QUEUE_EVICTS: [
    'The Redis of the queue may delete jobs: its `maxmemory-policy` is not `noeviction`.',
    'A second Redis and `QUEUE_REDIS_URL`, or `CONFIG SET maxmemory-policy noeviction`, or `allowEvictingQueue: true` if jobs may be lost.',
  ],
  E_DATABASE_UNAVAILABLE: [
    'Postgres does not let us in: away, unknown database, wrong password, too many connections.',
    'Do what the hint says; reads need no Postgres and go on.',
  ],
  E_SCHEMA: [
    'The schema in Postgres is older or newer than this build, or a migration failed.',
    'Older: `samovar migrate`. Newer: upgrade samovar here. Failed: nothing of the migration stays; mend the cause and run it again.',
  ],
  E_SERVERS: [
    'No private Redis or Postgres can be had on this machine.',
    'Run the line that the message names for your platform.',
  ],
  E_LOAD_FAILED: ['A loader threw.', 'Its own words are in the cause. Only the keys of that load failed.'],
  E_LOAD_TIMEOUT: [
    'A loader took longer than the `timeout` of its origin.',
    'Heed `signal`, load fewer ids at once (`batch`), or raise `timeout`.',
  ],
  E_WRITE_FAILED: [
    'The `write` of a cache threw, or took longer than the `timeout` of its origin.',
    'Its own words are in the cause. The entry was forgotten all the same: nobody knows how far the write came.',
  ],
  E_REFUSED: [
    'A `write` said with `refused` that it will never take the value of an id. A buffered value was put aside.',
    'Mend the value and write it anew; `samovar dlq` has what was put aside.',
  ],
  E_ALREADY_RUNNING: ['A run of that cache is under way.', 'Wait for it: `samovar runs watch <run>`.'],
};

const groups = {
  developer: 'You, in the code',
  operator: 'You, in the operation',
  origin: 'Whoever runs the origin',
  nobody: 'Nobody',
} as const;

export const errorsPage = (): string => `# Errors

${generated}

Every failure is a \`SamovarError\` with one of these codes. The code is the contract; the message names the value, where it
came from and the way out, and never holds a password. The same code is in the log (\`err.code\`) and in \`--json\`
(\`{ "error": { "code", "message", "hints" } }\`).

${Object.entries(groups)
  .map(
    ([who, head]) => `## ${head} must act

${table(
  ['code', 'meaning', 'what to do', 'exit code'],
  (Object.keys(errorCodes) as ErrorCode[])
    .filter((code) => errorCodes[code] === who)
    .map((code) => [`\`${code}\``, ...errorMeanings[code], String(exitCodes[code] ?? 1)]),
)}`,
  )
  .join('\n\n')}
`;
