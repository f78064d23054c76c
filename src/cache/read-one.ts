import type { CacheDef } from '../define.ts';
import type { ReadOptions } from '../facade.ts';
import { isWithinLoad } from '../origin/within.ts';
import type { Asked } from '../store/store.ts';
import type { Flight } from './flight.ts';
import { type Found, isUsable, openEntry } from './found.ts';
import type { Judgement } from './judge.ts';
import { pastOf } from './miss.ts';
import { maxStaleOf, type ReadParts, type ReadSteps } from './read-steps.ts';
import { broughtWithin } from './refresh.ts';
import { follow, type Share, tellFollowers } from './share.ts';
import type { One } from './together.ts';

type ReadOne<Id, Value> = (
  key: string,
  id: Id,
  options: ReadOptions<Id, Value> | undefined,
) => Promise<Value | undefined>;

/** Reads one key: with those who ask for it before the read leaves, unless it has terms of its own. */
export function createReadOne<Id, Value>(
  { name }: CacheDef<string, Id, Value>,
  { store, judge, settings, reader, clock, memory, patience }: ReadParts,
  { missed, hit, refresh, fresh, storeFailed, valueIn, inTime, fallback }: ReadSteps<Id, Value>,
  missOne: One,
): ReadOne<Id, Value> {
  const { softMs } = settings;
  type Options = ReadOptions<Id, Value> | undefined;

  /** One read that waits for the store's answer. */
  interface Reading {
    readonly key: string;
    readonly id: Id;
    readonly options: Options;
    /** Undefined = however stale. */
    readonly maxStaleMs: number | undefined;
    readonly share: Share<Value> | undefined;
    readonly stamp: number;
    readonly askedAt: number;
  }

  const load = async (
    { key, id, options, share, askedAt }: Reading,
    bytes: Buffer | undefined,
    found: Found | undefined,
    isStoreAway: boolean,
  ): Promise<Value | undefined> => {
    missed(key, options?.caller, found);
    const form = missOne({ key, id, past: bytes && pastOf(bytes), askedAt }, isStoreAway);
    let value: Value | undefined;
    try {
      const read = valueIn(await inTime(form));
      value = read instanceof Promise ? await read : read;
    } catch (error) {
      value = await fallback(id, error, options?.fallback);
    }
    if (share?.following) tellFollowers(share, value, (by, times) => missed(key, by, undefined, times));
    return value;
  };

  // What hits go through makes no closure: a function that makes some makes room for what they hold at every call.

  const tellHit = ({ key, share }: Reading, bytes: Buffer, judged: Judgement, given: Value | undefined) =>
    tellFollowers(share, given, (by, times) => hit(key, by, bytes, judged, times));

  /** The value that was found; a stale one gives way to a newer one that comes in time. */
  const give = (
    reading: Reading,
    bytes: Buffer,
    judged: Judgement,
    value: Value | undefined,
  ): Value | undefined | Promise<Value | undefined> => {
    const { key, id, options, share } = reading;
    hit(key, options?.caller, bytes, judged);
    if (judged === 'alive') {
      fresh(key, id, bytes);
      memory?.keep(key, reading.stamp, bytes, value);
    } else {
      const flight = refresh(key, id, bytes);
      if (flight !== undefined) return newest(reading, bytes, judged, value, flight);
    }
    if (share?.following) tellHit(reading, bytes, judged, value);
    return value;
  };

  const newest = async (
    reading: Reading,
    bytes: Buffer,
    judged: Judgement,
    value: Value | undefined,
    flight: Flight,
  ): Promise<Value | undefined> => {
    const brought = await broughtWithin([flight], (signal) => clock.sleep(softMs, signal));
    const given = brought.has(reading.key) ? await valueIn(brought.get(reading.key)) : value;
    tellHit(reading, bytes, judged, given);
    return given;
  };

  const use = (
    reading: Reading,
    bytes: Buffer,
    judged: Judgement,
    found: Found,
  ): Value | undefined | Promise<Value | undefined> =>
    typeof found === 'object'
      ? give(reading, bytes, judged, found.value as Value | undefined)
      : load(reading, bytes, found, false);

  const useLater = async (reading: Reading, bytes: Buffer, judged: Judgement, opened: Promise<Found>) =>
    use(reading, bytes, judged, await opened);

  const open = (
    reading: Reading,
    bytes: Buffer,
    judged: Judgement,
  ): Value | undefined | Promise<Value | undefined> => {
    if (!isUsable(bytes, judged, reading.maxStaleMs, clock)) return load(reading, bytes, judged, false);
    const opened = openEntry(reader, bytes);
    return opened instanceof Promise
      ? useLater(reading, bytes, judged, opened)
      : use(reading, bytes, judged, opened);
  };

  const failed = (reading: Reading, error: unknown, bytes?: Buffer): Promise<Value | undefined> => {
    storeFailed(error);
    return load(reading, bytes, undefined, true);
  };

  const openLater = (reading: Reading, bytes: Buffer, judging: Promise<Judgement>) =>
    patience(judging, reading.askedAt).then(
      (judged) => open(reading, bytes, judged),
      (error: unknown) => failed(reading, error, bytes),
    );

  /** What becomes of a read when the store has answered: at once where it can be. */
  const answered = (
    reading: Reading,
    bytes: Buffer | undefined,
  ): Value | undefined | Promise<Value | undefined> => {
    if (bytes === undefined) return load(reading, undefined, undefined, false);
    const judging = judge.one(bytes);
    return typeof judging === 'string' ? open(reading, bytes, judging) : openLater(reading, bytes, judging);
  };

  // No async function: that makes more objects, and this is what all readers do most.
  const read = (
    { found, place }: Asked,
    { key, id, options, maxStaleMs, share }: Omit<Reading, 'stamp' | 'askedAt'>,
  ): Promise<Value | undefined> => {
    const stamp = memory?.stamp() ?? 0;
    const reading: Reading = { key, id, options, maxStaleMs, share, stamp, askedAt: clock.elapsed() };
    return found.then(
      (all) => answered(reading, all[place]),
      (error: unknown) => failed(reading, error),
    );
  };

  const alone: ReadOne<Id, Value> = async (key, id, options) => {
    const maxStaleMs = maxStaleOf(options);
    return read(store.get(name, key), { key, id, options, maxStaleMs, share: undefined });
  };

  const one: ReadOne<Id, Value> = (key, id, options) => {
    // A loader that waited for a load which waits for it would wait for ever.
    if (isOwn(options) || isWithinLoad()) return alone(key, id, options);
    const asked = store.get(name, key);
    const known = asked.share as Share<Value> | undefined;
    if (known !== undefined) return follow(known, alone, key, id, options);
    // Apart from what is found, which is that of many others, too: a load that takes long would hold on to it.
    const share: Share<Value> = { answer: undefined, following: undefined };
    asked.share = share;
    share.answer = read(asked, { key, id, options, maxStaleMs: undefined, share });
    return share.answer;
  };

  return one;
}

/** How stale is too stale, and what is given instead of a failure, is each reader's own. */
const isOwn = (options: ReadOptions | undefined): boolean =>
  options !== undefined && (options.maxStale !== undefined || options.fallback !== undefined);
