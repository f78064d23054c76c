import { promisify } from 'node:util';
import { deflate, deflateSync, inflate, inflateSync } from 'node:zlib';
import type { Form } from './codec.ts';
import { flags } from './entry.ts';

/** Longer ones are left to another thread. */
const shortBytes = 16_384;
const deflateAside = promisify(deflate);
const inflateAside = promisify<Buffer, { maxOutputLength: number }, Buffer>(inflate);

/** Deflates a body of more than `above` bytes, unless that makes it no shorter. */
export async function squeeze(form: Form, above: number): Promise<Form> {
  const bytes = Buffer.byteLength(form.body);
  if (bytes <= above) return form;
  const body = bytes <= shortBytes ? deflateSync(form.body) : await deflateAside(form.body);
  return body.length < bytes ? { body, flags: form.flags | flags.deflated } : form;
}

/** The form before it was squeezed; at once when it is short. Throws, or rejects, when it would be longer than `most`. */
export function unsqueeze(form: Form, most: number): Form | Promise<Form> {
  if ((form.flags & flags.deflated) === 0) return form;
  const body = form.body as Buffer;
  const rest = form.flags & ~flags.deflated;
  const limit = { maxOutputLength: most };
  if (body.length <= shortBytes) return { body: inflateSync(body, limit), flags: rest };
  return inflateAside(body, limit).then((inflated) => ({ body: inflated, flags: rest }));
}
