import type { Replayed } from '../replay-text.ts';

/** What the page's script draws: lines, or bars over labels. */
export interface Chart {
  readonly x: readonly number[];
  readonly xTitle: string;
  /** The same in a word or two. */
  readonly xName: string;
  readonly xFormat: 'time' | 'percent' | 'number';
  readonly yTitle: string;
  /** Names of the places on the x axis, where they are no numbers. */
  readonly labels?: readonly string[];
  readonly series: readonly Line[];
}

interface Line {
  readonly name: string;
  /** One of the colours of the style sheet. */
  readonly color: string;
  readonly values: readonly (number | null)[];
  readonly dash?: boolean;
  readonly bars?: boolean;
}

/** More points than this cannot be told apart. */
const mostPoints = 600;

/** Hit ratios over time, several windows to a point where there are many. */
export function overTime({ series, windowSeconds }: Replayed): Chart {
  const [first = 0, last = 0] = [series.at[0], series.at.at(-1)];
  const step = windowSeconds * Math.max(1, Math.ceil((last - first) / windowSeconds / mostPoints));
  const points = new Map<number, { reads: number; cold: number; warmed: number; perfect: number }>();
  for (const [i, at] of series.at.entries()) {
    const start = Math.floor(at / step) * step;
    const point = points.get(start) ?? { reads: 0, cold: 0, warmed: 0, perfect: 0 };
    point.reads += series.reads[i]!;
    point.cold += series.cold[i]!;
    point.warmed += series.warmed[i]!;
    point.perfect += series.perfect[i]!;
    points.set(start, point);
  }
  // Where nothing was scored the lines break.
  for (const start of [...points.keys()])
    if (!points.has(start + step)) points.set(start + step, { reads: 0, cold: 0, warmed: 0, perfect: 0 });
  const sorted = [...points].sort(([a], [b]) => a - b);
  const ratio = (of: 'cold' | 'warmed' | 'perfect') =>
    sorted.map(([, point]) => (point.reads === 0 ? null : round(1 - point[of] / point.reads)));
  return {
    x: sorted.map(([at]) => at),
    xTitle: 'Time (UTC)',
    xName: 'UTC',
    xFormat: 'time',
    yTitle: 'Hit ratio',
    series: [
      { name: 'perfect', color: 'perfect', values: ratio('perfect'), dash: true },
      { name: 'warmed', color: 'warm', values: ratio('warmed') },
      { name: 'cold', color: 'cold', values: ratio('cold') },
    ],
  };
}

/** A bar for every rule, the best first. */
export function byRule({ rules }: Replayed, middle: number): Chart {
  const shares = Object.entries(rules)
    .filter(([rule]) => rule !== 'perfect')
    .map(([rule, spared]) => ({ rule, share: round(spared[middle]!.share) }))
    .sort((a, b) => b.share - a.share);
  const only = (wanted: (rule: string) => boolean) =>
    shares.map(({ rule, share }) => (wanted(rule) ? share : null));
  const isOurs = (rule: string) => rule === 'auto';
  return {
    x: shares.map((_, i) => i),
    xTitle: '',
    xName: 'Rule',
    xFormat: 'number',
    labels: shares.map(({ rule }) => rule),
    yTitle: 'Of perfect foresight',
    series: [
      { name: 'auto', color: 'warm', values: only(isOurs), bars: true },
      { name: 'other rules', color: 'cold', values: only((rule) => !isOurs(rule)), bars: true },
    ],
  };
}

/** Points of several lines over one x axis: every line has a place for each x, most of them empty. */
function joined(
  lines: readonly (Omit<Line, 'values'> & { readonly points: readonly (readonly [number, number])[] })[],
): Pick<Chart, 'x' | 'series'> {
  const x = [...new Set(lines.flatMap(({ points }) => points.map(([at]) => at)))].sort((a, b) => a - b);
  return {
    x,
    series: lines.map(({ points, ...line }) => {
      const values = new Map(points);
      return { ...line, values: x.map((at) => values.get(at) ?? null) };
    }),
  };
}

const compared = [
  { rule: 'auto', color: 'warm' },
  { rule: 'frequency', color: 'c' },
  { rule: 'previous-window', color: 'd' },
] as const;

/** What larger plans spare, and what they load for nothing, of the misses without warming. Perfect foresight loads nothing for nothing. */
export function savedAndSpent({ rules, cold }: Replayed): Chart {
  const of = (value: number) => round(value / Math.max(1, cold.misses));
  return {
    ...joined(
      compared
        .filter(({ rule }) => rules[rule] !== undefined)
        .map(({ rule, ...look }) => ({
          ...look,
          name: rule,
          points: [
            [0, 0],
            ...rules[rule]!.map(({ wasted, spared }) => [of(wasted), of(spared)] as const),
          ].sort(([a], [b]) => a! - b!) as [number, number][],
        })),
    ),
    xTitle: 'Extra loads: keys that nobody read',
    xName: 'Extra loads',
    xFormat: 'percent',
    yTitle: 'Misses saved',
  };
}

/** Hit ratio by size of plan, for one ttl and capacity. */
export function byBudget({ base, budgets }: Replayed['steady'][number]): Chart {
  const at = (rule: string) => budgets.map(({ rules }) => round(rules[rule]!.hitRatio));
  return {
    x: budgets.map(({ keys }) => keys),
    xTitle: 'Keys warmed before each window, at most',
    xName: 'Keys',
    xFormat: 'number',
    yTitle: 'Hit ratio',
    series: [
      { name: 'perfect', color: 'perfect', values: at('perfect'), dash: true },
      { name: 'warmed', color: 'warm', values: at('auto') },
      { name: 'not warmed', color: 'cold', values: budgets.map(() => round(base.hitRatio)) },
    ],
  };
}

const palette = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] as const;

/** What refreshing ahead removes for what it loads, a line for each ttl. */
export function byExtraLoads({ refresh }: Replayed, nameOf: (ttlSeconds: number) => string): Chart {
  return {
    ...joined(
      refresh.map(({ ttlSeconds, policies }, i) => ({
        name: `ttl ${nameOf(ttlSeconds)}`,
        color: palette[i % palette.length]!,
        points: [
          [0, 0] as const,
          ...Object.entries(policies)
            .filter(([policy]) => policy.startsWith('worth'))
            .map(([, { extraLoads, removed }]) => [round(extraLoads), round(removed)] as const),
        ].sort(([a], [b]) => a - b),
      })),
    ),
    xTitle: 'More loads',
    xName: 'More loads',
    xFormat: 'percent',
    yTitle: 'Expiry misses removed',
  };
}

const round = (value: number): number => Math.round(value * 1e5) / 1e5;
