import { cliPage } from './cli.ts';
import { configPage } from './config.ts';
import { errorsPage } from './errors.ts';

/** Every generated page of docs/, by its name. */
export const pages = async (): Promise<Record<string, string>> => ({
  'cli.md': await cliPage(),
  'config.md': configPage(),
  'errors.md': errorsPage(),
});
