import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const own = fileURLToPath(new URL('../../..', import.meta.url));

/** Another piece of text in a file; the piece must be there exactly once, so that no edit goes stale unseen. */
export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** The code under test, compiled: its processes start in a third of the time. */
export interface Build {
  readonly folder: string;
  remove(): void;
}

/** Compiles what the processes under test run, after some edits. */
export function build(edits: readonly Edit[] = []): Build {
  const folder = mkdtempSync(join(tmpdir(), 'samovar-build-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const source = join(folder, 'source');
    for (const name of ['src', 'jobs', 'lua', 'sql', 'test/fault', 'package.json', 'tsconfig.json'])
      cpSync(join(own, name), join(source, name), { recursive: true });
    for (const { file, from, to } of edits) {
      const text = readFileSync(join(source, file), 'utf8');
      const found = text.split(from).length - 1;
      if (found !== 1) throw new Error(`expected to find once, found ${found} times in ${file}: ${from}`);
      writeFileSync(
        join(source, file),
        text.replace(from, () => to),
      );
    }
    for (const at of [source, folder]) symlinkSync(join(own, 'node_modules'), join(at, 'node_modules'));
    for (const name of ['lua', 'sql', 'package.json'])
      cpSync(join(source, name), join(folder, name), { recursive: true });
    compile(source, folder);
    rmSync(source, { recursive: true });
    return { folder, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

function compile(source: string, folder: string): void {
  const settings = {
    extends: './tsconfig.json',
    compilerOptions: { noCheck: true, declaration: false, sourceMap: false, outDir: folder, rootDir: source },
    exclude: [],
    include: ['test/fault/*-worker.ts', 'test/fault/write-behind/*-worker.ts'],
  };
  writeFileSync(join(source, 'tsconfig.worker.json'), JSON.stringify(settings));
  const compiler = join(own, 'node_modules', 'typescript', 'bin', 'tsc');
  const done = spawnSync(process.execPath, [compiler, '-p', join(source, 'tsconfig.worker.json')], {
    encoding: 'utf8',
  });
  if (done.status !== 0)
    throw new Error(`the code under test does not compile: ${done.stdout}${done.stderr}`);
}
