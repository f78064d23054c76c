import Table from 'cli-table3';
import pc from 'picocolors';

type Colors = ReturnType<typeof pc.createColors>;

export interface Progress {
  /** Replaces the line on a terminal; elsewhere a line now and then. */
  show(text: string): void;
  /** Clears the line. */
  end(): void;
}

export interface Column {
  readonly head: string;
  readonly align?: 'left' | 'right';
}

/** Data goes to standard output, words about it to standard error. */
export interface Output {
  readonly isJson: boolean;
  /** Whether standard output is a terminal. */
  readonly isTerminal: boolean;
  /** Colours for standard output. */
  readonly color: Colors;
  /** Colours for standard error. */
  readonly errorColor: Colors;
  /** The one result of a command: a JSON document with --json, else the text. */
  data(document: unknown, text: () => string): void;
  /** A line of a result for people; nothing with --json. */
  line(text?: string): void;
  /** A line on standard error; nothing with --quiet. */
  note(text: string): void;
  table(columns: readonly (string | Column)[], rows: readonly (readonly string[])[]): string;
  /** On standard error; nothing with --quiet, --json or in a pipe. */
  progress(): Progress;
}

export interface OutputOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly color?: boolean | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** Colours only where someone can see them: a terminal, or FORCE_COLOR; never with NO_COLOR or --no-color. */
export function wantsColor(
  options: Pick<OutputOptions, 'color' | 'env'>,
  stream: { isTTY?: boolean },
): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = options.env;
  if (options.color === false || (NO_COLOR ?? '') !== '') return false;
  if ((FORCE_COLOR ?? '') !== '' && FORCE_COLOR !== '0') return true;
  return stream.isTTY === true && TERM !== 'dumb';
}

const bare = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

export function createOutput(options: OutputOptions): Output {
  const { stdout, stderr, json, quiet } = options;
  const color = pc.createColors(!json && wantsColor(options, stdout));
  const isTerminal = stdout.isTTY === true;
  const write = (text: string): void => void stdout.write(text.endsWith('\n') ? text : `${text}\n`);

  return {
    isJson: json,
    isTerminal,
    color,
    errorColor: pc.createColors(wantsColor(options, stderr)),
    data(document, text) {
      write(json ? JSON.stringify(document, null, isTerminal ? 2 : undefined) : text());
    },
    line(text = '') {
      if (!json) write(`${text}\n`);
    },
    note(text) {
      if (!quiet) stderr.write(`${text}\n`);
    },
    table(columns, rows) {
      const heads = columns.map((column) => (typeof column === 'string' ? { head: column } : column));
      const table = new Table({
        head: heads.map(({ head }) => color.bold(head)),
        colAligns: heads.map(({ align }: Column) => align ?? 'left'),
        chars: bare,
        style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
      });
      for (const row of rows) table.push([...row]);
      return table
        .toString()
        .split('\n')
        .map((line) => line.trimEnd())
        .join('\n');
    },
    progress() {
      if (quiet || json || stderr.isTTY !== true) return { show() {}, end() {} };
      return {
        show: (text) => void stderr.write(`\r\u001b[2K${text.slice(0, (stderr.columns || 80) - 1)}`),
        end: () => void stderr.write('\r\u001b[2K'),
      };
    },
  };
}
