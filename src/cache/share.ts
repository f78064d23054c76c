import { type CopyPlan, copy, measure } from './copy.ts';

/** One read of a key on its way to Redis, and those who asked for the same in the same tick. */
export interface Share<Value> {
  /** Given to the first asker. */
  answer: Promise<Value | undefined> | undefined;
  followers: Follower<Value>[] | undefined;
}

interface Follower<Value> {
  readonly caller: string | undefined;
  resolve(value: Value | undefined): void;
  reject(error: unknown): void;
  /** Reads by itself: the value cannot be copied. */
  again(): Promise<Value | undefined>;
}

/** Answers the followers, before the first asker can change the value; each is counted as the first was. */
export function tellFollowers<Value>(
  share: Share<Value> | undefined,
  value: Value | undefined,
  count: (caller: string | undefined) => void,
): void {
  const followers = share?.followers;
  if (followers === undefined) return;
  share!.followers = undefined;
  const measured = measure(value);
  const plan: CopyPlan | undefined = measured?.plan;
  for (const { caller, resolve, reject, again } of followers) {
    if (measured === undefined) {
      again().then(resolve, reject);
    } else {
      count(caller);
      resolve(copy(value, plan) as Value | undefined);
    }
  }
}

/** Waits for the first asker's answer. */
export function follow<Value>(
  share: Share<Value>,
  caller: string | undefined,
  again: () => Promise<Value | undefined>,
): Promise<Value | undefined> {
  if (share.followers === undefined) {
    share.followers = [];
    const left = (): readonly Follower<Value>[] => {
      const followers = share.followers ?? [];
      share.followers = undefined;
      return followers;
    };
    share.answer!.then(
      // The first asker was answered before these came, still within the tick: nothing else tells them.
      () => {
        for (const { resolve, reject, again } of left()) again().then(resolve, reject);
      },
      (error: unknown) => {
        for (const { reject } of left()) reject(error);
      },
    );
  }
  const { followers } = share;
  return new Promise((resolve, reject) => {
    followers.push({ caller, resolve, reject, again });
  });
}
