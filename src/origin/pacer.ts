import pLimit from 'p-limit';
import type { Clock } from '../clock.ts';
import { freshPieces, nextPiece } from './pace.ts';

/** Sends pieces of writes when it is their turn; a piece answers with the server's time when it was carried out. */
export interface Pacer {
  readonly pieceBytes: number;
  run(send: () => Promise<{ readonly servedAt: number }>): Promise<unknown>;
}

export interface Pacers {
  /** For work that nothing else holds back. */
  readonly wide: Pacer;
  /** Small pieces, one after the other, for work that trickles: between two of them others have their turn. */
  readonly narrow: Pacer;
}

/** Under way at once: enough to keep the way to the server filled, few enough to wait behind. */
const wide = { pieceBytes: 131_072, atOnce: 4 };
const narrow = { pieceBytes: 32_768, atOnce: 1 };
/** Clocks that go apart are followed at this pace. */
const driftMs = 0.1;

/** Holds background writes back while the cache Redis lets them wait longer than usual. */
export function createPacers(clock: Clock): Pacers {
  let state = freshPieces;
  // The server's time when ours is 0, and the shortest way there: the lowest is the best known.
  let offset = Number.POSITIVE_INFINITY;

  const take = (sentAt: number, servedAt: number): void => {
    const seen = servedAt - sentAt;
    offset = Math.min(seen, offset + driftMs);
    state = nextPiece(state, seen - offset, clock.elapsed());
  };

  const pacer = ({ pieceBytes, atOnce }: typeof wide): Pacer => {
    const limit = pLimit(atOnce);
    return {
      pieceBytes,
      run: (send) =>
        limit(async () => {
          const sentAt = clock.elapsed();
          const { servedAt } = await send();
          take(sentAt, servedAt);
          if (state.gapMs > 0) await clock.sleep(state.gapMs);
        }),
    };
  };
  return { wide: pacer(wide), narrow: pacer(narrow) };
}
