import { nearest, SamovarError } from '../errors.ts';

const compare = {
  '>=': (value: number, limit: number) => value >= limit,
  '<=': (value: number, limit: number) => value <= limit,
  '>': (value: number, limit: number) => value > limit,
  '<': (value: number, limit: number) => value < limit,
} as const;

/** What a run must reach, as `hit_ratio_first_5m>=0.8` says it. */
export interface Assertion {
  readonly text: string;
  readonly metric: string;
  readonly sign: keyof typeof compare;
  readonly limit: number;
}

/** Reads an assertion. Throws E_USAGE when it is none, or speaks of a figure that is not known. */
export function readAssertion(text: string, known: readonly string[]): Assertion {
  const parts = /^\s*([\w.]+)\s*(>=|<=|>|<)\s*(\d+(?:\.\d+)?)\s*(%?)\s*$/.exec(text);
  if (!parts) {
    throw new SamovarError(
      'E_USAGE',
      `expected --assert to be like 'hit_ratio_first_5m>=0.8', with >=, <=, > or <, got '${text}'`,
    );
  }
  const [, metric, sign, limit, percent] = parts as unknown as [
    string,
    string,
    Assertion['sign'],
    string,
    string,
  ];
  if (!known.includes(metric)) {
    const meant = nearest(metric, known);
    throw new SamovarError(
      'E_USAGE',
      `--assert: there is no figure '${metric}'${meant === undefined ? '' : `; did you mean '${meant}'?`}`,
      { hints: [`known figures: ${known.join(', ')}`] },
    );
  }
  return { text: text.trim(), metric, sign, limit: percent === '%' ? Number(limit) / 100 : Number(limit) };
}

export interface Asserted {
  readonly text: string;
  readonly value: number;
  readonly met: boolean;
}

export function assertFigures(
  assertions: readonly Assertion[],
  figures: Readonly<Record<string, number>>,
): Asserted[] {
  return assertions.map(({ text, metric, sign, limit }) => {
    const value = figures[metric]!;
    return { text, value, met: compare[sign](value, limit) };
  });
}
