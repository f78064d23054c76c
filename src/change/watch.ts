import type { AnyCacheDef, InvalidateOn } from '../define.ts';

/** How ids are written in a row of the outbox: as the text of one column, or as JSON. */
export type IdForm = 'id' | 'json';

/** What a change of a table means for some caches. */
export interface Watch {
  readonly caches: readonly string[];
  /** Where the id is found; undefined = everything of the caches, unless there are tags. */
  readonly id: InvalidateOn['id'];
  readonly form: IdForm;
  /** Tags with `{column}` in them. */
  readonly tags: readonly string[];
  /** Updates count only where one of these changed; none = every update. */
  readonly columns: readonly string[];
}

/** A table whose changes are told. */
export interface WatchedTable {
  /** As the configuration has it: 'orders' or 'shop.orders'. */
  readonly table: string;
  readonly watches: readonly Watch[];
}

export const columnsOfId = (id: InvalidateOn['id']): string[] =>
  id === undefined ? [] : typeof id === 'string' ? [id] : Object.values(id);

/** The columns that a tag names, in order. */
export const columnsOfTag = (tag: string): string[] =>
  Array.from(tag.matchAll(/\{([^{}]+)\}/g), ([, column]) => column!);

const changesOf = ({ invalidateOn }: Pick<AnyCacheDef, 'invalidateOn'>): readonly InvalidateOn[] =>
  invalidateOn === undefined
    ? []
    : Array.isArray(invalidateOn)
      ? invalidateOn
      : [invalidateOn as InvalidateOn];

/** Every table that some cache depends on. Caches that ask the same of a table share one row of the outbox. */
export function watchedTables(caches: readonly AnyCacheDef[]): WatchedTable[] {
  const tables = new Map<string, Map<string, Watch>>();
  for (const def of caches) {
    for (const { table, id, tags = [], columns = [] } of changesOf(def)) {
      const form: IdForm = typeof id === 'object' || def.key.name === 'json' ? 'json' : 'id';
      const same = JSON.stringify([id, id === undefined ? '' : form, tags, columns]);
      const watches = tables.get(table) ?? new Map<string, Watch>();
      tables.set(table, watches);
      const names = [...(watches.get(same)?.caches ?? []), def.name];
      watches.set(same, { caches: [...new Set(names)].sort(), id, form, tags, columns });
    }
  }
  return Array.from(tables, ([table, watches]) => ({ table, watches: [...watches.values()] }));
}

/** What depends on a table: caches as a whole, or results that carry tags of their own. */
export function reachOf(
  caches: readonly AnyCacheDef[],
  table: string,
): { readonly caches: readonly string[]; readonly tags: readonly string[] } {
  const whole = new Set<string>();
  const tagged = new Set<string>();
  for (const def of caches) {
    for (const { id, tags = [], ...on } of changesOf(def)) {
      if (on.table !== table) continue;
      const isSteady = tags.length > 0 && tags.every((tag) => columnsOfTag(tag).length === 0);
      if (id === undefined && isSteady) for (const tag of tags) tagged.add(tag);
      else whole.add(def.name);
    }
  }
  return { caches: [...whole], tags: [...tagged] };
}
