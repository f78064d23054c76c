import { type Clock, nextTurn, type Timer } from '../clock.ts';
import { dayMs, secondMs } from '../duration.ts';
import { messageOf, nearest, SamovarError } from '../errors.ts';
import type { Emitter } from '../events.ts';
import type { ScheduleView } from '../facade.ts';
import type { Log } from '../log.ts';
import { nextRuns, type StartTicker, startTicker, type Ticker, timingOf } from './cron.ts';
import { type Planned, planSchedules, type Scheduling } from './housekeeping.ts';
import type { Producer } from './producer.ts';
import type { ScheduleStore } from './redis.ts';
import { slotsBetween, type Timing } from './slots.ts';

export interface CronOptions {
  readonly config: Scheduling;
  readonly store: ScheduleStore;
  readonly queue: Pick<Producer, 'enqueue' | 'stateOf'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: Pick<Emitter, 'emit'>;
  /** Fires slots. @default node-cron */
  readonly startTicker?: StartTicker;
}

export interface Cron {
  /** Makes the schedules known, catches up on what passed while nobody was up, and begins to tick. */
  start(): Promise<void>;
  /** Ticks no more; what is being enqueued is waited for. */
  stop(): Promise<void>;
  /** Every schedule, ticking here or not, with its next slots. */
  list(next?: number): Promise<ScheduleView[]>;
  /** E_UNKNOWN_SCHEDULE. */
  pause(name: string): Promise<void>;
  resume(name: string): Promise<void>;
  /** Enqueues its job now, paused or not; answers with the job's id. */
  runNow(name: string): Promise<string>;
}

/** A slot that has come. */
interface Due {
  readonly slot: number;
  /** False when the process was blocked over it. */
  readonly isOnTime: boolean;
}

/** A schedule that ticks here. */
interface Line {
  readonly plan: Planned;
  readonly timing: Timing;
  ticker?: Ticker;
  /** Yet to be dealt with, oldest first. */
  dues: Due[];
  working?: Promise<void> | undefined;
  again?: Timer;
}

/** How far back slots are looked for. */
const lookBackMs = dayMs;
/** Most slots caught up at once by `catchUp: 'all'`. */
const mostCaughtUp = 1_000;
/** How soon a slot is tried again that could not be enqueued. */
const againMs = 2 * secondMs;

/**
 * The schedules of the fleet. Every replica ticks, and every replica enqueues every slot under the same name: the
 * queue keeps one. So no replica is special, and one that dies takes no slot with it.
 */
export function createCron(options: CronOptions): Cron {
  const { clock, store, queue, log, events } = options;
  const plans = planSchedules(options.config);
  const lines: Line[] = [];
  let isStopped = false;

  const planOf = (name: string): Planned => {
    const plan = plans.find((each) => each.name === name);
    if (plan) return plan;
    const names = plans.map((each) => each.name);
    const meant = nearest(name, names);
    throw new SamovarError(
      'E_UNKNOWN_SCHEDULE',
      `there is no schedule '${name}'${meant === undefined ? '' : `, did you mean '${meant}'?`}`,
      { hints: [`known: ${names.join(', ') || 'none'}`] },
    );
  };

  const enqueue = async (plan: Planned, slot: number, late: boolean): Promise<string> => {
    const id = await queue.enqueue(plan.job.name, plan.payload, { schedule: plan.name, slot });
    if (await store.settle(plan.name, slot, id))
      events.emit('schedule:ticked', { schedule: plan.name, late });
    return id;
  };

  const skip = async (plan: Planned, slot: number, why: 'overlap' | 'paused'): Promise<void> => {
    if (await store.settle(plan.name, slot, undefined)) {
      events.emit('schedule:skipped', { schedule: plan.name, why });
      log.debug({ schedule: plan.name, slot, why }, 'slot skipped');
    }
  };

  /** Deals with every slot up to and including `upto` that nobody has dealt with, as the schedule's policy has it. */
  const settleUpTo = async (plan: Planned, timing: Timing, { slot: upto, isOnTime }: Due): Promise<void> => {
    const state = await store.read(plan.name);
    const after = Math.max(state.lastSlot ?? upto - 1, upto - lookBackMs);
    const most = plan.catchUp === 'all' ? mostCaughtUp : 1;
    let lastJob = state.lastJob;
    for (const slot of after >= upto ? [] : slotsBetween(timing, after, upto, most)) {
      const isLate = !(isOnTime && slot === upto);
      // Not written off: another replica may be about to enqueue it on time.
      if (isLate && plan.catchUp === 'none') continue;
      const mayOverlap = plan.overlap === 'queue' || (isLate && plan.catchUp === 'all');
      if (state.pausedAt !== undefined) await skip(plan, slot, 'paused');
      else if (!mayOverlap && (await isBusy(plan, lastJob))) await skip(plan, slot, 'overlap');
      else lastJob = await enqueue(plan, slot, isLate);
    }
  };

  const isBusy = async (plan: Planned, lastJob: string | undefined): Promise<boolean> => {
    if (lastJob === undefined) return false;
    const state = await queue.stateOf(plan.job.name, lastJob);
    return state === 'waiting' || state === 'active' || state === 'delayed';
  };

  const due = (line: Line, next: Due): void => {
    // A process that was blocked is told of all it missed in one go: the newest stands for them.
    if (!next.isOnTime && line.dues.at(-1)?.isOnTime === false) line.dues.pop();
    line.dues.push(next);
    if (!isStopped) line.working ??= deal(line);
  };

  const deal = async (line: Line): Promise<void> => {
    await nextTurn();
    for (let next = line.dues.shift(); next && !isStopped; next = line.dues.shift()) {
      try {
        await settleUpTo(line.plan, line.timing, next);
      } catch (error) {
        log.warn(
          { schedule: line.plan.name, reason: messageOf(error) },
          'slot could not be enqueued, trying again',
        );
        line.dues = [line.dues.at(-1) ?? next];
        line.again?.stop();
        line.again = clock.after(againMs, () => {
          line.working ??= deal(line);
        });
        break;
      }
    }
    line.working = undefined;
  };

  const begin = async (plan: Planned): Promise<void> => {
    const line: Line = { plan, timing: timingOf(plan), dues: [] };
    await store.register(plan.name, `${plan.expression} ${plan.timezone}`, clock.now());
    await settleUpTo(plan, line.timing, { slot: clock.now(), isOnTime: false });
    lines.push(line);
    line.ticker = (options.startTicker ?? startTicker)(plan, {
      onSlot: (slot) => due(line, { slot, isOnTime: true }),
      onMissed: (slot) => due(line, { slot, isOnTime: false }),
      onError: (error) => log.error({ schedule: plan.name, err: error }, 'a tick failed'),
    });
  };

  const stop = async (): Promise<void> => {
    isStopped = true;
    const stopping = lines.splice(0);
    for (const { ticker } of stopping) ticker?.stop();
    await Promise.all(stopping.map(({ working }) => working));
    for (const { again } of stopping) again?.stop();
  };

  return {
    async start() {
      isStopped = false;
      const begun = await Promise.allSettled(plans.map(begin));
      const failed = begun.find((each) => each.status === 'rejected');
      if (!failed) return;
      await stop();
      throw failed.reason;
    },
    stop,
    list: (next = 1) =>
      Promise.all(
        plans.map(async (plan): Promise<ScheduleView> => {
          const state = await store.read(plan.name);
          const { cache } = plan.payload;
          return {
            name: plan.name,
            job: plan.job.name,
            ...(cache === undefined ? {} : { cache }),
            expression: plan.expression,
            timezone: plan.timezone,
            catchUp: plan.catchUp,
            overlap: plan.overlap,
            isPaused: state.pausedAt !== undefined,
            builtIn: plan.builtIn,
            // Until a job was made for it, the mark only tells since when its slots are owed.
            ...(state.lastSlot === undefined || state.lastJob === undefined
              ? {}
              : { lastSlot: state.lastSlot }),
            next: nextRuns(plan, next),
          };
        }),
      ),
    async pause(name) {
      await store.pause(planOf(name).name, clock.now());
    },
    async resume(name) {
      await store.resume(planOf(name).name, clock.now());
    },
    async runNow(name) {
      const plan = planOf(name);
      return queue.enqueue(plan.job.name, plan.payload, { schedule: plan.name });
    },
  };
}
