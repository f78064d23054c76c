/** Somewhere to write to, that may say it is a terminal of 40 columns. */
export function fakeStream(isTTY = false): { stream: NodeJS.WriteStream; text(): string } {
  const parts: string[] = [];
  const stream = { isTTY, columns: 40, write: (part: string) => parts.push(part) > 0 };
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => parts.join('') };
}
