import { nextTurn } from '../clock.ts';

interface Asked<Question, Answer> {
  readonly question: Question;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/**
 * Questions in one command. More of a tick are several commands: the server carries one out while this process makes the next,
 * and is never kept from others for long.
 */
const most = 32;

/**
 * Makes commands of the questions of a tick. While nothing is on its way they wait for the current tick only, else for
 * the next turn of the event loop. `send` answers by position; what it throws is thrown to all.
 */
export function createGather<Question, Answer>(
  send: (questions: readonly Question[]) => Promise<readonly (Answer | Error)[]>,
): (question: Question) => Promise<Answer> {
  let round: Asked<Question, Answer>[] = [];
  let inFlight = 0;

  const flush = async (): Promise<void> => {
    if (round.length === 0) return;
    const full = round;
    round = [];
    inFlight += 1;
    try {
      const answers = await send(full.map(({ question }) => question));
      full.forEach(({ resolve, reject }, i) => {
        const answer = answers[i]!;
        if (answer instanceof Error) reject(answer);
        else resolve(answer);
      });
    } catch (error) {
      for (const { reject } of full) reject(error);
    } finally {
      inFlight -= 1;
    }
  };

  return (question) =>
    new Promise((resolve, reject) => {
      const isFirst = round.length === 0;
      round.push({ question, resolve, reject });
      if (round.length === most) void flush();
      else if (!isFirst) return;
      else if (inFlight === 0) process.nextTick(flush);
      else void nextTurn().then(flush);
    });
}
