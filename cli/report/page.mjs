// Runs in the report: draws what the page's data says. Everything it needs is in the page.
/* global document, getComputedStyle, matchMedia, ResizeObserver, uPlot */

const root = document.documentElement;
const colorOf = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
const percent = (value) => (value == null ? '—' : `${(value * 100).toFixed(1)} %`);
const percentMark = (value) => `${Math.round(value * 1_000) / 10} %`;
const number = (value) => (value == null ? '—' : Math.round(value).toLocaleString('en-US'));
const formats = { percent: [percent, percentMark], number: [number, number], text: [String, String] };
const charts = [];

/** `01-12` for days and midnights, `14:00` within them. */
function timeMark(at, step) {
  const text = new Date(at * 1_000).toISOString();
  return step >= 86_400 || at % 86_400 === 0 ? text.slice(5, 10) : text.slice(11, 16);
}

/** A chart: { x, xName, xTitle, xFormat, yTitle, labels?, series: [{ name, color, values, dash?, bars? }] }. */
function options(chart, width) {
  const [xFull, xMark] = formats[chart.xFormat] ?? [];
  const isTime = chart.xFormat === 'time';
  const axis = {
    stroke: colorOf('soft'),
    grid: { stroke: colorOf('line'), width: 1 },
    ticks: { stroke: colorOf('line'), width: 1 },
  };
  const x = {
    ...axis,
    label: chart.xTitle,
    labelSize: 22,
    font: '12px system-ui, sans-serif',
    labelFont: '12px system-ui, sans-serif',
  };
  if (chart.labels) {
    Object.assign(x, {
      rotate: -50,
      size: 104,
      splits: () => chart.labels.map((_, i) => i),
      values: () => chart.labels,
      grid: { show: false },
    });
  } else if (isTime) x.values = (_, marks, __, ___, step) => marks.map((at) => timeMark(at, step));
  else x.values = (_, marks) => marks.map(xMark);
  return {
    width,
    height: chart.labels ? 330 : 280,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1_000), 'Etc/UTC'),
    cursor: { drag: { x: isTime, y: false } },
    scales: {
      x: {
        time: isTime,
        ...(chart.labels
          ? { range: [-0.6, chart.labels.length - 0.4] }
          : isTime
            ? {}
            : { range: (_, low, high) => [Math.min(0, low), high > low ? high * 1.04 : low + 1] }),
      },
      y: { range: (_, low, high) => [Math.min(0, low ?? 0), Math.max((high ?? 1) * 1.05, 0.01)] },
    },
    axes: [
      x,
      {
        ...axis,
        label: chart.yTitle,
        labelSize: 20,
        size: 56,
        font: '12px system-ui, sans-serif',
        labelFont: '12px system-ui, sans-serif',
        values: (_, marks) => marks.map(percentMark),
      },
    ],
    series: [
      {
        label: chart.xName,
        ...(isTime
          ? { value: '{YYYY}-{MM}-{DD} {HH}:{mm}' }
          : {
              value: (_, value) => (value == null ? '—' : chart.labels ? chart.labels[value] : xFull(value)),
            }),
      },
      ...chart.series.map(({ name, color, dash, bars }) => ({
        label: name,
        stroke: colorOf(color),
        width: bars ? 0 : 2,
        ...(dash ? { dash: [6, 4] } : {}),
        ...(bars ? { fill: colorOf(color), paths: uPlot.paths.bars({ size: [0.7, 48] }) } : {}),
        points: { show: !isTime && !bars, size: 7 },
        spanGaps: !isTime,
        value: (_, value) => percent(value),
      })),
    ],
  };
}

function draw(place, chart) {
  place.textContent = '';
  const data = [chart.x, ...chart.series.map(({ values }) => values)];
  place.chart = new uPlot(options(chart, place.clientWidth || 320), data, place);
}

function show(place, chart) {
  let width = 0;
  const entry = { redraw: () => draw(place, entry.chart), chart };
  charts.push(entry);
  new ResizeObserver(() => {
    if (Math.abs(place.clientWidth - width) < 2) return;
    width = place.clientWidth;
    entry.redraw();
  }).observe(place);
  return entry;
}

for (const place of document.querySelectorAll('.chart[data-chart]')) {
  const data = JSON.parse(document.getElementById(place.dataset.chart).textContent);
  if (data.x) show(place, data);
  else whatIf(place, data);
}

/** One chart and some figures for the ttl, capacity and budget that are chosen. */
function whatIf(place, { cells }) {
  const form = place.closest('.panel').querySelector('.controls');
  const figures = place.closest('.panel').querySelector('.figures');
  form.hidden = false;
  const [cellOf, budgetOf] = form.querySelectorAll('select');
  const chosen = () => cells[cellOf.value];
  const entry = show(place, chosen().chart);
  const update = () => {
    const { chart, rows } = chosen();
    entry.chart = chart;
    entry.redraw();
    figures.textContent = rows[budgetOf.value];
  };
  for (const select of [cellOf, budgetOf]) select.addEventListener('change', update);
  figures.textContent = chosen().rows[budgetOf.value];
}

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  for (const { redraw } of charts) redraw();
});
