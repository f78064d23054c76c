import {
  type BadLine,
  type Emit,
  type HistoryLine,
  type LineReader,
  playerOf,
  type Role,
  splitRequest,
} from './import-line.ts';
import { parseTime } from './import-time.ts';

export const isJsonLine = (text: string): boolean => text.startsWith('{') && parseObject(text) !== undefined;

/** A JSON object a line. */
export function readJson(emit: Emit): LineReader {
  return {
    columns: undefined,
    line(text, number) {
      const fields = parseObject(text);
      emit(
        fields === undefined
          ? { bad: 'shape' }
          : toLine(fields, (role) => playerOf(role, Object.keys(fields))),
        number,
        text,
      );
    },
    end() {},
  };
}

function parseObject(text: string): Record<string, string> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    const fields: Record<string, string> = {};
    for (const [name, field] of Object.entries(value))
      if (field !== null && typeof field !== 'object') fields[name] = String(field);
    return fields;
  } catch {
    return undefined;
  }
}

/** What named fields say, whatever they are called. */
export function toLine(
  fields: Readonly<Record<string, string>>,
  nameOf: (role: Role) => string | undefined,
): HistoryLine | BadLine {
  const at = parseTime(textOf(fields, nameOf('time')) ?? '');
  if (at === undefined) return { bad: 'time' };
  const key = textOf(fields, nameOf('key'));
  const told = textOf(fields, nameOf('path'));
  const request = told === undefined ? undefined : splitRequest(told);
  const path = key ?? request?.path ?? told;
  if (path === undefined) return { bad: 'noKey' };
  const status = textOf(fields, nameOf('status'));
  const bytes = textOf(fields, nameOf('bytes'));
  const size = bytes === undefined ? undefined : Number(bytes);
  const method = textOf(fields, nameOf('method')) ?? request?.method;
  const agent = textOf(fields, nameOf('agent'));
  return {
    at,
    path,
    ...(method === undefined ? {} : { method }),
    ...(status === undefined ? {} : { status: Number(status) }),
    ...(agent === undefined ? {} : { agent }),
    fields,
    cache: textOf(fields, nameOf('cache')),
    key,
    caller: textOf(fields, nameOf('caller')),
    bytes: size !== undefined && Number.isInteger(size) && size >= 0 && size < 2 ** 31 ? size : undefined,
  };
}

function textOf(fields: Readonly<Record<string, string>>, name: string | undefined): string | undefined {
  const value = name === undefined ? undefined : fields[name];
  return value === '' ? undefined : value;
}
