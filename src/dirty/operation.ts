import { randomBytes } from 'node:crypto';
import { SamovarError } from '../errors.ts';

/** What is asked for, whether it was asked for before or not. */
export interface Operation {
  /** In at most 22 characters. */
  readonly name: string;
  /** It may have been done already, under this name, and is remembered by it. */
  readonly isRepeated: boolean;
}

/** This process, among all that write. */
export const maker = randomBytes(8).toString('base64url');
let made = 0;

/** An operation that nobody else has. Its dot tells it from those that applications name. */
export function newOperation(): Operation {
  made += 1;
  return { name: `${maker}.${made.toString(36)}`, isRepeated: false };
}

/** The one of that name, or a new one. */
export function operationOf(name: string | undefined): Operation {
  if (name === undefined) return newOperation();
  if (isOperation(name)) return { name, isRepeated: true };
  throw new SamovarError('E_USAGE', `expected \`operation\` to be 1 to 22 letters, digits, '-' or '_'`);
}

/**
 * The same of so many writes: whichever of them is in doubt, all are asked for again under its name. So it must be known of
 * those that were answered, too, as if its name had been given.
 */
export function commonOperation(writes: number, name: string | undefined): Operation {
  const operation = operationOf(name);
  if (operation.isRepeated || writes < 2) return operation;
  return { name: operation.name.replace('.', '-'), isRepeated: true };
}

/** Whether a text can name an operation: one of an application's own, or one that was told with E_INDETERMINATE. */
export const isOperation = (text: string): boolean => /^([\w-]{1,22}|[\w-]{11}\.[\da-z]{1,10})$/.test(text);

/** Who made an operation. Undefined = an application named it. */
export const makerOf = (name: string): string | undefined =>
  name[11] === '.' ? name.slice(0, 11) : undefined;
