export interface Exposition {
  readonly types: ReadonlyMap<string, string>;
  readonly helps: ReadonlyMap<string, string>;
  readonly samples: ReadonlyMap<string, number>;
}

/** Reads the text format of Prometheus as strictly as a server does: a second TYPE, HELP or sample is an error. */
export function parseExposition(text: string): Exposition {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const types = new Map<string, string>();
  const helps = new Map<string, string>();
  const samples = new Map<string, number>();
  const once = <Value>(map: Map<string, Value>, name: string, value: Value) => {
    if (map.has(name)) throw new Error(`said twice: ${name}`);
    map.set(name, value);
  };
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const told = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line);
    if (told) {
      once(told[1] === 'HELP' ? helps : types, told[2]!, told[3]!);
      continue;
    }
    const sample = /^([a-zA-Z_:][\w:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\n"])*",?)*\})? (\S+)$/.exec(line);
    if (!sample) throw new Error(`not a sample: ${line}`);
    const value = sample[3] === '+Inf' ? Number.POSITIVE_INFINITY : Number(sample[3]);
    if (Number.isNaN(value) && sample[3] !== 'Nan') throw new Error(`not a number: ${line}`);
    const family = sample[1]!.replace(/_(bucket|sum|count)$/, '');
    if (!types.has(sample[1]!) && !types.has(family)) throw new Error(`no TYPE before: ${line}`);
    once(samples, `${sample[1]}${sample[2] ?? ''}`, value);
  }
  return { types, helps, samples };
}
