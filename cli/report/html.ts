const marks: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as HTML shows it: no mark of it means anything, what cannot be seen is a dot. */
export const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (mark) => marks[mark]!).replace(/[\p{C}\u2028\u2029]/gu, '·');

/** Data for the page's script; nothing in it can end the element it stands in. */
export const jsonBlock = (id: string, data: unknown): string =>
  `<script type="application/json" id="${escaped(id)}">${JSON.stringify(data).replace(/[<>&\u2028\u2029]/g, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`)}</script>`;

export interface Row {
  readonly cells: readonly string[];
  readonly isOurs?: boolean;
}

/** A table of figures; the first cell of a row is its head. */
export function tableOf(caption: string, heads: readonly string[], rows: readonly Row[]): string {
  const line = ({ cells, isOurs }: Row) =>
    `<tr${isOurs === true ? ' class="ours"' : ''}>${cells
      .map((cell, i) => (i === 0 ? `<th scope="row">${escaped(cell)}</th>` : `<td>${escaped(cell)}</td>`))
      .join('')}</tr>`;
  return `<details><summary>As a table</summary><div class="scroll"><table class="data"><caption class="soft">${escaped(caption)}</caption>
<thead><tr>${heads.map((head) => `<th scope="col">${escaped(head)}</th>`).join('')}</tr></thead>
<tbody>${rows.map(line).join('\n')}</tbody></table></div></details>`;
}
