import { type Emit, type LineReader, splitRequest } from './import-line.ts';
import { parseTime } from './import-time.ts';

/** Whatever stands before the time (host, users, addresses of any kind), then request, status, size, and maybe referer and agent. */
const shape =
  /^(\S+) .*?\[([^\]]{20,27})\] "((?:[^"\\]|\\.)*)" (\d{3}) (\d+|-)(?: "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)")?/;

export const isLogLine = (text: string): boolean => {
  const match = shape.exec(text);
  return match !== null && parseTime(match[2]!) !== undefined;
};

/** Lines of nginx and Apache, common or combined. */
export function readLog(emit: Emit): LineReader {
  // Lines of one second follow each other.
  let lastTime = '';
  let lastAt: number | undefined;
  return {
    columns: [],
    line(text, number) {
      const match = shape.exec(text);
      if (match === null) return emit({ bad: 'shape' }, number, text);
      const [, address, time, request, status, bytes, referer, agent] = match;
      if (time !== lastTime) {
        lastTime = time!;
        lastAt = parseTime(time!);
      }
      if (lastAt === undefined) return emit({ bad: 'time' }, number, text);
      const { method, path } = splitRequest(request!) ?? { method: '-', path: '' };
      emit(
        {
          at: lastAt,
          method,
          path,
          status: Number(status),
          ...(agent === undefined ? {} : { agent }),
          fields: { address: address!, bytes: bytes!, referer: referer ?? '' },
        },
        number,
        text,
      );
    },
    end() {},
  };
}
