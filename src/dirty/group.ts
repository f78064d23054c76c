/** What there is of each kind, in the order met. */
export function groupBy<Item, Kind>(items: Iterable<Item>, kindOf: (item: Item) => Kind): Map<Kind, Item[]> {
  const groups = new Map<Kind, Item[]>();
  for (const item of items) {
    const kind = kindOf(item);
    const group = groups.get(kind);
    if (group) group.push(item);
    else groups.set(kind, [item]);
  }
  return groups;
}

export function countBy<Item, Kind>(items: Iterable<Item>, kindOf: (item: Item) => Kind): Map<Kind, number> {
  const counts = new Map<Kind, number>();
  for (const item of items) {
    const kind = kindOf(item);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}
