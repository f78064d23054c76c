import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of this package, whether it runs from its sources or from `dist`. */
export const packageRoot: string = (() => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!(existsSync(join(folder, 'sql')) && existsSync(join(folder, 'package.json'))))
    folder = dirname(folder);
  return folder;
})();

export const readLua = (name: string): string =>
  readFileSync(join(packageRoot, 'lua', `${name}.lua`), 'utf8');

/** The numbered migrations, in order. */
export const readMigrations = (): { version: number; name: string; sql: string }[] =>
  readdirSync(join(packageRoot, 'sql'))
    .filter((file) => /^\d{4}_.+\.sql$/.test(file))
    .sort()
    .map((file) => ({
      version: Number(file.slice(0, 4)),
      name: file.slice(0, -4),
      sql: readFileSync(join(packageRoot, 'sql', file), 'utf8'),
    }));

/** The table in which migrations are written down, and its schema. */
export const readMigrationLedger = (): string =>
  readFileSync(join(packageRoot, 'sql', 'migration.sql'), 'utf8');

export const packageVersion: string = JSON.parse(
  readFileSync(join(packageRoot, 'package.json'), 'utf8'),
).version;
