/** Lists of texts as the scripts of Redis pack and unpack them (MessagePack): one argument or answer instead of thousands. */

export function pack(texts: readonly string[]): Buffer {
  const lengths = texts.map((text) => Buffer.byteLength(text));
  let bytes = 5;
  for (const length of lengths) bytes += 5 + length;
  const into = Buffer.allocUnsafe(bytes);
  into[0] = 0xdd;
  let at = into.writeUInt32BE(texts.length, 1);
  for (const [i, length] of lengths.entries()) {
    into[at] = 0xdb;
    at = into.writeUInt32BE(length, at + 1);
    at += into.write(texts[i]!, at);
  }
  return into;
}

/** From where to where in the bytes each text is, two numbers for each. Throws for bytes that are no packed list of texts. */
export function unpack(bytes: Buffer): Int32Array {
  if (bytes.length === 0) return new Int32Array();
  let at = 1;
  const sized = (size: 1 | 2 | 4): number => {
    const value = bytes.readUIntBE(at, size);
    at += size;
    return value;
  };
  const kind = bytes[0]!;
  const count =
    (kind & 0xf0) === 0x90 ? kind & 0x0f : kind === 0xdc ? sized(2) : kind === 0xdd ? sized(4) : -1;
  if (count < 0) throw new Error(`expected a packed list, got ${kind.toString(16)}`);
  const spans = new Int32Array(2 * count);
  for (let i = 0; i < count; i++) {
    const head = bytes[at++]!;
    const length =
      (head & 0xe0) === 0xa0
        ? head & 0x1f
        : head === 0xd9
          ? bytes[at++]!
          : head === 0xda
            ? sized(2)
            : head === 0xdb
              ? sized(4)
              : -1;
    if (length < 0) throw new Error(`expected a packed text, got ${head.toString(16)}`);
    spans[2 * i] = at;
    at += length;
    spans[2 * i + 1] = at;
  }
  return spans;
}
