import type { Bus } from '../bus/bus.ts';
import type { Clock } from '../clock.ts';

/** Where readers of one key wait for a lease that somebody else holds. */
export interface Spot {
  /** How often something was told of the key. */
  readonly heard: number;
  /** How often of that it was deleted. */
  readonly deleted: number;
  /** The last that was told of it. */
  readonly isWritten: boolean;
}

export interface Spots {
  /** To be asked for before the lease, so that no word is lost between. Undefined where nothing is ever told. */
  enter(key: string): Spot | undefined;
  leave(key: string): void;
  /** Resolves when something is told beyond what had been `heard`, and after `ms` at the latest. */
  sleep(spot: Spot | undefined, heard: number, ms: number): Promise<void>;
}

interface Place {
  users: number;
  heard: number;
  deleted: number;
  isWritten: boolean;
  sleepers: (() => void)[];
}

/** The spots of one cache. */
export function createSpots(cache: string, clock: Clock, bus: Bus | undefined): Spots {
  const places = new Map<string, Place>();

  const wake = (place: Place, isWritten: boolean): void => {
    place.heard += 1;
    place.isWritten = isWritten;
    const { sleepers } = place;
    if (sleepers.length === 0) return;
    place.sleepers = [];
    for (const resolve of sleepers) resolve();
  };
  const wakeAll = (): void => {
    for (const place of places.values()) wake(place, false);
  };

  bus?.on((news) => {
    if (places.size === 0) return;
    if (!('keys' in news)) {
      if (news.kind !== 'tags') wakeAll();
    } else if (news.cache === cache) {
      for (const key of news.keys) {
        const place = places.get(key);
        if (place === undefined) continue;
        if (news.kind === 'deleted') place.deleted += 1;
        wake(place, news.kind === 'written');
      }
    }
  });

  return {
    enter(key) {
      if (bus === undefined) return undefined;
      let place = places.get(key);
      if (place === undefined) {
        place = { users: 0, heard: 0, deleted: 0, isWritten: false, sleepers: [] };
        places.set(key, place);
      }
      place.users += 1;
      return place;
    },
    leave(key) {
      const place = places.get(key);
      if (place === undefined) return;
      place.users -= 1;
      if (place.users === 0) places.delete(key);
    },
    sleep(spot, heard, ms) {
      const place = spot as Place | undefined;
      if (place === undefined) return clock.sleep(ms);
      if (place.heard !== heard) return Promise.resolve();
      return new Promise((resolve) => {
        const done = (): void => {
          timer.stop();
          resolve();
        };
        const timer = clock.after(ms, () => {
          place.sleepers = place.sleepers.filter((each) => each !== done);
          resolve();
        });
        place.sleepers.push(done);
      });
    },
  };
}
