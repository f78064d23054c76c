import { Command } from 'commander';
import type { DirtyLedger, FlushReport } from '../src/rooms.ts';
import type { CliContext } from './context.ts';
import { count } from './format.ts';
import { bufferedAsked } from './names.ts';
import { openReachable } from './reach.ts';

const notes = `
Examples
  samovar flush
  samovar flush orders --wait

UNREADABLE counts what another version of Samovar wrote in a form of its own:
it stays for that one, and --wait does not wait for it.
Exit code 4 when something is left that the origin did not take.`;

/** How long a pass that could not go on rests before the next. */
const pauseMs = 500;

/** Carries buffered writes over now, in this process, beside the workers. */
export const command = (context: CliContext): Command =>
  new Command('flush')
    .description('Carry buffered writes over to their origin now, whatever their delay.')
    .argument('[cache]', 'of one cache')
    .option('--wait', 'go on until nothing is dirty')
    .addHelpText('after', notes)
    .action(async (cache: string | undefined, { wait = false }: { wait?: boolean }) => {
      const { signal, clock, output } = context;
      const names = bufferedAsked(await context.config(), cache);
      const samovar = await openReachable(context, ['buffer']);
      const flushed: (FlushReport & { cache: string; ledger: DirtyLedger })[] = [];
      for (const name of names) {
        let report = await samovar.writes.flush(name);
        let ledger = await samovar.writes.ledger(name);
        while (wait && ledger.pending > report.unreadable && !signal.aborted) {
          // Others may hold what is left; they are about to carry it over.
          await clock.sleep(pauseMs, signal);
          const next = await samovar.writes.flush(name);
          report = {
            ...next,
            flushed: report.flushed + next.flushed,
            applied: report.applied + next.applied,
            dead: report.dead + next.dead,
            statements: report.statements + next.statements,
            unreadable: next.unreadable,
          };
          ledger = await samovar.writes.ledger(name);
        }
        flushed.push({ cache: name, ...report, ledger });
      }
      output.data(flushed, () =>
        output.table(
          ['CACHE', 'FLUSHED', 'REFUSED', 'STILL DIRTY', 'UNREADABLE', 'STOPPED'],
          flushed.map(({ cache, flushed, dead, ledger, unreadable, stopped }) => [
            cache,
            count(flushed),
            count(dead),
            count(ledger.pending),
            count(unreadable),
            stopped ?? '—',
          ]),
        ),
      );
      if (flushed.some(({ ledger, dead }) => ledger.pending > 0 || dead > 0)) context.exitWith(4);
    });
