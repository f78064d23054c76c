import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import { SamovarError } from '../src/errors.ts';
import { configNames } from '../src/find-config.ts';
import type { CliContext } from './context.ts';
import { files } from './templates.ts';

/** Writes what an application needs to begin; a file that is there already stays as it is. */
export const command = (context: CliContext): Command =>
  new Command('init')
    .description(
      'Write a configuration to start from: samovar.config.ts, an example job, .env.example, Procfile. Files that exist are left alone.',
    )
    .option('-y, --yes', 'without asking')
    .action(async ({ yes }: { yes?: true }) => {
      const { output } = context;
      const folder = process.cwd();
      const hasConfig = configNames.some((name) => existsSync(join(folder, name)));
      const isThere = (name: string) =>
        existsSync(join(folder, name)) || (hasConfig && name === 'samovar.config.ts');
      const missing = Object.keys(files).filter((name) => !isThere(name));
      const kept = Object.keys(files).filter(isThere);
      if (missing.length > 0 && !yes) await confirm(missing);
      for (const name of missing) {
        mkdirSync(dirname(join(folder, name)), { recursive: true });
        // 'wx': a file that came to be meanwhile is not overwritten either.
        writeFileSync(join(folder, name), files[name]!, { flag: 'wx' });
      }
      output.data({ written: missing, kept }, () => toldText(missing, kept));
    });

async function confirm(missing: readonly string[]): Promise<void> {
  if (process.stdin.isTTY !== true)
    throw new SamovarError(
      'E_USAGE',
      `this would write ${missing.join(', ')}, and nobody is here to be asked`,
      { hints: ['say so: samovar init --yes'] },
    );
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await ask.question(`Write ${missing.join(', ')}? [Y/n] `);
  ask.close();
  if (/^n/i.test(answer.trim())) throw new SamovarError('E_USAGE', 'nothing was written');
}

const toldText = (written: readonly string[], kept: readonly string[]): string =>
  [
    ...written.map((name) => `wrote  ${name}`),
    ...kept.map((name) => `kept   ${name}   (it was there)`),
    '',
    'Next: put your loader into samovar.config.ts, your addresses into .env, then',
    '  samovar doctor      what is missing or unsafe',
    '  samovar migrate     the tables in Postgres',
    '  samovar worker      and it runs',
  ].join('\n');
