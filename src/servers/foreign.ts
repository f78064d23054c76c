import { SamovarError } from '../errors.ts';
import type { Server } from './server.ts';

/** A server somebody else runs. */
export function foreignServer(url: string, variable: string): Server {
  const refuse = async () => {
    throw new SamovarError('E_SERVERS', `the server of ${variable} is not ours to stop, pause or restart`);
  };
  const { port, protocol } = new URL(url);
  return {
    url,
    how: 'environment',
    port: Number(port) || (protocol.startsWith('redis') ? 6379 : 5432),
    pid: undefined,
    folder: undefined,
    stop: async () => {},
    restart: refuse,
    pause: refuse,
    resume: refuse,
    kill: refuse,
  };
}
