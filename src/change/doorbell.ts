import type { Clock, Timer } from '../clock.ts';
import type { Client } from '../connect.ts';

export interface Doorbell {
  close(): Promise<void>;
}

export interface DoorbellOptions {
  /** Opens a connection that belongs to nobody else, and tells when it is lost. */
  readonly open: (onLost: () => void) => Promise<Client>;
  readonly clock: Clock;
  /** Somebody rang, or may have: after every new beginning, too. */
  readonly onRing: () => void;
}

const channel = 'samovar_change';
const firstPauseMs = 100;
const longestPauseMs = 5_000;
/** How often it is asked whether the connection still hears. */
const beatMs = 10_000;

/** Hears writers ring. Whenever the connection was lost, listening begins anew and counts as a ring. */
export function createDoorbell({ open, clock, onRing }: DoorbellOptions): Doorbell {
  const stopped = new AbortController();
  let beat: Timer | undefined;
  let client: Client | undefined;

  /** Resolves when the connection is lost. */
  const listen = async (): Promise<void> => {
    let lost = (): void => {};
    const end = new Promise<void>((resolve) => {
      lost = resolve;
    });
    const own = await open(lost);
    client = own;
    own.on('notification', onRing);
    try {
      await own.query(`listen ${channel}`);
    } catch {
      lost();
    }
    onRing();
    beat = clock.every(beatMs, () => own.query('select 1').then(() => {}, lost));
    if (stopped.signal.aborted) lost();
    await end;
    beat.stop();
    client = undefined;
    await own.end().catch(() => {}); // it is lost already
  };

  const life = (async () => {
    let pauseMs = firstPauseMs;
    while (!stopped.signal.aborted) {
      try {
        await listen();
        pauseMs = firstPauseMs;
      } catch {
        // Postgres is away; who polls notices that, too, and says so.
      }
      if (stopped.signal.aborted) return;
      await clock.sleep(pauseMs, stopped.signal);
      pauseMs = Math.min(longestPauseMs, 2 * pauseMs);
    }
  })();

  return {
    async close() {
      stopped.abort();
      await client?.end().catch(() => {}); // lost meanwhile
      await life;
    },
  };
}
