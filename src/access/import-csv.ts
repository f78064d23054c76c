import { parse } from 'csv-parse/sync';
import { toLine } from './import-json.ts';
import type { Emit, LineReader, Role } from './import-line.ts';
import { playerOf, roleNames } from './import-line.ts';

/** A quoted field may hold line breaks; one that never ends must not swallow the file. */
const mostLines = 32;
const mostChars = 65_536;

const delimiters = [',', ';', '\t'] as const;

/** The columns of a header line that names a time and a key or path; undefined when it is none. */
export function parseHeader(text: string): { names: string[]; delimiter: string } | undefined {
  for (const delimiter of delimiters) {
    const names = parseRecord(text, delimiter)?.map((name) => name.trim().toLowerCase());
    if (names === undefined || playerOf('time', names) === undefined) continue;
    if (playerOf('key', names) ?? playerOf('path', names)) return { names, delimiter };
  }
  return undefined;
}

/** Comma, semicolon or tab separated values after their header line. */
export function readCsv(
  emit: Emit,
  { names, delimiter }: { names: string[]; delimiter: string },
): LineReader {
  const players = new Map<Role, string | undefined>(roleNames.map((role) => [role, playerOf(role, names)]));
  const nameOf = (role: Role) => players.get(role);
  let open: { text: string; number: number }[] = [];
  let openChars = 0;

  const record = (values: readonly string[] | undefined, number: number, text: string) => {
    if (values === undefined || values.length < 2) return emit({ bad: 'shape' }, number, text);
    const fields: Record<string, string> = {};
    for (let i = 0; i < names.length; i++) fields[names[i]!] = values[i] ?? '';
    emit(toLine(fields, nameOf), number, text);
  };

  /** The first open line is no record: what follows it may be. */
  const giveUp = () => {
    const [first, ...rest] = open;
    open = [];
    openChars = 0;
    emit({ bad: 'shape' }, first!.number, first!.text);
    for (const { text, number } of rest) line(text, number);
  };

  function line(text: string, number: number): void {
    const isOdd = hasOddQuotes(text);
    if (open.length === 0 && !isOdd) {
      record(text.includes('"') ? parseRecord(text, delimiter) : text.split(delimiter), number, text);
      return;
    }
    open.push({ text, number });
    openChars += text.length;
    if (open.length > 1 && isOdd) {
      const values = parseRecord(open.map((each) => each.text).join('\n'), delimiter);
      if (values === undefined) {
        giveUp();
        return;
      }
      const [first] = open;
      open = [];
      openChars = 0;
      record(values, first!.number, first!.text);
    } else if (open.length >= mostLines || openChars > mostChars) giveUp();
  }

  return {
    columns: names,
    line,
    end() {
      while (open.length > 0) giveUp();
    },
  };
}

function hasOddQuotes(text: string): boolean {
  let isOdd = false;
  for (let at = text.indexOf('"'); at !== -1; at = text.indexOf('"', at + 1)) isOdd = !isOdd;
  return isOdd;
}

function parseRecord(text: string, delimiter: string): string[] | undefined {
  try {
    return parse(text, { delimiter, relax_column_count: true })[0];
  } catch {
    return undefined;
  }
}
