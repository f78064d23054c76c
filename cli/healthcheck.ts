import { Command } from 'commander';
import { deadline } from '../src/clock.ts';
import { messageOf } from '../src/errors.ts';
import type { CliContext } from './context.ts';

const patienceMs = 4_000;

const notes = `
Exit code 0 when it is well, 1 when it is not or does not answer.
A HEALTHCHECK of a container:  samovar healthcheck --ready`;

/** Asks the worker of this machine. */
export const command = (context: CliContext): Command =>
  new Command('healthcheck')
    .description('Ask the worker on this machine whether it is alive, or ready.')
    .option('--ready', 'whether it can do its work: servers, schema, schedules')
    .option('--port <port>', 'where it serves health (PORT)')
    .option('--host <host>', 'where it serves health (HOST)')
    .addHelpText('after', notes)
    .action(async ({ ready }: { ready?: true }) => {
      const { http } = await context.config();
      const host = http.host === '0.0.0.0' ? '127.0.0.1' : http.host === '::' ? '[::1]' : http.host;
      const url = `http://${host}:${http.port}${ready ? '/readyz' : '/healthz'}`;
      const { ok, answer } = await ask(context, url);
      context.output.data(
        { ok, url, answer },
        () =>
          `${url} ${ok ? 'is well' : 'is not well'}: ${typeof answer === 'string' ? answer : JSON.stringify(answer)}`,
      );
      if (!ok) context.exitWith(1);
    });

async function ask({ clock }: CliContext, url: string): Promise<{ ok: boolean; answer: unknown }> {
  const limit = deadline(clock, patienceMs, () => new Error(`no answer within ${patienceMs} ms`));
  try {
    const response = await fetch(url, { signal: limit.signal });
    const text = await response.text();
    return { ok: response.ok, answer: readJson(text) };
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    return { ok: false, answer: messageOf(cause) };
  } finally {
    limit.done();
  }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // told as it came
  }
}
