import type { Totals } from './torture-round.ts';

const own = ['lost', 'resurrected', 'duplicate'];

/** What came of a torture, and of what it was compared with, side by side. */
export function reportText(
  { seed, buffer, jobs }: { seed: number; buffer: Totals; jobs: Totals | undefined },
  table: (head: string[], rows: string[][]) => string,
): string {
  const all = jobs === undefined ? [buffer] : [buffer, jobs];
  const row = (what: string, of: (totals: Totals) => number | string) => [
    what,
    ...all.map((totals) => String(of(totals))),
  ];
  const others = ({ violations }: Totals) =>
    Object.entries(violations)
      .filter(([name]) => !own.includes(name))
      .map(([name, count]) => `${count} ${name}`)
      .join(', ') || '0';
  const kinds = [...new Set(all.flatMap(({ faults }) => Object.keys(faults)))].sort();
  return [
    `seed ${seed}`,
    table(
      ['', 'the buffer', ...(jobs === undefined ? [] : ['a BullMQ job per write'])],
      [
        row('result', ({ result }) => result),
        row('rounds', ({ rounds }) => rounds),
        row('writes acknowledged', ({ acknowledged }) => acknowledged),
        row('nobody knows', ({ unknown }) => unknown),
        row('refused', ({ refused }) => refused),
        row('reads', ({ reads }) => reads),
        row('effects on the table', ({ effects }) => effects),
        row('put aside', ({ dead }) => dead),
        row('losses', ({ violations }) => violations.lost ?? 0),
        row('resurrections', ({ violations }) => violations.resurrected ?? 0),
        row('duplicates in effect', ({ violations }) => violations.duplicate ?? 0),
        row('other violations', others),
        row('gone with a loss of power', ({ forgiven }) => forgiven),
        ...kinds.map((kind) => row(`fault: ${kind}`, ({ faults }) => faults[kind] ?? 0)),
      ],
    ),
  ].join('\n');
}
