import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../src/files.ts';

/** The TypeScript of a page, a block each. */
const blocksOf = (path: string): string[] =>
  [...readFileSync(join(packageRoot, path), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].map(
    (match) => match[1]!,
  );

const guides = [
  ...(existsSync(join(packageRoot, 'README.md')) ? ['README.md'] : []),
  ...readdirSync(join(packageRoot, 'docs')).map((name) => `docs/${name}`),
].filter((path) => path.endsWith('.md'));

test('the TypeScript in README and docs compiles', () => {
  // Under the package, so that what it imports is found as an application finds it.
  const parent = join(packageRoot, 'node_modules/.cache');
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'samovar-docs-'));
  try {
    let blocks = 0;
    // Pages that show none speak of the configuration that README shows.
    const config = blocksOf('README.md').find((block) => block.startsWith('// samovar.config.ts'))!;
    for (const [at, guide] of guides.entries()) {
      for (const [number, block] of blocksOf(guide).entries()) {
        const page = join(folder, String(at), String(number));
        mkdirSync(page, { recursive: true });
        for (const [name, text] of Object.entries(theirs)) writeFile(join(page, name), text);
        writeFile(join(page, 'samovar.config.ts'), config);
        // A block that names its file is that file for the blocks after it on the page.
        const named = /^\/\/ ([\w./-]+\.ts)\b/.exec(block)?.[1] ?? 'block.ts';
        for (const earlier of blocksOf(guide).slice(0, number)) {
          const name = /^\/\/ ([\w./-]+\.ts)\b/.exec(earlier)?.[1];
          if (name !== undefined && name !== named) writeFile(join(page, name), earlier);
        }
        writeFile(join(page, named), `${block}\nexport {};\n`);
        blocks++;
      }
    }
    expect(blocks).toBeGreaterThan(0);
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings));
    const tsc = join(packageRoot, 'node_modules/.bin/tsc');
    const { stdout } = spawnSync(tsc, ['-p', folder, '--pretty', 'false'], { cwd: folder, encoding: 'utf8' });
    const pageOf = (line: string) =>
      line.replace(
        /^(\d+)\/(\d+)\//,
        (_, at, number) => `${guides[Number(at)]}, block ${Number(number) + 1}: `,
      );
    expect(
      stdout
        .split('\n')
        .filter((line) => /^\d+\//.test(line))
        .map(pageOf),
    ).toEqual([]);
    expect(stdout).toBe('');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

function writeFile(path: string, text: string): void {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
}

/** What an application is taken to have already. */
const theirs = {
  'database.ts': "import pg from 'pg';\nexport const pool = new pg.Pool();\n",
  'products.ts': `import { defineCache, defineOrigin, key } from 'samovar';
export const products = defineCache('products', {
  origin: defineOrigin('catalog'),
  key: key.number,
  ttl: '10m',
  load: async (ids: number[]) => ids.map((id) => ({ id, name: String(id) })),
});
`,
};

const settings = {
  extends: join(packageRoot, 'tsconfig.json'),
  compilerOptions: {
    noEmit: true,
    declaration: false,
    sourceMap: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
    rootDir: packageRoot,
    typeRoots: [join(packageRoot, 'node_modules/@types')],
    paths: {
      samovar: [join(packageRoot, 'src/index.ts')],
      'samovar/jobs': [join(packageRoot, 'jobs/index.ts')],
      'samovar/client': [join(packageRoot, 'src/client.ts')],
      'samovar/testing': [join(packageRoot, 'src/testing/index.ts')],
    },
  },
  include: ['.'],
};
