import { humanDuration } from '../src/duration.ts';
import type { Foreseen } from '../src/when.ts';
import type { CliContext } from './context.ts';
import { count, instant } from './format.ts';

const reasons = {
  unread: 'no read is known yet',
  young: 'less than two days of reads are known',
  even: 'no hour of its day is much fuller than another',
} as const;

/** By when each group of keys is to be warm, and the slots before. */
export function whenText({ output }: CliContext, found: readonly Foreseen[], isAuto: boolean): string {
  const rows = found
    .flatMap(({ cache, origin, times }) => times.map((time) => ({ ...time, cache, origin })))
    .sort((a, b) => a.by - b.by)
    .map(({ cache, origin, by, readsPerHour, keys, left, slots }) => [
      instant(by),
      cache,
      origin,
      count(readsPerHour),
      count(keys),
      left === 0 ? '' : count(left),
      slots.length === 0 ? 'no room in the budget' : slotsText(slots, by),
    ]);
  const right = (head: string) => ({ head, align: 'right' }) as const;
  const table =
    rows.length === 0
      ? []
      : [
          output.table(
            ['WARM BY', 'CACHE', 'ORIGIN', right('READS/H'), right('KEYS'), right('LEFT OUT'), 'LOADED'],
            rows,
          ),
        ];
  const none = found.flatMap(({ cache, why }) =>
    why === undefined ? [] : [`${cache}: no daily rise to be warm for: ${reasons[why]}`],
  );
  const end = isAuto
    ? "The schedules are 'auto': these slots run by themselves."
    : "Nothing was written. To have it run: schedules: 'auto' in the configuration.";
  return [...table, ...(none.length === 0 ? [] : [none.join('\n')]), end].join('\n\n');
}

function slotsText(slots: Foreseen['times'][number]['slots'], by: number): string {
  const before = (at: number) => humanDuration(by - at);
  const [first, last] = [slots[0]!, slots.at(-1)!];
  if (slots.length === 1) return `${before(first.at)} before`;
  return `in ${slots.length} slots, ${before(first.at)} to ${before(last.at)} before`;
}
