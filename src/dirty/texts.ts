/** A value as Postgres reads it from text, for a column of that type; null for nothing. */
export function columnText(value: unknown, type: string): string | null {
  if (value === null || value === undefined) return null;
  if (type === 'json' || type === 'jsonb') return JSON.stringify(value) ?? null;
  if (typeof value === 'string') return value;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array)
    return `\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`;
  if (Array.isArray(value) && type.endsWith('[]')) return arrayLiteral(value, type.slice(0, -2));
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function arrayLiteral(values: readonly unknown[], type: string): string {
  const texts = values.map((each) => {
    if (Array.isArray(each)) return arrayLiteral(each, type);
    const text = columnText(each, type);
    return text === null ? 'null' : `"${text.replace(/["\\]/g, '\\$&')}"`;
  });
  return `{${texts.join(',')}}`;
}
