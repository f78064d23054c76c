import { environment } from '../../src/config.ts';
import { flagNames } from '../../src/read-config.ts';
import { optionsOf } from './options.ts';
import { generated, table } from './table.ts';

/** Where each part of the configuration is described, and what its options are called. */
const sections = [
  {
    head: 'The configuration',
    about: 'The default export of `samovar.config.{ts,mts,js,mjs,json}`, made by `defineConfig({ … })`.',
    file: 'src/config.ts',
    name: 'ConfigInput',
  },
  {
    head: 'A cache',
    about: '`defineCache(name, { … })`: a family of entries with one loader, one key codec and one ttl.',
    file: 'src/define.ts',
    name: 'CacheOptions',
  },
  {
    head: 'A table whose changes invalidate',
    about: '`invalidateOn` of a cache: one, or a list of them.',
    file: 'src/define.ts',
    name: 'InvalidateOn',
  },
  {
    head: 'How long readers wait',
    about: '`timeouts` of a cache.',
    file: 'src/define.ts',
    name: 'TimeoutOptions',
  },
  {
    head: 'What a process keeps',
    about: '`memory` of a cache.',
    file: 'src/define.ts',
    name: 'MemoryOptions',
  },
  {
    head: 'How writes are buffered',
    about: '`writeBehind` of a cache.',
    file: 'src/define.ts',
    name: 'WriteBehindOptions',
  },
  {
    head: 'A table that is written to',
    about: '`write: upsert({ … })` of a cache.',
    file: 'src/upsert.ts',
    name: 'UpsertOptions',
  },
  { head: 'How a cache is warmed', about: '`warm` of a cache.', file: 'src/define.ts', name: 'WarmOptions' },
  {
    head: 'An origin',
    about: '`defineOrigin(name, { … })`: the system of record behind caches.',
    file: 'src/define.ts',
    name: 'OriginOptions',
  },
  {
    head: 'The budget of an origin',
    about: '`budget` of an origin, one for the whole fleet.',
    file: 'src/define.ts',
    name: 'BudgetOptions',
  },
  {
    head: 'A schedule',
    about: '`schedule(expression, job, payload, { … })`: five cron fields, six with seconds first.',
    file: 'src/schedule.ts',
    name: 'ScheduleOptions',
  },
  {
    head: 'A job',
    about: '`defineJob(name, { … })`: a move from room to room.',
    file: 'src/job.ts',
    name: 'JobOptions',
  },
] as const;

const variables = Object.entries(environment).map(([variable, path]) => [
  `\`${variable}\``,
  `\`${path}\``,
  `\`${flagNames[path]}\``,
]);

export const configPage = (): string => `# Configuration

${generated}

\`\`\`ts
// samovar.config.ts
import { defineCache, defineConfig, defineOrigin, key, schedule } from 'samovar';
import { builtinJobs, warm } from 'samovar/jobs';

const database = defineOrigin('database', { budget: { perSecond: 250, concurrency: 4 } });

export const products = defineCache('products', {
  origin: database,
  key: key.number,
  load: async (ids) => new Map(ids.map((id) => [id, { id, name: \`Product \${id}\` }])),
  ttl: '10m',
});

export default defineConfig({
  caches: [products],
  jobs: [...builtinJobs],
  schedules: [schedule('*/15 * * * *', warm, { cache: 'products' })],
});
\`\`\`

The file is looked for in the working directory and above, or named by \`-c\`. An option that is unknown or wrong ends the
program before it starts anything, with the path, the value and the nearest known name; all problems are told at once. What
was read is frozen. Lengths of time are \`'250ms'\`, \`'30s'\`, \`'10m'\`, \`'1.5h'\`, \`'7d'\` or a number of milliseconds.

What is said in several places: **flag over environment over .env over file over default**. \`.env\` is read from the folder of
the configuration (or from \`--env-file\`); the commands hand it to your loaders in \`process.env\`, where it never replaces
what is set. In an application only the environment counts: \`.env\` is the business of its own start.

${table(['variable', 'option', 'flag'], variables)}

Of commands, \`--port\` and \`--host\` belong to \`worker\` and \`healthcheck\`. An empty variable counts as not set.

${sections
  .map(
    ({ head, about, file, name }) => `## ${head}

${about}

${table(
  ['option', 'type', 'default', 'meaning'],
  optionsOf(file, name).map(({ path, type, isRequired, about, default: preset }) => [
    `\`${path}\``,
    `\`${type}\``,
    preset === undefined ? (isRequired ? '*required*' : '') : `\`${preset}\``,
    about,
  ]),
)}`,
  )
  .join('\n\n')}
`;
