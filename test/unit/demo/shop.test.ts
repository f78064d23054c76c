import { describe, expect, test } from 'vitest';
import { productCount, type ShopOptions, type ShopRead, shopReads } from '../../../src/demo/shop.ts';

const hourMs = 3_600_000;
const options: ShopOptions = { seed: 42, days: 14, products: 4_000, perHour: 3_000, logged: 1 / 4 };
const all = [...shopReads(options)];
const history = all.filter(({ at }) => at < options.days * 24 * hourMs);
const hour = all.filter(({ at }) => at >= options.days * 24 * hourMs);
const people = history.filter(({ caller }) => caller === 'user');

const countBy = <Key>(reads: readonly ShopRead[], key: (read: ShopRead) => Key): Map<Key, number> => {
  const counts = new Map<Key, number>();
  for (const read of reads) counts.set(key(read), (counts.get(key(read)) ?? 0) + 1);
  return counts;
};
const perHour = (reads: readonly ShopRead[]): number[] => {
  const counts = countBy(reads, ({ at }) => Math.floor(at / hourMs));
  return Array.from({ length: options.days * 24 }, (_, at) => counts.get(at) ?? 0);
};
/** How much a series is like itself some hours later: 1 = the same, 0 = not at all. */
const likeness = (series: readonly number[], lag: number): number => {
  const mean = series.reduce((a, b) => a + b, 0) / series.length;
  let [both, own] = [0, 0];
  for (let i = 0; i < series.length; i++) {
    own += (series[i]! - mean) ** 2;
    if (i >= lag) both += (series[i]! - mean) * (series[i - lag]! - mean);
  }
  return both / own;
};

describe('the demo shop', () => {
  test('is the same for the same seed and another for another', () => {
    const again = [...shopReads(options)];
    expect(again).toEqual(all);
    const other = shopReads({ ...options, seed: 43 });
    expect(Array.from({ length: 50 }, () => other.next().value)).not.toEqual(all.slice(0, 50));
  });

  test('tells its reads in the order of time', () => {
    expect(all.findIndex(({ at }, i) => i > 0 && at < all[i - 1]!.at)).toBe(-1);
  });

  test('reads only products there are', () => {
    const count = productCount(options);
    expect(all.every(({ product }) => Number.isInteger(product) && product >= 1 && product <= count)).toBe(
      true,
    );
  });

  test('keeps the asked share of its history and the whole hour after it', () => {
    const mean = people.length / (options.days * 24);
    expect(mean).toBeGreaterThan(0.85 * options.perHour * options.logged);
    expect(mean).toBeLessThan(1.15 * options.perHour * options.logged);
    expect(hour.length).toBeGreaterThan(2 * mean);
  });

  test('has days and weeks in its traffic', () => {
    const series = perHour(people);
    expect(likeness(series, 24)).toBeGreaterThan(0.4);
    expect(likeness(series, 24)).toBeGreaterThan(likeness(series, 12) + 0.4);
    // The history begins on a Tuesday noon.
    const day = countBy(people, ({ at }) => Math.floor((at / hourMs + 36) / 24) % 7);
    expect(day.get(6)!).toBeGreaterThan(day.get(3)! * 1.1);
  });

  test('has products that live by the clock of one region', () => {
    /** At which hour of the day a product is read most, and how much more than at others (0 to 1). */
    const clockOf = (product: number): { hour: number; strength: number } => {
      let [x, y, count] = [0, 0, 0];
      for (const read of people) {
        if (read.product !== product) continue;
        const angle = ((read.at % (24 * hourMs)) / (24 * hourMs)) * 2 * Math.PI;
        x += Math.cos(angle);
        y += Math.sin(angle);
        count += 1;
      }
      const hour = ((Math.atan2(y, x) / (2 * Math.PI)) * 24 + 24) % 24;
      return { hour, strength: Math.hypot(x, y) / count };
    };
    const busy = [...countBy(people, ({ product }) => product)]
      .sort((a, b) => b[1] - a[1])
      .slice(0, 120)
      .map(([product]) => clockOf(product));
    // What everybody reads is read around the clock; what is news or draws a crowd is read in one piece.
    const regional = busy.filter(({ strength }) => strength > 0.28 && strength < 0.5);
    expect(regional.length).toBeGreaterThan(15);
    expect(new Set(regional.map(({ hour }) => Math.floor(hour / 6))).size).toBeGreaterThanOrEqual(3);
  });

  test('is read very unevenly', () => {
    const counts = [...countBy(people, ({ product }) => product).values()].sort((a, b) => b - a);
    const top = counts.slice(0, Math.floor(options.products / 100)).reduce((a, b) => a + b, 0);
    expect(top / people.length).toBeGreaterThan(0.2);
  });

  test('launches products that were never read before and soon are read less', () => {
    const first = new Map<number, number>();
    for (const { product, at } of people) if (!first.has(product)) first.set(product, at);
    const late = [...first].filter(([, at]) => at > 2 * 24 * hourMs && at < 12 * 24 * hourMs);
    const early = (product: number, from: number, hours: number) =>
      people.filter((read) => read.product === product && read.at >= from && read.at < from + hours * hourMs)
        .length;
    const launched = late.filter(([product, from]) => early(product, from, 6) >= 20);
    expect(launched.length).toBeGreaterThan(50);
    const [young, old] = launched.reduce(
      ([a, b], [product, from]) => [a + early(product, from, 12), b + early(product, from + 36 * hourMs, 12)],
      [0, 0],
    );
    expect(young).toBeGreaterThan(4 * old);
  });

  test('sees a crowd come to one product and go again', () => {
    const byHour = countBy(people, ({ product, at }) => `${product}@${Math.floor(at / hourMs)}`);
    const total = countBy(people, ({ product }) => product);
    const crowds = [...byHour].filter(
      ([name, count]) => count >= 30 && count > total.get(Number(name.split('@')[0]))! / 3,
    );
    expect(crowds.length).toBeGreaterThan(2);
  });

  test('is walked by a crawler that asks for each page once', () => {
    const crawled = countBy(
      all.filter(({ caller }) => caller === 'bot'),
      ({ product }) => product,
    );
    expect(crawled.size).toBeGreaterThan(1_000);
    expect([...crawled.values()].every((count) => count === 1)).toBe(true);
    const visited = new Set(people.map(({ product }) => product));
    expect([...crawled.keys()].some((product) => visited.has(product))).toBe(false);
    expect(hour.some(({ caller }) => caller === 'bot')).toBe(true);
  });
});
