import type { Output } from '../../cli/output.ts';
import type { BenchResult, BenchTarget } from '../bench.ts';

/** A figure with as many digits as mean something. */
export const figure = (value: number): string =>
  !Number.isFinite(value)
    ? '-'
    : Math.abs(value) >= 100
      ? Math.round(value).toLocaleString('en')
      : String(Number(value.toPrecision(3)));

/** What a bench found, for people. */
export function resultText(result: BenchResult, about: string, output: Output): string {
  const { color } = output;
  const table = output.table(
    ['', { head: 'value', align: 'right' }, 'unit', { head: 'ratio', align: 'right' }, 'against'],
    result.rows.map(({ what, value, unit, ratio, against }) => [
      what,
      figure(value),
      unit,
      ratio === undefined ? '' : figure(ratio),
      against ?? '',
    ]),
  );
  const mark = ({ met }: BenchTarget) => (met ? color.green('✔') : color.red('✖'));
  const targets = result.targets.map(
    (target) =>
      `${mark(target)} ${target.what}: ${figure(target.value)}, wanted ${target.sign === '>=' ? 'at least' : 'at most'} ${figure(target.limit)}`,
  );
  return [`${color.bold(result.name)}  ${about}`, '', table, '', ...targets].join('\n');
}
