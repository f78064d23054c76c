import { Command } from 'commander';
import { SamovarError } from '../src/errors.ts';
import type { Samovar } from '../src/facade.ts';
import type { CliContext } from './context.ts';
import { count, positiveCount, shortKey, since } from './format.ts';
import { bufferedAsked } from './names.ts';
import { openReachable } from './reach.ts';

const notes = `
Examples
  samovar dlq
  samovar dlq show orders 42
  samovar dlq retry orders --all
  samovar dlq drop orders 42`;

/** Writes that an origin refused for what they are: they wait until somebody decides. */
export const command = (context: CliContext): Command => {
  const dlq = new Command('dlq')
    .description('Dead letters, the writes that an origin refused: list, show, retry, drop.')
    .addHelpText('after', notes);

  const open = async (cache: string | undefined): Promise<{ samovar: Samovar; names: string[] }> => {
    const names = bufferedAsked(await context.config(), cache);
    return { samovar: await openReachable(context, ['buffer']), names };
  };

  dlq
    .command('list', { isDefault: true })
    .description('the newest, with the reason of each')
    .argument('[cache]', 'of one cache')
    .option('--limit <n>', 'how many of a cache', positiveCount, 20)
    .action(async (cache: string | undefined, { limit }: { limit: number }) => {
      const { samovar, names } = await open(cache);
      const lists = await Promise.all(
        names.map(async (name) =>
          (await samovar.writes.dead(name, { most: limit })).map((letter) => ({ cache: name, ...letter })),
        ),
      );
      const letters = lists.flat();
      const { output, clock } = context;
      output.data(letters, () =>
        letters.length === 0
          ? 'no dead letters'
          : output.table(
              ['CACHE', 'KEY', 'REFUSED', 'CODE', 'REASON'],
              letters.map(({ cache, key, at, reason }) => [
                cache,
                shortKey(key),
                since(at, clock.now()),
                reason.code,
                reason.constraint === undefined ? reason.message : `${reason.constraint}: ${reason.message}`,
              ]),
            ),
      );
    });

  dlq
    .command('show')
    .description('one, with its value')
    .argument('<cache>')
    .argument('<key>')
    .action(async (cache: string, key: string) => {
      const { samovar } = await open(cache);
      const letter = await samovar.writes.show(cache, key);
      if (letter === undefined)
        throw new SamovarError('E_USAGE', `cache '${cache}' has no dead letter of that key`, {
          hints: [`see those there are: samovar dlq list ${cache}`],
        });
      context.output.data(letter, () => JSON.stringify(letter, null, 2));
    });

  for (const [verb, what] of [
    ['retry', 'make them dirty again, unless a newer write of the key is'],
    ['drop', 'give them up for good'],
  ] as const) {
    dlq
      .command(verb)
      .description(what)
      .argument('<cache>')
      .argument('[keys...]')
      .option('--all', 'all of the cache')
      .action(async (cache: string, keys: string[], { all = false }: { all?: boolean }) => {
        if (all === keys.length > 0)
          throw new SamovarError('E_USAGE', 'expected keys or --all, and not both', {
            hints: [`samovar dlq ${verb} ${cache} <key>`, `samovar dlq ${verb} ${cache} --all`],
          });
        const { samovar } = await open(cache);
        const done = await samovar.writes[verb](cache, all ? undefined : keys);
        context.output.data({ cache, [verb]: done }, () => `${verb}: ${count(done)}`);
        if (!all && done < keys.length) context.exitWith(4);
      });
  }
  return dlq;
};
