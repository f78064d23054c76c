import type { ReadOptions } from '../facade.ts';
import { type CopyPlan, copy, measure } from './copy.ts';

/** One read of a key on its way to Redis, shared by those who ask for the same before it leaves. */
export interface Share<Value> {
  /** Given to the first asker. */
  answer: Promise<Value | undefined> | undefined;
  /** Those who came after the first, while they wait. */
  following: Following<Value> | undefined;
}

/** Counts so many copies. */
type Count = (caller: string | undefined, times: number) => void;

/** A value that may be copied, and how each copy is counted. */
interface Told<Value> {
  readonly value: Value | undefined;
  readonly plan: CopyPlan | undefined;
  readonly count: Count;
}

/** Undefined = each has to read by itself. */
type Take<Value> = (told: Told<Value> | undefined) => Value | undefined | Promise<Value | undefined>;

type Again<Id, Value> = (
  key: string,
  id: Id,
  options: ReadOptions<Id, Value> | undefined,
) => Promise<Value | undefined>;

interface Following<Value> {
  readonly told: Promise<Told<Value> | undefined>;
  tell(told: Told<Value> | undefined): void;
  /** Of those who ask without options, as nearly all do. */
  take: Take<Value> | undefined;
  /** How many of those there are: they are counted together. */
  alike: number;
}

/** Answers the followers, before the first asker can change the value; each is counted as the first was. */
export function tellFollowers<Value>(
  share: Share<Value> | undefined,
  value: Value | undefined,
  count: Count,
): void {
  const following = share?.following;
  if (following === undefined) return;
  share!.following = undefined;
  const measured = measure(value);
  if (measured !== undefined && following.alike > 0) count(undefined, following.alike);
  following.tell(measured && { value, plan: measured.plan, count });
}

/** Waits for the first asker's answer; whose value cannot be copied is read `again`. */
export function follow<Id, Value>(
  share: Share<Value>,
  again: Again<Id, Value>,
  key: string,
  id: Id,
  options: ReadOptions<Id, Value> | undefined,
): Promise<Value | undefined> {
  share.following ??= open(share);
  const { following } = share;
  if (options !== undefined) return following.told.then(takeOf(again, key, id, options));
  following.alike += 1;
  following.take ??= takeOf(again, key, id, options);
  return following.told.then(following.take);
}

// Apart from `follow`: where a closure is made, each call makes room for what it holds, needed or not.
const takeOf =
  <Id, Value>(
    again: Again<Id, Value>,
    key: string,
    id: Id,
    options: ReadOptions<Id, Value> | undefined,
  ): Take<Value> =>
  (told) => {
    if (told === undefined) return again(key, id, options);
    if (options !== undefined) told.count(options.caller, 1);
    return copy(told.value, told.plan) as Value | undefined;
  };

function open<Value>(share: Share<Value>): Following<Value> {
  let tell!: (told: Told<Value> | undefined) => void;
  let fail!: (error: unknown) => void;
  const told = new Promise<Told<Value> | undefined>((resolve, reject) => {
    tell = resolve;
    fail = reject;
  });
  // A read that fails tells nobody by itself.
  share.answer!.then(() => tell(undefined), fail);
  return { told, tell, take: undefined, alike: 0 };
}
