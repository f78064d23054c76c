import { classesOf, type Verdict } from './check.ts';
import type { History } from './history.ts';
import type { Violation } from './violation.ts';

const mostTold = 5;
const mostLines = 14;

/** The verdict in words: each class, and of its first violations the shortest story that shows them. */
export function verdictText(history: History, verdict: Verdict): string {
  const lines = [`${verdict.result}: ${verdict.ok} acknowledged, ${verdict.effects} effects`];
  for (const lack of verdict.lacks) lines.push(`  too little: ${lack}`);
  const classes = classesOf(verdict);
  for (const [name, count] of Object.entries(classes)) {
    lines.push(`  ${count} × ${name}`);
    for (const violation of verdict.violations.filter((each) => each.class === name).slice(0, mostTold))
      lines.push(...story(history, violation).map((line) => `    ${line}`));
  }
  return lines.join('\n');
}

/** What happened to the versions that a violation is about, and the faults in between. */
export function story(
  { events, writesOf, end }: History,
  { key, what, versions = [], at }: Violation,
): string[] {
  if (key === undefined) return [what];
  const about = new Set(versions);
  const isAbout = (version: number | undefined) =>
    about.size === 0 || at !== undefined || version === undefined || about.has(version);
  const told: { at: number; text: string }[] = [];
  for (const write of writesOf.get(key) ?? []) {
    if (!isAbout(write.version) || (at !== undefined && write.outcome === 'fail')) continue;
    const value = write.value === null ? 'delete' : `'${write.value}'`;
    told.push({ at: write.begunAt, text: `${write.by} begins ${write.id}: ${value}` });
    if (write.settledAt !== undefined)
      told.push({
        at: write.settledAt,
        text: `${write.id} → ${write.outcome} ${write.version ?? ''}`.trimEnd(),
      });
  }
  const mine = new Set<string>();
  for (const event of events) {
    if (event.e === 'sent')
      for (const [name, version] of event.rows)
        if (name === key && (at !== undefined || about.has(version))) {
          mine.add(event.batch);
          told.push({ at: event.at, text: `${event.by} sends ${version} in ${event.batch}` });
        }
    if (event.e === 'wrote' && mine.has(event.batch))
      told.push({ at: event.at, text: `${event.batch} was written` });
    if (event.e === 'refused' && mine.has(event.batch))
      told.push({ at: event.at, text: `${event.batch} was refused: ${event.code}` });
    if (event.e === 'rd' && event.key === key && about.size > 0)
      told.push({
        at: event.at,
        text: `${event.by} read ${event.value === null ? 'nothing' : `'${event.value}'`}`,
      });
  }
  const [from, to] = [Math.min(...told.map(({ at }) => at)), Math.max(...told.map(({ at }) => at))];
  for (const event of events)
    if (event.e === 'fault' && event.at >= from && event.at <= to + 1_000_000)
      told.push({ at: event.at, text: `fault: ${event.kind}` });
  told.sort((a, b) => a.at - b.at);
  const recent = at === undefined ? told : told.filter((each) => each.at <= at).slice(-3 * mostLines);
  const start = recent[0]?.at ?? 0;
  const lines = recent.map(({ at, text }) => `${((at - start) / 1_000).toFixed(1).padStart(9)} ms  ${text}`);
  const shown =
    lines.length <= mostLines || at !== undefined
      ? lines
      : [
          ...lines.slice(0, mostLines / 2),
          `           … ${lines.length - mostLines} more`,
          ...lines.slice(-mostLines / 2),
        ];
  const state = (['rows', 'dead', 'pending'] as const).flatMap((place) => {
    const there = end[place].get(key);
    return there
      ? [`${place} ${there.version} ${there.value === null ? 'deleted' : `'${there.value}'`}`]
      : [];
  });
  const effects = end.effects.filter((each) => each.key === key).map(({ version }) => version);
  return [
    `${key}: ${what}`,
    ...shown,
    `    at the end: ${state.join(', ') || 'nowhere'}; effects in order: ${effects.slice(-8).join(', ') || 'none'}`,
  ];
}
