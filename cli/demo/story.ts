import { collect, forecast } from '../../jobs/index.ts';
import type { Clock } from '../../src/clock.ts';
import { busiest, figures, pace } from '../../src/demo/measure.ts';
import type { Act, Outcome, Warming } from '../../src/demo/outcome.ts';
import { fillShop } from '../../src/demo/postgres-shop.ts';
import { replay } from '../../src/demo/replay.ts';
import { hourText } from '../../src/demo/trace.ts';
import { messageOf, SamovarError } from '../../src/errors.ts';
import type { Run } from '../../src/rooms.ts';
import { count } from '../format.ts';
import { isEnded, progressText } from '../runs-text.ts';
import { ratio } from './screen.ts';
import { openShop, openStage, perSecond, type Shop } from './stage.ts';
import type { Steps } from './steps.ts';
import { openTrace, shopTraffic, type Traffic, traceTraffic } from './traffic.ts';

export interface StoryOptions {
  readonly seed: number;
  /** How long the replayed hour takes. */
  readonly replaySeconds: number;
  readonly trace?: string;
  /** Epoch seconds of the hour of the trace to replay. */
  readonly at?: number;
}

export interface Told {
  readonly outcome: Outcome;
  readonly traffic: Traffic;
}

const hourMs = 3_600_000;

/** The demo from beginning to end, on servers that are gone when it returns or rejects. */
export async function tellStory(
  options: StoryOptions,
  { steps, clock, signal }: { steps: Steps; clock: Clock; signal: AbortSignal },
): Promise<Told> {
  const startedAt = clock.elapsed();
  const { trace: file } = options;
  const trace =
    file === undefined
      ? undefined
      : await steps.take(
          'trace',
          () => openTrace(file, options.at),
          ({ hour }) => `its hour from ${hourText(hour)}`,
        );
  const stage = await steps.take(
    'servers',
    () => openStage(clock),
    ({ servers }) => servers,
  );
  try {
    const traffic = await steps.take(
      'traffic',
      () => {
        const where = {
          folder: stage.folder,
          endsAt: Math.floor(clock.now() / hourMs) * hourMs,
          signal,
        };
        return trace ? traceTraffic(trace, where) : shopTraffic(options.seed, where);
      },
      ({ lines, requests }) =>
        `${count(lines)} log lines, then an hour of ${count(requests.length)} requests`,
    );
    await steps.take(
      'shop in Postgres',
      () => fillShop(stage.shop, traffic.keys),
      ({ orderLines, reviews }) =>
        `${count(traffic.keys.length)} products, ${count(orderLines)} order lines, ${count(reviews)} reviews`,
    );
    const shop = await openShop(stage, { clock, top: traffic.top });
    try {
      const outcome = await play(shop, traffic, options, { steps, clock, signal });
      return { outcome: { ...outcome, seconds: (clock.elapsed() - startedAt) / 1_000 }, traffic };
    } finally {
      await shop.close();
    }
  } finally {
    await stage.close();
  }
}

async function play(
  shop: Shop,
  traffic: Traffic,
  { replaySeconds: seconds }: StoryOptions,
  { steps, clock, signal }: { steps: Steps; clock: Clock; signal: AbortSignal },
): Promise<Omit<Outcome, 'seconds'>> {
  const { samovar, products, loads } = shop;
  const { requests } = traffic;
  const tellShare = ({ figures: { hour, firstFiveMinutes } }: Act) =>
    `hit ratio ${ratio(firstFiveMinutes)} in five minutes, ${ratio(hour)} in the hour`;

  /** The hour once. Only the warmed one counts as demand: what the others read must not teach the forecast. */
  const playHour = (name: string, isDemand: boolean): Promise<Act> =>
    steps.take(
      name,
      async (show) => {
        loads.sinceLast();
        const { reads, failed, failure } = await replay({
          requests,
          seconds,
          clock,
          signal,
          read: ({ key, caller }) => products.get(key, { caller: isDemand ? caller : 'job' }),
          takeLoads: loads.take,
          progress: (share) => show(`${Math.round(share * 60)} of 60 minutes`),
        });
        if (failed === requests.length && failed > 0)
          throw new SamovarError('E_LOAD_FAILED', `every read failed: ${messageOf(failure)}`, {
            cause: failure,
          });
        return { figures: figures(reads), queries: loads.sinceLast().forReaders, failed, failure };
      },
      tellShare,
    );

  const warmUp = (name: string, keys?: readonly string[]): Promise<Warming & { run: number }> =>
    steps.take(
      name,
      async (show) => {
        await shop.flush();
        loads.sinceLast();
        const begun = await samovar.warm('products', keys ? { keys, top: keys.length } : {});
        const run = 'running' in begun ? begun.running : begun.run;
        if (run === undefined) throw new SamovarError('E_LOAD_FAILED', 'the forecast names no key to warm');
        const ended = await watch(shop, run, show, { clock, signal });
        const { forWarming, warming } = loads.sinceLast();
        return { run, keys: ended.results.written ?? 0, queries: forWarming, pace: pace(warming) };
      },
      ({ keys }) => `${count(keys)} keys through the queue, at most ${count(perSecond)} a second`,
    );

  await steps.take(
    'schema',
    () => samovar.schema.migrate(),
    ({ applied }) => `${applied.length} migration${applied.length === 1 ? '' : 's'} applied`,
  );
  await steps.take(
    'history imported',
    (show) =>
      samovar.history.importFile(traffic.history, {
        cache: 'products',
        signal,
        onProgress: ({ doing, lines }) => show(`${doing}, ${count(lines)} lines`),
      }),
    ({ accesses, keys, notDemand }) =>
      `${count(accesses)} reads of ${count(keys)} keys${notDemand > 0 ? `; a crawler's ${count(notDemand)} left out` : ''}`,
  );
  const working = await samovar.work({ only: ['collect', 'forecast', 'plan', 'warm'] });
  try {
    await steps.take(
      'forecast',
      async () => {
        await samovar.waitFor(forecast, await samovar.enqueue(forecast, {}), { signal });
        return samovar.plan('products');
      },
      ({ totals }) => `${count(totals.warm)} keys planned, of those most likely to be read`,
    );
    await shop.flush();
    const cold = await playHour('the hour, cold', false);
    const warming = await warmUp('warm by forecast');
    const warmed = await playHour('the hour, warmed', true);
    await samovar.flushAccesses();
    await samovar.waitFor(collect, await samovar.enqueue(collect, {}), { signal });
    const used = (await samovar.runs.get(warming.run))?.used ?? 0;
    const perfectWarming = await warmUp('warm by foresight', busiest(requests, warming.keys));
    const perfect = await playHour('the hour, foreseen', false);
    return { cold, warmed, perfect, warming, perfectWarming, used, limit: perSecond };
  } finally {
    await working.stop();
  }
}

async function watch(
  { samovar }: Shop,
  number: number,
  show: (text: string) => void,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<Run> {
  for (;;) {
    signal.throwIfAborted();
    const run = await samovar.runs.get(number);
    if (run && isEnded(run)) {
      if (run.state === 'done') return run;
      throw new SamovarError(
        'E_LOAD_FAILED',
        `the warm run ended ${run.state}: ${run.why ?? 'no reason given'}`,
      );
    }
    if (run) show(progressText(run));
    await clock.sleep(100, signal);
  }
}
