import { SamovarError } from '../errors.ts';
import type { Samovar, ScheduleView } from '../facade.ts';
import type { Cron } from '../queue/schedules.ts';
import type { KeptSlot } from '../rooms.ts';
import type { Database } from './database.ts';
import type { Ground } from './ground.ts';

/** What the job is called that begins proposed slots. */
const starter = 'rise';
const nameOf = (cache: string): string => `auto-${cache}`;

/** The schedules that tick, and after them what was proposed for each cache where `schedules` is 'auto'. */
export function createSchedules(
  { config, clock }: Pick<Ground, 'config' | 'clock'>,
  cron: Cron,
  openDatabase: () => Promise<Database>,
): Samovar['schedules'] {
  const proposed = async (most: number, isPaused: boolean): Promise<ScheduleView[]> => {
    const { slots } = await (await openDatabase()).plans.keptSlots(clock.now());
    return config.caches.map(({ name }) => viewOf(name, slots, most, isPaused));
  };
  const ticking = (name: string): string => {
    if (!config.auto || !config.caches.some((def) => nameOf(def.name) === name)) return name;
    throw new SamovarError('E_USAGE', `'${name}' is what was proposed: schedule '${starter}' begins it`, {
      hints: [`for all caches at once: samovar schedule pause ${starter}`],
    });
  };
  return {
    async list(next = 1) {
      const views = await cron.list(next);
      if (!config.auto) return views;
      const isPaused = views.find(({ name }) => name === starter)?.isPaused ?? false;
      // Postgres may be away: what ticks is told all the same.
      const auto = await proposed(next, isPaused).catch((): ScheduleView[] => []);
      return [...views, ...auto];
    },
    pause: async (name) => cron.pause(ticking(name)),
    resume: async (name) => cron.resume(ticking(name)),
    run: async (name) => cron.runNow(ticking(name)),
  };
}

function viewOf(cache: string, slots: readonly KeptSlot[], most: number, isPaused: boolean): ScheduleView {
  const own = slots.filter((slot) => slot.cache === cache);
  const next = own.filter(({ isBegun }) => !isBegun).slice(0, most);
  const last = own.findLast(({ isBegun }) => isBegun);
  return {
    name: nameOf(cache),
    job: 'plan',
    cache,
    expression: 'auto',
    timezone: 'UTC',
    catchUp: 'one',
    overlap: 'queue',
    isPaused,
    builtIn: true,
    ...(last === undefined ? {} : { lastSlot: last.at }),
    next: next.map(({ at }) => at),
    rises: next.map(({ by, keys }) => ({ by, keys })),
  };
}
