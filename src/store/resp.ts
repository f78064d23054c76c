/**
 * Writes one Redis command straight into its bytes. A client's own way, an argument object and several copies per key,
 * costs more than the rest of a warm; here a key costs its characters.
 */
export class CommandBytes {
  #into: Buffer;
  #end = 0;

  /** Writes into this buffer, or a larger one of its own where that does not suffice. */
  constructor(into: Buffer) {
    this.#into = into;
  }

  /** How many arguments follow, the command's name included. */
  begin(args: number): void {
    this.#room(16);
    this.#into[this.#end++] = asterisk;
    this.#decimal(args);
    this.#newLine();
  }

  text(value: string): void {
    this.#bulk(value, '');
  }

  /** One argument of two parts. */
  joined(head: string, tail: string): void {
    this.#bulk(head, tail);
  }

  number(value: number): void {
    this.#room(32);
    this.#head(digitsOf(value));
    this.#decimal(value);
    this.#newLine();
  }

  /** Makes room for an argument of known length; answers where it is to be written in `into`. */
  open(length: number): number {
    this.#room(length + 32);
    this.#head(length);
    return this.#end;
  }

  get into(): Buffer {
    return this.#into;
  }

  /** Ends an argument that was opened. */
  close(end: number): void {
    this.#end = end;
    this.#newLine();
  }

  bytes(value: Buffer): void {
    const at = this.open(value.length);
    value.copy(this.#into, at);
    this.close(at + value.length);
  }

  done(): Buffer {
    return this.#into.subarray(0, this.#end);
  }

  #bulk(head: string, tail: string): void {
    const { length } = head;
    this.#room(3 * (length + tail.length) + 32);
    const before = this.#end;
    this.#head(length + tail.length);
    if (!(this.#ascii(head) && this.#ascii(tail))) {
      // Characters of several bytes: the length was a wrong guess.
      this.#end = before;
      const whole = head + tail;
      this.#head(Buffer.byteLength(whole));
      this.#end += this.#into.write(whole, this.#end);
    }
    this.#newLine();
  }

  /** False as soon as a character takes more than one byte. */
  #ascii(text: string): boolean {
    const into = this.#into;
    let at = this.#end;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) return false;
      into[at++] = code;
    }
    this.#end = at;
    return true;
  }

  #head(length: number): void {
    this.#into[this.#end++] = dollar;
    this.#decimal(length);
    this.#newLine();
  }

  #decimal(value: number): void {
    const digits = digitsOf(value);
    let rest = value;
    for (let at = this.#end + digits - 1; at >= this.#end; at--) {
      const next = Math.floor(rest / 10);
      this.#into[at] = zero + (rest - next * 10);
      rest = next;
    }
    this.#end += digits;
  }

  #newLine(): void {
    this.#into[this.#end++] = 13;
    this.#into[this.#end++] = 10;
  }

  #room(bytes: number): void {
    if (this.#end + bytes <= this.#into.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#into.length, this.#end + bytes));
    this.#into.copy(larger, 0, 0, this.#end);
    this.#into = larger;
  }
}

const asterisk = 0x2a;
const dollar = 0x24;
const zero = 0x30;

/** Of a whole number that is not negative. */
function digitsOf(value: number): number {
  let digits = 1;
  for (let bound = 10; value >= bound; bound *= 10) digits += 1;
  return digits;
}
