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
