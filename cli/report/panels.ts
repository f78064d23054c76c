import { middleOf } from '../../src/forecast/backtest.ts';
import { count, instant, percent, span } from '../format.ts';
import type { Replayed } from '../replay-text.ts';
import { byBudget, byExtraLoads, byRule, type Chart, overTime, savedAndSpent } from './charts.ts';
import { gainHeat, readsHeat } from './heat.ts';
import { escaped, jsonBlock, type Row, tableOf } from './html.ts';

/** A picture, what it says, and its figures as a table. */
interface Panel {
  readonly title: string;
  readonly text: string;
  readonly body: string;
  readonly isWide?: boolean;
}

const panelOf = ({ title, text, body, isWide }: Panel): string =>
  `<section class="panel${isWide === true ? ' wide' : ''}"><h3>${escaped(title)}</h3><p>${escaped(text)}</p>${body}</section>`;

/** The place of a chart and its data; who cannot see it is told what it shows. */
const figureOf = (id: string, label: string, data: unknown): string =>
  `<figure><div class="chart" role="img" aria-label="${escaped(label)}" data-chart="${id}"></div></figure>${jsonBlock(id, data)}`;

export function panelsOf(result: Replayed, id: string): string {
  const middle = middleOf(result.rules['auto']!.map(({ budget }) => budget));
  return [
    timePanel(result, `${id}-time`),
    rulesPanel(result, `${id}-rules`, middle),
    spentPanel(result, `${id}-spent`),
    hoursPanel(result),
    whatIfPanel(result, `${id}-whatif`),
    refreshPanel(result, `${id}-refresh`),
  ].join('\n');
}

function timePanel(result: Replayed, id: string): string {
  const chart = overTime(result);
  return panelOf({
    title: 'Hit ratio over time',
    text: 'The cache is emptied before each window: without warming, warmed by the automatic choice, and with perfect foresight. Drag to look closer, double-click to go back.',
    isWide: true,
    body:
      figureOf(id, 'Lines: hit ratio over time, cold, warmed and with perfect foresight', chart) +
      tableOf('Hit ratio by day (UTC)', ['Day', 'Reads', 'Cold', 'Warmed', 'Perfect'], byDay(result)),
  });
}

function byDay({ series }: Replayed): Row[] {
  const days = new Map<string, [reads: number, cold: number, warmed: number, perfect: number]>();
  for (const [i, at] of series.at.entries()) {
    const day = instant(at * 1_000).slice(0, 10);
    const sums = days.get(day) ?? [0, 0, 0, 0];
    const more = [series.reads[i]!, series.cold[i]!, series.warmed[i]!, series.perfect[i]!];
    for (const [part, value] of more.entries()) sums[part]! += value;
    days.set(day, sums);
  }
  return Array.from(days, ([day, [reads, ...misses]]) => ({
    cells: [day, count(reads), ...misses.map((missed) => percent(1 - missed / reads))],
  }));
}

function rulesPanel(result: Replayed, id: string, middle: number): string {
  const { rules } = result;
  const sizes = rules['auto']!;
  const rows = Object.entries(rules)
    .sort(([, a], [, b]) => b[middle]!.share - a[middle]!.share)
    .map(([rule, spared]) => ({
      isOurs: rule === 'auto',
      cells: [
        rule,
        ...spared.map(({ share }) => percent(share)),
        percent(spared[middle]!.precision),
        percent(spared[middle]!.hitRatio),
        percent(spared[middle]!.earlyHitRatio),
      ],
    }));
  const heads = sizes.map(({ keys }) => `${count(keys)} keys`);
  return panelOf({
    title: 'Share of perfect foresight, by rule',
    text: `Of the misses that a plan of ${count(sizes[middle]!.keys)} keys could spare, how many each rule spares. “auto” chose among the rules as it went and knew nothing of the hours to come.`,
    body:
      figureOf(id, 'Bars: share of perfect foresight that each rule reaches', byRule(result, middle)) +
      tableOf(
        `Share of perfect foresight by size of plan; the last three for ${heads[middle]}`,
        ['Rule', ...heads, 'Precision', 'Hit ratio', 'First minutes'],
        rows,
      ),
  });
}

function spentPanel(result: Replayed, id: string): string {
  const rows = Object.entries(result.rules).flatMap(([rule, spared]) =>
    spared.map(({ keys, spared: saved, loads, wasted }) => ({
      isOurs: rule === 'auto',
      cells: [rule, count(keys), count(saved), count(loads), count(wasted)],
    })),
  );
  return panelOf({
    title: 'Misses saved against extra loads',
    text: 'Each point is a size of plan, in shares of the misses without warming. A load ahead of a key that is read takes the place of a miss; one that nobody reads is extra. Up is good, right is dear.',
    body:
      figureOf(id, 'Lines: misses saved over loads that nobody read, by rule', savedAndSpent(result)) +
      tableOf(
        'Misses saved and loads, over all windows',
        ['Rule', 'Keys', 'Saved', 'Loads', 'Not read'],
        rows,
      ),
  });
}

const hoursPanel = (result: Replayed): string =>
  panelOf({
    title: 'Hours of the week',
    text: 'When there are reads (per window, on average), and how many points of hit ratio warming adds in that hour.',
    isWide: true,
    body: `${readsHeat(result)}<br>${gainHeat(result)}`,
  });

function whatIfPanel({ steady }: Replayed, id: string): string {
  const nameOf = (kept: Replayed['steady'][number]) =>
    `ttl ${span(kept.ttlSeconds)}, ${kept.entries === null ? 'all fit' : `room for ${count(kept.entries)}`}`;
  const budgets = steady[0]!.budgets;
  const cells = steady.map((kept) => ({
    chart: byBudget(kept) satisfies Chart,
    rows: kept.budgets.map(({ rules, keys, unguarded }) => {
      const auto = rules['auto']!;
      const least =
        unguarded === null ? '' : ` Without the guard it would avoid ${percent(unguarded.avoided)}.`;
      return `${nameOf(kept)}, up to ${count(keys)} keys: hit ratio ${percent(kept.base.hitRatio)} without warming, ${percent(auto.hitRatio)} with it, ${percent(rules['perfect']!.hitRatio)} with perfect foresight. It avoids ${percent(auto.avoided)} of the misses, ${auto.avoidedPerLoad.toFixed(2)} for each load ahead; the origin bears ${percent(auto.totalLoads)} of the loads.${least}`;
    }),
  }));
  const option = (text: string, i: number, chosen: number) =>
    `<option value="${i}"${i === chosen ? ' selected' : ''}>${escaped(text)}</option>`;
  const middle = middleOf(budgets.map(({ budget }) => budget));
  const rows = steady.flatMap((kept) =>
    kept.budgets.map(({ keys, rules, unguarded }) => ({
      cells: [
        nameOf(kept),
        count(keys),
        percent(kept.base.hitRatio),
        percent(rules['auto']!.hitRatio),
        percent(rules['perfect']!.hitRatio),
        percent(rules['auto']!.avoided),
        rules['auto']!.avoidedPerLoad.toFixed(2),
        percent(rules['auto']!.totalLoads),
        percent(unguarded?.avoided),
      ],
    })),
  );
  return panelOf({
    title: 'What if: budget, ttl and memory',
    text: 'One cache that is never emptied; before each window the best keys that are not fresh are loaded, while there is room.',
    body: `<div class="controls" hidden><label>Cache<select>${steady.map((kept, i) => option(nameOf(kept), i, 0)).join('')}</select></label>
<label>Plan<select>${budgets.map(({ keys }, i) => option(`${count(keys)} keys`, i, middle)).join('')}</select></label></div>
<p class="figures" aria-live="polite">${escaped(cells[0]!.rows[middle]!)}</p>${figureOf(id, 'Lines: hit ratio over size of plan, not warmed, warmed and with perfect foresight', { cells })}${tableOf(
      'Every ttl, capacity and size of plan',
      [
        'Cache',
        'Keys',
        'Not warmed',
        'Warmed',
        'Perfect',
        'Avoided',
        'Per load',
        'Origin loads',
        'Unguarded',
      ],
      rows,
    )}`,
  });
}

function refreshPanel(result: Replayed, id: string): string {
  const rows = result.refresh.flatMap(({ ttlSeconds, policies }) =>
    Object.entries(policies).map(([policy, { removed, extraLoads, refreshes, wasted }]) => ({
      cells: [
        span(ttlSeconds),
        policy,
        percent(removed),
        percent(extraLoads),
        count(refreshes),
        percent(refreshes === 0 ? 0 : wasted / refreshes),
      ],
    })),
  );
  return panelOf({
    title: 'Refresh ahead',
    text: 'What is loaded anew at the end of its ttl spares the next reader the miss. Each point is a threshold: the chance of a read, from 0.8 down to 0.3, above which it is worth it.',
    body:
      figureOf(
        id,
        'Lines: misses by expiry that are removed over more loads, by ttl',
        byExtraLoads(result, span),
      ) +
      tableOf(
        'Every ttl and policy; not read: of the refreshes',
        ['TTL', 'Policy', 'Removed', 'More loads', 'Refreshes', 'Not read'],
        rows,
      ),
  });
}
