import { SamovarError } from './errors.ts';

/**
 * For a `write` to throw: the values of these ids will never be taken as they are, so trying again is no use. Buffered ones
 * are put aside with `why` as the reason (`samovar dlq`), and the others of the batch are handed over again without them.
 * Ids are those that were handed over. With none named, the batch is halved until the ones that are refused are found.
 * Anything else that is thrown is tried again, for ever. `why` is kept and logged: quote no value in it.
 */
export const refused = (why: string, ids: readonly unknown[] = []): SamovarError =>
  new SamovarError('E_REFUSED', why, { ids });
