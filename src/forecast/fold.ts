import { halfLifeHours } from '../rooms.ts';

/** Decay per hour at each half-life, as SQL and arithmetic share it. */
export const decayPerHour = Object.fromEntries(
  halfLifeHours.map((hours) => [hours, Math.LN2 / hours]),
) as Record<(typeof halfLifeHours)[number], number>;

/** What is left of one access after some hours; 0 once nothing of it matters. */
export const decayed = (hours: number, perHour: number): number => {
  const exponent = -hours * perHour;
  return exponent < -60 ? 0 : Math.exp(exponent);
};

/** Normalises a decayed sum of counts to accesses per hour. */
export const ratePerHour = (sum: number, perHour: number): number => sum * (1 - Math.exp(-perHour));
