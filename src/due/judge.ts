import type { RefreshAhead } from '../refresh-ahead.ts';
import type { Age, DueVerdict, Judged } from '../rooms.ts';
import { dueAt } from './moment.ts';

/** How long the entry lives that a refresh would bring, before it is due again; as far as the present one tells. */
export const withinMs = (age: Age | undefined, { at }: Pick<RefreshAhead, 'at'>, usualMs: number): number =>
  at * (age && age.freshUntil > age.filledAt ? age.freshUntil - age.filledAt : usualMs);

/**
 * What to do with keys that were due. A refresh costs `refreshCost` and spares a miss, which costs 1, as likely as the key
 * is read; an entry that is gone was deleted or has ended, and only a reader brings it back.
 */
export function judge(
  { keys, ages, chances, now }: Judged,
  ahead: Pick<RefreshAhead, 'at' | 'refreshCost'>,
): DueVerdict[] {
  return keys.map((key, i) => {
    const age = ages[i];
    if (age === undefined) return 'gone';
    const { filledAt, freshUntil } = age;
    // Filled, or made to live longer, since it stood on the list: then it stands on another.
    if (freshUntil > filledAt && dueAt(key, filledAt, freshUntil - filledAt, ahead) > now) return 'fresh';
    return chances[i]! > ahead.refreshCost ? 'refresh' : 'unworthy';
  });
}
