import { systemClock as clock } from '../clock.ts';

/** One call of the buffer. What it was answered is kept there until it is known that the answer came. */
export interface Call {
  readonly name: string;
  /** Earlier ones, of which nothing need be kept any more. */
  readonly over: readonly string[];
}

/** Calls that are told to be over in one: a script unpacks 8,000 values at most. */
const mostOver = 1_000;
/** Calls without an answer of which what they took is kept; of more, the oldest is forgotten. */
const mostLost = 1_000;
let begun = 0;

/** Which calls of a connection were answered: what those took that were not is found again when it is asked for again. */
export function createCalls(keptMs: number) {
  const over: string[] = [];
  const lost: { readonly name: string; readonly at: number }[] = [];
  return {
    begin(): Call {
      while (lost.length > mostLost || (lost.length > 0 && clock.elapsed() - lost[0]!.at > keptMs))
        over.push(lost.shift()!.name);
      begun += 1;
      return { name: begun.toString(36), over: over.splice(0, mostOver) };
    },
    answered({ name }: Call): void {
      over.push(name);
    },
    /** It was not carried out; what it was to say is said by the next. */
    refused(call: Call): void {
      over.push(...call.over);
    },
    lost(call: Call): void {
      over.push(...call.over);
      lost.push({ name: call.name, at: clock.elapsed() });
    },
  };
}
