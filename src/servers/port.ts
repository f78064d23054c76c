import { type AddressInfo, connect, createServer } from 'node:net';
import type { Clock } from '../clock.ts';

/** A loopback port nobody listens on at this moment; it may be taken before it is used, so callers try again. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Sends lines to a loopback port and answers whether the reply begins as expected; no driver needed. */
export function answers(port: number, lines: string, expected: RegExp, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    let reply = '';
    const socket = connect(port, '127.0.0.1');
    const limit = clock.after(1_000, () => settle(false));
    const settle = (value: boolean) => {
      limit.stop();
      socket.destroy();
      resolve(value);
    };
    socket.once('error', () => settle(false));
    socket.once('close', () => settle(false));
    socket.once('connect', () => socket.write(lines));
    socket.on('data', (chunk) => {
      reply += chunk.toString('latin1');
      if (expected.test(reply)) settle(true);
      else if (reply.includes('-')) settle(false);
    });
  });
}
