import { createPicker, createRandom, type Picker, type Random } from './random.ts';

export interface ShopOptions {
  readonly seed: number;
  /** Days of history before the hour to forecast. */
  readonly days: number;
  /** Products on sale. */
  readonly products: number;
  /** Mean reads per hour by people, over the week. */
  readonly perHour: number;
  /** Share of the history's reads that its log kept; the hour to forecast is whole. */
  readonly logged: number;
}

/** One read of a product page. */
export interface ShopRead {
  /** Milliseconds since the first hour of the history. */
  readonly at: number;
  /** Number of the product, from 1. */
  readonly product: number;
  readonly caller: 'user' | 'bot';
}

/** What the demo shows. */
export const demoShop = { days: 14, products: 20_000, perHour: 24_000, logged: 1 / 8 } as const;

const hourMs = 3_600_000;
/** Chances change this often; within a slot, reads come at a steady rate. */
const slotHours = 1 / 6;

/** Visitors of a region live by its clock and read some products that only it has. */
const regions = [
  { name: 'europe', share: 0.46, ahead: 1 },
  { name: 'america', share: 0.33, ahead: -6 },
  { name: 'asia', share: 0.21, ahead: 8 },
] as const;
const shares = { catalogue: 0.78, launches: 0.19, rushes: 0.03 };
/** Of a visitor's catalogue reads, how many go to the region's own products. */
const regionalShare = 0.35;
/** How many products are sold everywhere; the others belong to one region. */
const globalProducts = 0.55;
const launchesPerDay = 18;
const launchHalfLifeHours = 9;
const rushesPerDay = 1.2;
const botPerHour = 250;
/** History begins on a Tuesday noon and so does the hour to forecast. */
const firstHour = 24 + 12;

/** How many products there must be: those on sale, and the discontinued ones that only a crawler still visits. */
export const productCount = ({ days, products, logged }: ShopOptions): number =>
  products + Math.ceil(botPerHour * 1.2 * (days * 24 * logged + 1));

/**
 * Reads of a shop in time order: `days` of history and then one hour more. Nothing in that hour is arranged: what is
 * launched, rushed to or forgotten in it, is so by the same chances as before.
 */
export function* shopReads(options: ShopOptions): Generator<ShopRead> {
  const arrivals = createRandom(options.seed, 'arrivals');
  const catalogue = createCatalogue(options);
  const launches = createLaunches(options, catalogue.launchable);
  const rushes = createRushes(options);
  const hours = options.days * 24 + 1;
  let crawled = options.products;
  for (let slot = 0; slot < Math.round(hours / slotHours); slot++) {
    const from = slot * slotHours;
    const day = Math.floor(from / 24);
    const visitors = regions.map(({ share, ahead }) => share * mood(from + firstHour + ahead));
    const awake = visitors.reduce((sum, each) => sum + each, 0);
    const news = launches.at(from, awake);
    const rush = rushes.at(from, awake);
    const sources = [
      ...visitors.map((part, region) => ({
        rate: options.perHour * shares.catalogue * part,
        read: () => catalogue.read(day, region, arrivals),
      })),
      { rate: news.total, read: () => news.pick(arrivals) },
      { rate: rush.total, read: () => rush.pick(arrivals) },
      { rate: botPerHour, read: undefined },
    ];
    // Leaving out reads by chance is the same as fewer of them by chance.
    const kept = from < options.days * 24 ? options.logged : 1;
    const picker = createPicker(sources.map(({ rate }) => rate * kept));
    for (let at = from; ; ) {
      at += arrivals.wait(picker.total);
      if (at >= from + slotHours) break;
      const { read } = sources[picker.pick(arrivals)]!;
      yield read
        ? { at: Math.floor(at * hourMs), product: read(), caller: 'user' }
        : { at: Math.floor(at * hourMs), product: ++crawled, caller: 'bot' };
    }
  }
}

/** How busy people are at an hour of their week (0 = Monday midnight); about 1 on average. */
function mood(hourOfWeek: number): number {
  const hour = (hourOfWeek + 168) % 24;
  const weekday = Math.floor(((hourOfWeek + 168) % 168) / 24);
  const day =
    1 + 0.72 * Math.cos(((hour - 19) / 12) * Math.PI) + 0.22 * Math.cos(((hour - 12.5) / 6) * Math.PI);
  return Math.max(0.06, day) * [0.98, 0.96, 0.95, 0.97, 0.9, 1.08, 1.16][weekday]!;
}

/** Long-lived products: Zipf-like popularity that wanders a little from day to day. */
function createCatalogue({ seed, days, products }: ShopOptions) {
  const random = createRandom(seed, 'catalogue');
  const ids = shuffled(products, random);
  // The last products have no past: they wait for their launch.
  const launchable = ids.splice(Math.max(0, products - Math.ceil(launchesPerDay * 1.5 * (days + 1))));
  const weights = Float64Array.from(ids, (_, rank) => 1 / (rank + 4) ** 1.05);
  const owner = ids.map(() => {
    if (random.next() < globalProducts) return -1;
    const place = random.next();
    return place < regions[0].share ? 0 : place < regions[0].share + regions[1].share ? 1 : 2;
  });
  let today = -1;
  let pickers: { everywhere: Picker; own: Picker[] } | undefined;
  const pickersOf = (who: number) =>
    createPicker(weights.map((weight, i) => (owner[i] === who ? weight : 0)));
  return {
    launchable,
    read(day: number, region: number, chance: Random): number {
      if (day !== today) {
        today = day;
        for (let i = 0; i < weights.length; i++) weights[i]! *= Math.exp(0.12 * random.normal());
        pickers = { everywhere: pickersOf(-1), own: regions.map((_, i) => pickersOf(i)) };
      }
      const { everywhere, own } = pickers!;
      return ids[(chance.next() < regionalShare ? own[region]! : everywhere).pick(chance)]!;
    },
  };
}

/** New products are news: many readers at once, half of them gone after some hours. */
function createLaunches({ seed, days, perHour }: ShopOptions, ids: readonly number[]) {
  const random = createRandom(seed, 'launches');
  const mean = (perHour * 24 * shares.launches) / launchesPerDay;
  const launches: { product: number; from: number; peak: number }[] = [];
  for (
    let at = random.wait(launchesPerDay / 24);
    at < days * 24 + 1;
    at += random.wait(launchesPerDay / 24)
  ) {
    const product = ids[launches.length % ids.length]!;
    const size = Math.exp(0.8 * random.normal() - 0.32);
    launches.push({ product, from: at, peak: (size * mean * Math.LN2) / launchHalfLifeHours });
  }
  return crowd(
    launches.map(({ product, from, peak }) => ({
      product,
      from,
      until: from + 8 * launchHalfLifeHours,
      rate: (age: number) => peak * 0.5 ** (age / launchHalfLifeHours),
    })),
  );
}

/** A mention somewhere sends a crowd to one product for an hour or three, without warning. */
function createRushes({ seed, days, products, perHour }: ShopOptions) {
  const random = createRandom(seed, 'rushes');
  const mean = (perHour * 24 * shares.rushes) / rushesPerDay;
  const rushes: { product: number; from: number; until: number; rate: (age: number) => number }[] = [];
  for (let at = random.wait(rushesPerDay / 24); at < days * 24 + 1; at += random.wait(rushesPerDay / 24)) {
    const hours = 1 + 2 * random.next();
    const peak = (mean / hours) * (0.5 + random.next());
    rushes.push({
      product: 1 + random.below(products),
      from: at,
      until: at + hours,
      rate: (age) => peak * Math.min(1, 0.2 + age * 3),
    });
  }
  return crowd(rushes);
}

/** What draws readers for a while, each at its own rate. */
function crowd(
  events: readonly { product: number; from: number; until: number; rate: (age: number) => number }[],
) {
  return {
    at(hour: number, awake: number): { total: number; pick(random: Random): number } {
      const live = events.filter(({ from, until }) => from <= hour && hour < until);
      const picker = createPicker(live.map(({ from, rate }) => awake * rate(hour - from)));
      return { total: picker.total, pick: (random) => live[picker.pick(random)]!.product };
    },
  };
}

function shuffled(count: number, random: Random): number[] {
  const ids = Array.from({ length: count }, (_, i) => i + 1);
  for (let i = count - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [ids[i], ids[j]] = [ids[j]!, ids[i]!];
  }
  return ids;
}
