import type { Clock } from '../clock.ts';
import { freshPieces, nextPiece } from '../origin/pace.ts';
import type { Pace } from '../store/store.ts';

/** Holds background writes back while the cache Redis answers them more slowly than usual; shared by all fills of a process. */
export function createPace(clock: Clock): Pace {
  let state = freshPieces;
  return (pieceMs) => {
    state = nextPiece(state, pieceMs);
    return state.gapMs === 0 ? undefined : clock.sleep(state.gapMs);
  };
}
