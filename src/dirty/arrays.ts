/** Arrays as Postgres sends them itself: no element is quoted, escaped or parsed on the way. */
const oids = { int4: 23, int8: 20, text: 25 } as const;
const headBytes = 20;

function head(into: Buffer, oid: number, length: number, hasNull: boolean): number {
  into.writeInt32BE(1, 0);
  into.writeInt32BE(hasNull ? 1 : 0, 4);
  into.writeInt32BE(oid, 8);
  into.writeInt32BE(length, 12);
  into.writeInt32BE(1, 16);
  return headBytes;
}

export function int4Array(values: readonly number[]): Buffer {
  const into = Buffer.allocUnsafe(headBytes + 8 * values.length);
  let at = head(into, oids.int4, values.length, false);
  for (const value of values) {
    at = into.writeInt32BE(4, at);
    at = into.writeInt32BE(value, at);
  }
  return into;
}

/** Of whole numbers that are exact. */
export function int8Array(values: readonly number[]): Buffer {
  const into = Buffer.allocUnsafe(headBytes + 12 * values.length);
  let at = head(into, oids.int8, values.length, false);
  for (const value of values) {
    at = into.writeInt32BE(8, at);
    at = into.writeInt32BE(Math.floor(value / 2 ** 32), at);
    at = into.writeUInt32BE(value % 2 ** 32, at);
  }
  return into;
}

/** Of texts, or their bytes in UTF-8. */
export function textArray(values: readonly (string | Buffer | null)[]): Buffer {
  let bytes = headBytes + 4 * values.length;
  for (const value of values)
    if (value !== null) bytes += typeof value === 'string' ? Buffer.byteLength(value) : value.length;
  const into = Buffer.allocUnsafe(bytes);
  let at = head(into, oids.text, values.length, values.includes(null));
  for (const value of values) {
    if (value === null) {
      at = into.writeInt32BE(-1, at);
      continue;
    }
    const length = typeof value === 'string' ? into.write(value, at + 4) : value.copy(into, at + 4);
    into.writeInt32BE(length, at);
    at += 4 + length;
  }
  return into;
}
