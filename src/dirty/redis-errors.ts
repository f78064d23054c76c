import { messageOf, SamovarError } from '../errors.ts';

/** The server answered, or was not asked: nothing was changed. Anything else may have been done. */
export const isSure = (error: unknown): boolean =>
  error instanceof Error && (error.name === 'ReplyError' || /isn't writeable/.test(error.message));

/** Whether the server had no room for it. */
export const isOutOfMemory = (error: unknown): boolean => /^OOM\b/.test(messageOf(error));

export const bufferAway = (cause: unknown): SamovarError =>
  new SamovarError('E_BUFFER_UNAVAILABLE', `the buffer Redis does not take it: ${messageOf(cause)}`, {
    hints: ['nothing was changed; see that it runs and is reachable: samovar doctor'],
    cause,
  });

/** What is said of a write that did not end well. */
export function writeError(cause: unknown, operation: string): SamovarError {
  if (isSure(cause)) return bufferAway(cause);
  return new SamovarError(
    'E_INDETERMINATE',
    `nobody knows whether the buffer Redis took a write: ${messageOf(cause)}`,
    {
      hints: [
        'it may be carried out or not; write it again with { operation: error.operation }, and it counts once',
      ],
      cause,
      operation,
    },
  );
}
