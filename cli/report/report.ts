import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { packageRoot, packageVersion } from '../../src/files.ts';
import { middleOf } from '../../src/forecast/backtest.ts';
import { count, instant, percent } from '../format.ts';
import { nothingScored, type Replayed, verdictOf } from '../replay-text.ts';
import { escaped } from './html.ts';
import { panelsOf } from './panels.ts';

/** The page as one file that asks for nothing: styles, scripts and figures are in it. `now` is when it is made. */
export function reportOf(
  results: readonly Replayed[],
  { source, now }: { source: string; now: number },
): string {
  const charts = readFileSync(join(uplotFolder(), 'uPlot.iife.min.js'), 'utf8');
  const chartStyle = readFileSync(join(uplotFolder(), 'uPlot.min.css'), 'utf8');
  const style = readFileSync(join(packageRoot, 'cli/report/page.css'), 'utf8');
  const script = readFileSync(join(packageRoot, 'cli/report/page.mjs'), 'utf8');
  // Nothing that a log names can become a script: only these two run.
  const policy = [
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    `script-src ${[charts, script].map((text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`).join(' ')}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>Replay of ${escaped(source)}</title>
<style>${chartStyle}
${style}</style>
</head>
<body>
<header><h1>What warming would have done</h1><p class="soft">Replay of ${escaped(source)} · ${instant(now)} · Samovar ${escaped(packageVersion)}</p>
<noscript><p class="note">The pictures need JavaScript; the tables do not.</p></noscript></header>
<main>
${results.map((result, i) => cacheOf(result, `c${i}`)).join('\n')}
</main>
<footer>The first half of the time is history. Before each window of the second half the rules say which keys to warm; they know nothing of a window before it is over.
Windows with few reads are not scored. Warming spares readers a wait, it does not lower the loads of the origin: each load ahead spares at most one.</footer>
<script>${charts}</script>
<script type="module">${script}</script>
</body>
</html>
`;
}

const require = createRequire(import.meta.url);
const uplotFolder = (): string => dirname(require.resolve('uplot'));

function cacheOf(result: Replayed, id: string): string {
  const { cache, reads, keys, from, to, windows, keysPerWindow } = result;
  const head = `<h2>${escaped(cache)}</h2><p>${count(reads)} reads of ${count(keys)} keys, ${instant(from * 1_000)} to ${instant(to * 1_000)}.`;
  if (windows === 0)
    return `<section>${head}</p><p class="note">${escaped(nothingScored(result))}</p></section>`;
  const verdict = verdictOf(result);
  return `<section>${head} ${count(windows)} windows scored, ${count(keysPerWindow)} keys in each on average.</p>
${verdict === undefined ? '' : `<p class="note">${escaped(verdict)}</p>`}
${tilesOf(result)}
<div class="panels">
${panelsOf(result, id)}
</div></section>`;
}

function tilesOf({ rules, cold, chosen }: Replayed): string {
  const middle = middleOf(rules['auto']!.map(({ budget }) => budget));
  const [auto, perfect] = [rules['auto']![middle]!, rules['perfect']![middle]!];
  const [favourite = '—', times = 0] = Object.entries(chosen).sort(([, a], [, b]) => b - a)[0] ?? [];
  const all = Object.values(chosen).reduce((sum, each) => sum + each, 0);
  const tiles = [
    [
      'Hit ratio',
      percent(auto.hitRatio),
      `cold ${percent(cold.hitRatio)}, perfect ${percent(perfect.hitRatio)}`,
    ],
    [
      'First minutes',
      percent(auto.earlyHitRatio),
      `cold ${percent(cold.earlyHitRatio)}, perfect ${percent(perfect.earlyHitRatio)}`,
    ],
    ['Of perfect foresight', percent(auto.share), `with ${count(auto.keys)} keys`],
    ['Precision', percent(auto.precision), 'of the loads ahead are read'],
    ['Chosen', favourite, `in ${percent(times / Math.max(1, all))} of the windows`],
  ] as const;
  return `<dl class="tiles">${tiles
    .map(
      ([name, value, more]) =>
        `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}<small>${escaped(more)}</small></dd></div>`,
    )
    .join('')}</dl>`;
}
