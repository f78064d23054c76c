import { newToken } from '../lease/lease.ts';
import type { Begun, Store } from '../store/store.ts';

/** Leases asked for: the token they carry, and what became of each key. */
export interface Asked {
  readonly token: string;
  readonly begun: Promise<readonly Begun[]>;
}

/** `past` is by position, as the store takes it. */
export type Begin = (
  keys: readonly string[],
  past: readonly (Buffer | undefined)[] | undefined,
  ms: number,
) => Asked;

interface Gathering {
  readonly token: string;
  readonly keys: string[];
  readonly past: (Buffer | undefined)[];
  hasPast: boolean;
  ms: number;
  readonly begun: Promise<readonly Begun[]>;
}

/** Leases asked for in one tick are one command; what is loaded under them is each asker's own affair. */
export function createBegin(cache: string, store: Pick<Store, 'begin'>, waits: boolean): Begin {
  let gathering: Gathering | undefined;

  const open = (): Gathering => {
    const token = newToken();
    const made: Gathering = {
      token,
      keys: [],
      past: [],
      hasPast: false,
      ms: 0,
      begun: new Promise((resolve, reject) => {
        process.nextTick(() => {
          gathering = undefined;
          const { keys, past, hasPast, ms } = made;
          const options = { want: 'value', waits, ...(hasPast ? { past } : {}) } as const;
          store.begin(cache, keys, { token, ms }, options).then(resolve, reject);
        });
      }),
    };
    return made;
  };

  return (keys, past, ms) => {
    gathering ??= open();
    const { token, begun } = gathering;
    const from = gathering.keys.length;
    for (let i = 0; i < keys.length; i++) {
      gathering.keys.push(keys[i]!);
      gathering.past.push(past?.[i]);
    }
    gathering.hasPast ||= past !== undefined;
    gathering.ms = Math.max(gathering.ms, ms);
    return { token, begun: begun.then((all) => all.slice(from, from + keys.length)) };
  };
}
