import { Command } from 'commander';
import { invalidate } from '../jobs/invalidate.ts';
import { whatDependsOn } from '../src/compose/invalidating.ts';
import { SamovarError } from '../src/errors.ts';
import type { InvalidateRequest, Samovar } from '../src/facade.ts';
import type { Rewarmed } from '../src/rewarm.ts';
import type { CliContext } from './context.ts';
import { count, listOption } from './format.ts';
import { keysFromFile } from './keys.ts';
import { cachesAsked, checkKeys } from './names.ts';
import { openReachable } from './reach.ts';

interface Options {
  readonly keysFrom?: string;
  readonly tag?: string[];
  readonly table?: string;
  readonly all?: true;
  readonly expire?: true;
  readonly rewarm?: true;
  readonly dryRun?: true;
}

const notes = `
Without --expire what is invalidated is gone at once. With it, or --rewarm, it
may be served as stale where a cache has grace, until it is loaded anew.
--rewarm loads the hot ones again here, within the budget, and forgets the rest.

Examples
  samovar invalidate products 42 43
  samovar invalidate products --keys-from ids.txt    (a key a line; or -)
  samovar invalidate --tag category:7 --rewarm
  samovar invalidate --table orders                 (what depends on that table)
  samovar invalidate products --all --dry-run`;

/** Forgets keys, tags, what depends on a table, or all of a cache. */
export const command = (context: CliContext): Command =>
  new Command('invalidate')
    .description('Forget entries: by key, by tag, by table, or all of a cache.')
    .argument('[cache]', 'whose keys; none for tags and tables')
    .argument('[keys...]', 'as the key codec of the cache writes them')
    .option('--keys-from <file>', 'keys from a file, one a line')
    .option('--tag <list>', 'these tags across caches, a comma between', listOption)
    .option('--table <name>', 'what depends on it: invalidateOn, or tables of a query')
    .option('--all', 'everything of the cache')
    .option('--expire', 'make it stale instead of gone')
    .option('--rewarm', 'load the hot ones again, and wait for it')
    .option('--dry-run', 'tell what would go, and forget nothing')
    .addHelpText('after', notes)
    .action(async (cache: string | undefined, named: string[], options: Options) => {
      const what = await request(context, cache, named, options);
      if (options.dryRun) return dryRun(context, what);
      const samovar = await openReachable(context, options.rewarm ? ['cache', 'queue'] : ['cache']);
      const working = options.rewarm
        ? await samovar.work({ only: ['invalidate'], cron: false, http: false })
        : undefined;
      try {
        const { keys, tags, jobs } = await samovar.invalidate(what);
        const rewarmed = await outcomes(context, samovar, jobs);
        const result = {
          keys,
          tags,
          caches: what.all ? 1 : 0,
          ...(options.rewarm ? { rewarmed } : {}),
        };
        context.output.data(result, () => text(what, result));
      } finally {
        await working?.stop();
      }
    });

async function request(
  context: CliContext,
  cache: string | undefined,
  named: readonly string[],
  { keysFrom, tag, table, all, expire, rewarm }: Options,
): Promise<InvalidateRequest> {
  const config = await context.config();
  if (cache !== undefined) cachesAsked(config, cache);
  const keys = [...named, ...(keysFrom === undefined ? [] : keysFromFile(keysFrom))];
  if (cache !== undefined && keys.length === 0 && !all && tag === undefined && table === undefined)
    throw new SamovarError('E_USAGE', `expected keys of ${cache} to invalidate, or --all`, {
      hints: [`samovar invalidate ${cache} <keys…>`, `samovar invalidate ${cache} --all`],
    });
  if (cache === undefined && (all || keys.length > 0))
    throw new SamovarError('E_USAGE', 'keys, and --all, belong to a cache: name it', {
      hints: ['samovar invalidate <cache> …'],
    });
  if (cache === undefined && tag === undefined && table === undefined)
    throw new SamovarError('E_USAGE', 'expected something to invalidate: a cache and keys, --tag or --table');
  if (cache !== undefined) checkKeys(config, cache, keys);
  return {
    cache,
    keys,
    tags: tag,
    table,
    all,
    rewarm,
    ...(expire ? { mode: 'expire' } : {}),
  };
}

/** Looks without touching: how many of the keys are fresh now. */
async function dryRun(context: CliContext, what: InvalidateRequest): Promise<void> {
  const { cache, keys = [], tags = [], table, all = false } = what;
  const samovar = await openReachable(context, ['cache']);
  const reach = table === undefined ? undefined : whatDependsOn(samovar.config.caches, table);
  let present = 0;
  if (typeof cache === 'string' && keys.length > 0) {
    const def = samovar.config.caches.find(({ name }) => name === cache)!;
    const client = samovar.cache(def);
    for (const key of new Set(keys)) if (await client.has(def.key.decode(key))) present += 1;
  }
  context.output.data(
    { dryRun: true, cache, keys: keys.length, present, tags: tags.length, table, reach, all },
    () =>
      [
        ...(keys.length > 0
          ? [`${count(keys.length)} keys of ${cache}, ${count(present)} of them cached`]
          : []),
        ...(tags.length > 0 ? [`${count(tags.length)} tags across caches`] : []),
        ...(reach?.caches ?? []).map((each) => `everything of ${each}, which depends on table ${table}`),
        ...(reach?.tags ?? []).map((tag) => `tag ${tag}, which depends on table ${table}`),
        ...(all ? [`everything of ${cache}`] : []),
        'Nothing was invalidated (--dry-run).',
      ].join('\n'),
  );
}

/** What the jobs report, by cache. */
async function outcomes(
  { signal }: CliContext,
  samovar: Samovar,
  jobs: readonly string[],
): Promise<Record<string, Rewarmed>> {
  const total: Record<string, Rewarmed> = {};
  for (const id of jobs) {
    const view = (await samovar.waitFor(invalidate, id, { signal })) as
      | { state: string; result?: { rewarmed?: Record<string, Rewarmed> }; error?: string }
      | undefined;
    if (view?.state === 'failed')
      throw new SamovarError(
        'E_LOAD_FAILED',
        `it was invalidated, and not warmed again: ${view.error ?? ''}`,
      );
    for (const [cache, told] of Object.entries(view?.result?.rewarmed ?? {})) {
      const so = total[cache] ?? { asked: 0, reloaded: 0, fresh: 0, dropped: 0, left: 0 };
      total[cache] = {
        asked: so.asked + told.asked,
        reloaded: so.reloaded + told.reloaded,
        fresh: so.fresh + told.fresh,
        dropped: so.dropped + told.dropped,
        left: so.left + told.left,
      };
    }
  }
  return total;
}

function text(
  { cache, all, table, mode, rewarm }: InvalidateRequest,
  { keys, tags, rewarmed }: { keys: number; tags: number; rewarmed?: Record<string, Rewarmed> },
): string {
  const parts = [
    ...(keys > 0 ? [`${count(keys)} keys of ${cache}`] : []),
    ...(tags > 0 ? [`${count(tags)} tags`] : []),
    ...(all ? [`everything of ${cache}`] : []),
    ...(table === undefined ? [] : [`what depends on ${table}`]),
  ];
  return [
    `${mode === 'expire' || (rewarm && mode === undefined) ? 'made stale' : 'invalidated'}: ${parts.join(', ')}`,
    ...Object.entries(rewarmed ?? {}).map(
      ([name, { asked, reloaded, fresh, dropped, left }]) =>
        `${name}: of ${count(asked)} keys ${count(reloaded)} loaded again, ${count(fresh)} fresh already, ${count(dropped)} forgotten, ${count(left)} left to their readers`,
    ),
  ].join('\n');
}
