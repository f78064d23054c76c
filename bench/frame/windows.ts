/** So many keys were asked for at an instant (epoch ms). */
export interface Load {
  readonly at: number;
  readonly size: number;
}

/** The most keys within any window of this length; loads in the order of time. */
export function densest(loads: readonly Load[], windowMs: number): number {
  let [most, within, oldest] = [0, 0, 0];
  for (const { at, size } of loads) {
    within += size;
    while (loads[oldest]!.at <= at - windowMs) within -= loads[oldest++]!.size;
    most = Math.max(most, within);
  }
  return most;
}

/** The fewest keys within any window of this length that lies between the first load and the last. */
export function sparsest(loads: readonly Load[], windowMs: number): number {
  const end = loads.at(-1)?.at ?? 0;
  let [fewest, within, next] = [Number.POSITIVE_INFINITY, 0, 0];
  for (const { at, size } of loads) {
    // The emptiest windows begin just after a load.
    if (at + windowMs > end) break;
    while (next < loads.length && loads[next]!.at <= at + windowMs) within += loads[next++]!.size;
    within -= size;
    fewest = Math.min(fewest, within);
  }
  return fewest;
}
