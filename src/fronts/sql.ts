/** What is not to be touched: quoted texts and names, E'' texts with backslashes, $tag$ texts; and what is dropped. */
const pieces =
  /--[^\n]*|\/\*|\s+|(?<![\w$])[eE]'(?:[^'\\]|''|\\[\s\S])*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|(?<![\w$])(\$(?:[a-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)[\s\S]*?\1/giu;

/**
 * A statement of Postgres without its comments, and with single spaces between its words: two that differ in nothing
 * else are the same. Texts, names in quotes and the case of words are left as they are.
 */
export function normalSql(sql: string): string {
  let normal = '';
  let from = 0;
  const add = (text: string) => {
    normal += text;
  };
  pieces.lastIndex = 0;
  for (let match = pieces.exec(sql); match !== null; match = pieces.exec(sql)) {
    add(sql.slice(from, match.index));
    const [piece] = match;
    if (piece === '/*') pieces.lastIndex = endOfComment(sql, match.index);
    const isText = /^(?:[e'"$])/i.test(piece);
    if (isText) add(piece);
    else if (!normal.endsWith(' ')) add(' ');
    from = pieces.lastIndex;
  }
  add(sql.slice(from));
  return normal.replace(/^ | ?;? ?$/g, '');
}

/** Comments of Postgres may hold comments. */
function endOfComment(sql: string, from: number): number {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = from;
  let depth = 0;
  for (let mark = marks.exec(sql); mark !== null; mark = marks.exec(sql)) {
    depth += mark[0] === '/*' ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  return sql.length;
}
