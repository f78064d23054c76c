import type { Replayed } from '../replay-text.ts';
import { escaped } from './html.ts';

const days = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const hourSeconds = 3_600;

/** Sums by hour of the week, Monday first. */
function byHourOfWeek({ series }: Replayed, values: readonly number[]): { sum: number; count: number }[] {
  const cells = Array.from({ length: 168 }, () => ({ sum: 0, count: 0 }));
  for (const [i, at] of series.at.entries()) {
    // 1 January 1970 was a Thursday.
    const cell = cells[(Math.floor(at / hourSeconds) + 72) % 168]!;
    cell.sum += values[i]!;
    cell.count += 1;
  }
  return cells;
}

/** When there are reads, on average in a window. */
export const readsHeat = (result: Replayed): string =>
  heatTable(
    'Reads by hour of the week',
    byHourOfWeek(result, result.series.reads).map(({ sum, count }) =>
      count === 0 ? undefined : sum / count,
    ),
    (value) =>
      value >= 9_950
        ? `${Math.round(value / 1_000)}k`
        : value >= 995
          ? `${(value / 1_000).toFixed(1)}k`
          : String(Math.round(value)),
  );

/** How many points of hit ratio warming adds. */
export function gainHeat(result: Replayed): string {
  const { series } = result;
  const spared = byHourOfWeek(
    result,
    series.cold.map((misses, i) => misses - series.warmed[i]!),
  );
  const reads = byHourOfWeek(result, series.reads);
  return heatTable(
    'Points of hit ratio that warming adds, by hour of the week',
    spared.map(({ sum, count }, i) => (count === 0 ? undefined : (100 * sum) / reads[i]!.sum)),
    (value) => value.toFixed(0),
  );
}

/** A table whose cells are as strong in colour as their value is high. */
function heatTable(
  caption: string,
  values: readonly (number | undefined)[],
  text: (value: number) => string,
): string {
  const known = values.filter((value) => value !== undefined);
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const cell = (day: number, hour: number): string => {
    const value = values[day * 24 + hour];
    const when = `${days[day]} ${String(hour).padStart(2, '0')}:00 UTC`;
    if (value === undefined) return `<td class="none" title="${when}: not scored">·</td>`;
    const strength = (0.06 + 0.6 * (most > least ? (value - least) / (most - least) : 0.5)).toFixed(2);
    return `<td style="--v:${strength}" title="${when}: ${escaped(text(value))}">${escaped(text(value))}</td>`;
  };
  const hours = Array.from({ length: 24 }, (_, hour) => hour);
  return `<table class="heat"><caption class="soft">${escaped(caption)}</caption>
<thead><tr><th scope="col">UTC</th>${hours.map((hour) => `<th scope="col">${String(hour).padStart(2, '0')}</th>`).join('')}</tr></thead>
<tbody>${days.map((day, d) => `<tr><th scope="row">${day}</th>${hours.map((hour) => cell(d, hour)).join('')}</tr>`).join('\n')}</tbody></table>`;
}
