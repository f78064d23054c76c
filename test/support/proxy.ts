import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type Clock, systemClock } from '../../src/clock.ts';

export interface ServerProxy {
  /** The server's URL with the proxy's address. */
  readonly url: string;
  readonly port: number;
  readonly connections: number;
  /** How much has vanished in black holes. */
  readonly lostBytes: number;
  /** Where connections that are made from now on go. */
  retarget(url: string): void;
  /** Everything passes, at once. */
  pass(): void;
  /** Every piece of data arrives this much later, in order, both ways. */
  delay(ms: number): void;
  /** Connections stay open, new ones are accepted, and what is sent to the server, or from it, vanishes. */
  blackHole(direction?: 'both' | 'to-server' | 'from-server'): void;
  /** Resets every open connection; with `afterBytes`, only once the server has sent that much more (0: its next reply is lost). */
  cut(afterBytes?: number): void;
  /** Open connections are reset and new ones refused until `pass` (the port stays the proxy's own). */
  refuse(): void;
  close(): Promise<void>;
}

type Direction = 'to-server' | 'from-server';

function addressOf(target: string): { host: string; port: number } {
  const { hostname: host, port, protocol } = new URL(target);
  return { host, port: Number(port) || (protocol.startsWith('redis') ? 6379 : 5432) };
}

/** A socket whose end is still under way cannot be reset: its handle would stay open for good (EINVAL). */
function reset(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy();
  else socket.resetAndDestroy();
}

/** A TCP proxy before a server, to be slow, deaf or cut on demand. */
export async function startProxy(target: string, clock: Clock = systemClock): Promise<ServerProxy> {
  let goal = addressOf(target);
  let delayMs = 0;
  let hole: 'none' | 'both' | Direction = 'none';
  let isRefusing = false;
  let bytesLeft: number | undefined;
  let lostBytes = 0;
  const pairs = new Set<[Socket, Socket]>();

  const resetAll = () => {
    for (const socket of [...pairs].flat()) reset(socket);
  };

  const isLost = (direction: Direction) => hole === 'both' || hole === direction;

  const carry = (from: Socket, to: Socket, direction: Direction) => {
    let queue = Promise.resolve();
    const inOrder = (step: () => void) => {
      if (delayMs > 0) {
        const ms = delayMs;
        const due = clock.elapsed() + ms;
        queue = queue.then(() => clock.sleep(Math.max(0, due - clock.elapsed()), ended.signal));
      }
      queue = queue.then(step);
    };
    const ended = new AbortController();
    from.on('data', (chunk) => {
      if (isLost(direction)) {
        lostBytes += chunk.length;
        return;
      }
      inOrder(() => {
        if (to.destroyed) return;
        if (bytesLeft === undefined || direction === 'to-server') return void to.write(chunk);
        const last = bytesLeft;
        bytesLeft -= chunk.length;
        if (bytesLeft > 0) return void to.write(chunk);
        bytesLeft = undefined;
        to.write(chunk.subarray(0, last), resetAll);
      });
    });
    from.on('end', () => inOrder(() => void (isLost(direction) || to.end())));
    // A reset on one side is a reset on the other.
    from.on('error', () => reset(to));
    from.on('close', () => ended.abort());
  };

  const listener = createServer({ allowHalfOpen: true }, (client) => {
    if (isRefusing) return void reset(client);
    const server = connect({ ...goal, allowHalfOpen: true });
    const pair: [Socket, Socket] = [client, server];
    pairs.add(pair);
    const leave = () => client.closed && server.closed && pairs.delete(pair);
    for (const socket of pair) socket.setNoDelay(true).once('close', leave);
    carry(client, server, 'to-server');
    carry(server, client, 'from-server');
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String(port);

  return {
    url: url.href,
    port,
    get connections() {
      return pairs.size;
    },
    get lostBytes() {
      return lostBytes;
    },
    retarget: (to) => {
      goal = addressOf(to);
    },
    pass() {
      delayMs = 0;
      hole = 'none';
      isRefusing = false;
      bytesLeft = undefined;
    },
    delay: (ms) => {
      delayMs = ms;
    },
    blackHole: (direction = 'both') => {
      hole = direction;
    },
    cut(afterBytes) {
      if (afterBytes === undefined) resetAll();
      else bytesLeft = afterBytes;
    },
    refuse() {
      isRefusing = true;
      resetAll();
    },
    async close() {
      const closed = once(listener, 'close');
      listener.close();
      for (const socket of [...pairs].flat()) socket.destroy();
      await closed;
    },
  };
}
