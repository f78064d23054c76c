import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { reportOf } from '../../../cli/report/report.ts';
import { replay } from '../../../src/forecast/replay.ts';
import { createTraffic } from '../../../src/forecast/traffic.ts';

const hour = 3_600;
const evil = '</script><script>alert(1)</script><img src=x onerror="alert(2)">\u202E';

/** Two days and a half; every key, and the names of file and cache, try to become a part of the page. */
const page = await (async () => {
  const traffic = createTraffic();
  for (let at = 0; at < 60; at++)
    for (let i = 0; i < 60; i++)
      traffic.add(`${evil}${Math.floor(20 * ((i * 0.618) % 1) ** 2)}`, (480_000 + at) * hour + i * 60);
  const result = await replay(traffic.build());
  return reportOf([{ cache: evil, ...result }], { source: `${evil}.csv`, now: Date.UTC(2026, 0, 5) });
})();
const all = (pattern: RegExp) => [...page.matchAll(pattern)].map((match) => match[1]!);
/** Without scripts and styles. */
const bare = page.replace(/<(script|style)\b[^>]*>[\s\S]*?<\/\1>/g, '');
/** Whether the page has it; a failure must not print all of it. */
const has = (pattern: RegExp, text = page) => pattern.test(text);
const data = all(/<script type="application\/json" id="[\w-]+">([\s\S]*?)<\/script>/g);
const scripts = all(/<script(?: type="module")?>([\s\S]*?)<\/script>/g);

test('is whole: every picture has its words, its data and its figures as a table', () => {
  const charts = all(/<div class="chart" role="img" aria-label="[^"]+" data-chart="([\w-]+)">/g);
  expect(charts).toEqual(['c0-time', 'c0-rules', 'c0-spent', 'c0-whatif', 'c0-refresh']);
  expect(all(/<script type="application\/json" id="([\w-]+)">/g)).toEqual(charts);
  const panels = page.split('<section class="panel').slice(1);
  expect(panels).toHaveLength(6);
  for (const panel of panels) {
    expect(panel).toMatch(/<h3>[^<]+<\/h3><p>[^<]+<\/p>/);
    expect(panel).toMatch(/<table class="(data|heat)"><caption[^>]*>[^<]+<\/caption>/);
    expect(panel).toContain('<th scope="row">');
  }
  const chart = JSON.parse(data[0]!) as { x: number[]; series: { values: (number | null)[] }[] };
  expect(chart.x.length).toBeGreaterThan(20);
  for (const { values } of chart.series) expect(values).toHaveLength(chart.x.length);
});

test('every element that begins ends, in order', () => {
  const open: string[] = [];
  for (const [, slash, name] of bare.matchAll(/<(\/?)([a-z]\w*)[^>]*>/g)) {
    if (['meta', 'br', 'input'].includes(name!)) continue;
    if (slash === '') open.push(name!);
    else expect(open.pop()).toBe(name);
  }
  expect(open).toEqual([]);
});

test('nothing that the log names is more than text', () => {
  expect(scripts).toHaveLength(2);
  expect(has(/<img|<svg|<iframe|<[^>]*\son\w+=/i, bare)).toBe(false);
  expect(has(/<script>alert|\u202E/)).toBe(false);
  expect(has(/<h2>&lt;\/script&gt;&lt;script&gt;alert\(1\)/)).toBe(true);
  for (const block of data) expect(block).not.toMatch(/[<>&]/);
});

test('it asks for nothing from anywhere, and runs its own two scripts only', () => {
  const [policy] = all(/http-equiv="Content-Security-Policy" content="([^"]+)"/g);
  expect(policy).toMatch(/^default-src 'none';/);
  const hashes = scripts.map((text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`);
  expect(policy).toContain(`script-src ${hashes.join(' ')};`);
  expect(has(/<(link|base|object|embed|form)\b|<[^>]*\b(src|href|action)=/i, bare)).toBe(false);
  for (const style of all(/<style>([\s\S]*?)<\/style>/g)) expect(has(/@import|url\(/i, style)).toBe(false);
});
