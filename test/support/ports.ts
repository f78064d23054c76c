import { createServer, type Server } from 'node:net';

/** Listens on a loopback port (any free one unless told) until closed. */
export const occupy = (port = 0): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });

/** True when nobody listens on a loopback port. */
export async function isPortFree(port: number): Promise<boolean> {
  try {
    const server = await occupy(port);
    await new Promise((resolve) => server.close(resolve));
    return true;
  } catch {
    return false;
  }
}
