import { readFileSync } from 'node:fs';
import { SamovarError } from '../src/errors.ts';

/** Keys from a file, one a line; '-' reads standard input. */
export function keysFromFile(file: string): string[] {
  try {
    const text = readFileSync(file === '-' ? 0 : file, 'utf8');
    return text.split(/\r?\n/).filter((line) => line !== '');
  } catch (error) {
    throw new SamovarError('E_USAGE', `cannot read keys from ${file}`, { cause: error });
  }
}
