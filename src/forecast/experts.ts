import { hourMs, secondMs } from '../duration.ts';
import { halfLifeHours } from '../rooms.ts';
import { blend } from './blend.ts';
import { daytime } from './daytime.ts';
import { ewma } from './ewma.ts';
import type { Scorer } from './scorer.ts';

const toHeat = (perHour: number): number => (perHour * secondMs) / hourMs;

/** One memory, and the hour of day on top of it. */
const daily: Scorer = {
  name: 'ewma-24h-daily',
  score(candidate, at) {
    const perHour = candidate.rates[24];
    const shaped = perHour * daytime(candidate, at);
    return {
      heat: toHeat(shaped),
      terms: [
        { name: '24 h', heat: toHeat(perHour) },
        { name: 'hour of day', heat: toHeat(shaped - perHour) },
      ],
    };
  },
};

/** Accesses of all time, whenever they were. */
const frequency: Scorer = {
  name: 'frequency',
  score(candidate) {
    const heat = (candidate.accesses / candidate.knownHours) * (secondMs / hourMs);
    return { heat, terms: [{ name: 'all time', heat }] };
  },
};

/** Every rule that a back-test compares; each is pure. */
export const experts: readonly Scorer[] = [...halfLifeHours.map(ewma), daily, blend];
/** Rules that are told for comparison and never chosen. */
export const baselines: readonly Scorer[] = [frequency];
