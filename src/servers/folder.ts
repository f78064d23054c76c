import { chmodSync, chownSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { SamovarError } from '../errors.ts';

/** Who runs a server that refuses to be run by root. */
export interface Identity {
  uid: number;
  gid: number;
}

export const isRoot = (): boolean => process.getuid?.() === 0;

const nobody: Identity = { uid: 65_534, gid: 65_534 };

/** Postgres will not run as root: `nobody` stands in, who exists everywhere. */
export const plainIdentity = (): Identity | undefined => (isRoot() ? nobody : undefined);

/** A new temporary folder that only its owner can enter, in a place the identity can reach. */
export function makeFolder(name: string, identity?: Identity): string {
  const places = [tmpdir(), '/tmp', '/var/tmp'].filter((place) => identity === undefined || isOpen(place));
  const failures: unknown[] = [];
  for (const place of places) {
    try {
      const folder = mkdtempSync(join(place, `samovar-${name}-`));
      try {
        chmodSync(folder, 0o700);
        if (identity) chownSync(folder, identity.uid, identity.gid);
        return folder;
      } catch (error) {
        rmSync(folder, { recursive: true });
        throw error;
      }
    } catch (error) {
      failures.push(error); // full, read-only or not there: the next place
    }
  }
  throw new SamovarError('E_SERVERS', `no temporary folder can be written; set TMPDIR`, {
    cause: failures[0],
  });
}

/** True when everybody may pass through every folder of the path. */
function isOpen(path: string): boolean {
  try {
    for (let at = path; ; at = dirname(at)) {
      if ((statSync(at).mode & 0o001) === 0) return false;
      if (dirname(at) === at) return true;
    }
  } catch {
    return false; // not there
  }
}
