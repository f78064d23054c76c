/** Milliseconds since the epoch of what a log calls a time; undefined when it is none. No zone = UTC. */
export function parseTime(text: string): number | undefined {
  if (/^\d+(\.\d*)?$/.test(text)) return fromNumber(Number(text));
  const iso =
    /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?\s*(Z|[+-]\d\d:?\d\d)?$/i.exec(
      text,
    );
  if (!iso) return parseLogTime(text);
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '0', zone] = iso;
  return instant(
    [Number(year), Number(month), Number(day), Number(hour), Number(minute), Number(second)],
    Number(`0.${fraction}`) * 1_000,
    zone,
  );
}

/** Seconds, milli-, micro- or nanoseconds: no log of ours is from before 1973 or after 5138. */
function fromNumber(value: number): number {
  if (value < 1e11) return Math.round(value * 1_000);
  if (value < 1e14) return Math.trunc(value);
  return Math.trunc(value < 1e17 ? value / 1_000 : value / 1_000_000);
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `10/Oct/2000:13:55:36 -0700`, as web servers write it. */
function parseLogTime(text: string): number | undefined {
  const match = /^(\d{1,2})\/([A-Z][a-z]{2})\/(\d{4}):(\d\d):(\d\d):(\d\d)(?: ([+-]\d{4}))?$/.exec(text);
  if (!match) return undefined;
  const [, day, month, year, hour, minute, second, zone] = match;
  return instant(
    [Number(year), months.indexOf(month!) + 1, Number(day), Number(hour), Number(minute), Number(second)],
    0,
    zone,
  );
}

function instant(
  [year, month, day, hour, minute, second]: [number, number, number, number, number, number],
  ms: number,
  zone: string | undefined,
): number | undefined {
  // 60 is a leap second.
  if (month < 1 || month > 12 || day < 1 || hour > 24 || minute > 59 || second > 60) return undefined;
  if (day > new Date(Date.UTC(year, month, 0)).getUTCDate()) return undefined;
  return Math.trunc(Date.UTC(year, month - 1, day, hour, minute, second) + ms) - zoneMs(zone);
}

function zoneMs(zone: string | undefined): number {
  if (zone === undefined || zone.toUpperCase() === 'Z') return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return (zone.startsWith('-') ? -1 : 1) * minutes * 60_000;
}
