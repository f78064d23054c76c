import { isbot } from 'isbot';

/** Crawlers say what they are, or leave an address. Programs (an app's HTTP client, curl) do neither: they are users of an API. */
const crawler = /bot|crawl|spider|slurp|archive|preview|monitor|scan|feed|index|https?:|@/i;
const mostAgents = 10_000;

/** Who reads, by user agent: 'bot' for crawlers, 'api' for other programs, `other` for browsers and the unknown. */
export function createCallerOf(other: string): (agent: string | undefined) => string {
  const known = new Map<string, string>();
  return (agent) => {
    if (agent === undefined || agent === '' || agent === '-') return other;
    let caller = known.get(agent);
    if (caller === undefined) {
      caller = !isbot(agent) ? other : crawler.test(agent) ? 'bot' : 'api';
      if (known.size >= mostAgents) known.clear();
      known.set(agent, caller);
    }
    return caller;
  };
}
