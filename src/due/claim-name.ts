import { randomBytes } from 'node:crypto';

const ours = randomBytes(9).toString('base64url');
let made = 0;

/** A name that no other claim has or had. */
export function newClaimName(): string {
  made += 1;
  return `${ours}.${made.toString(36)}`;
}
