import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import type { Clock } from '../clock.ts';
import { messageOf, SamovarError } from '../errors.ts';
import type { Metrics } from './metrics.ts';

/** One thing that must hold for work to be done. */
export interface Probe {
  readonly name: string;
  /** Rejects with what is wrong. */
  check(signal: AbortSignal): Promise<unknown>;
  /** @default 2_000 */
  readonly timeoutMs?: number;
}

export interface ProbeResult {
  readonly name: string;
  readonly ok: boolean;
  readonly ms: number;
  readonly error?: string;
}

export interface HttpOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'contentType' | 'text'>;
  /** What is wrong with this process that only a restart mends, in words; undefined while it lives. */
  readonly unhealthy: () => string | undefined;
  /** What `/readyz` asks, all at once. */
  readonly probes: readonly Probe[];
}

export interface HttpServer {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

const probeTimeoutMs = 2_000;

/** Serves /healthz (is this process alive), /readyz (can it work) and /metrics. E_CONFIG when the port cannot be had. */
export async function serveHttp(options: HttpOptions): Promise<HttpServer> {
  const { host, metrics } = options;
  const app = new Hono();
  app.get('/healthz', (c) => {
    const why = options.unhealthy();
    return why === undefined ? c.json({ ok: true }) : c.json({ ok: false, why }, 503);
  });
  app.get('/readyz', async (c) => {
    const checks = await runProbes(options.probes, options.clock);
    const ok = checks.every((check) => check.ok);
    return c.json({ ok, checks }, ok ? 200 : 503);
  });
  app.get('/metrics', async (c) =>
    c.body(await metrics.text(), 200, { 'content-type': metrics.contentType }),
  );
  app.notFound((c) => c.json({ error: 'not found', paths: ['/healthz', '/readyz', '/metrics'] }, 404));
  app.onError((error, c) => c.json({ error: messageOf(error) }, 500));

  const server = serve({ fetch: app.fetch, hostname: host, port: options.port }) as Server;
  try {
    if (!server.listening) await once(server, 'listening');
  } catch (error) {
    throw portError(error, host, options.port);
  }
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Asks all probes at once; one that does not answer in its time has failed. */
export function runProbes(probes: readonly Probe[], clock: Clock): Promise<ProbeResult[]> {
  return Promise.all(
    probes.map(async ({ name, check, timeoutMs = probeTimeoutMs }): Promise<ProbeResult> => {
      const from = clock.elapsed();
      const limit = new AbortController();
      let stop = () => {};
      const late = new Promise<never>((_resolve, reject) => {
        const timer = clock.after(timeoutMs, () => {
          limit.abort();
          reject(new Error(`no answer within ${timeoutMs} ms`));
        });
        stop = () => timer.stop();
      });
      const ms = () => Math.round(clock.elapsed() - from);
      try {
        await Promise.race([check(limit.signal), late]);
        return { name, ok: true, ms: ms() };
      } catch (error) {
        return { name, ok: false, ms: ms(), error: messageOf(error) };
      } finally {
        stop();
      }
    }),
  );
}

function portError(error: unknown, host: string, port: number): SamovarError {
  const code = (error as { code?: string }).code;
  const why =
    code === 'EADDRINUSE'
      ? 'is taken by another process'
      : code === 'EACCES'
        ? 'may not be opened by this user'
        : `cannot be opened: ${messageOf(error)}`;
  return new SamovarError('E_CONFIG', `\`http.port\`: ${host}:${port} ${why}`, {
    hints: ['set PORT (or http.port) to another one; 0 takes any that is free'],
    cause: error,
  });
}
