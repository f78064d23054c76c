import { Agent, type IncomingMessage, request as requestPlain } from 'node:http';
import { request as requestSecure, Agent as SecureAgent } from 'node:https';
import { isIP } from 'node:net';
import { pipeline, type Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { type AddressRule, checkedLookup, refusedAddress } from './address.ts';

/** What came back, its body decoded. */
export interface Answer {
  readonly status: number;
  /** Names in lower case; several of a name are one, as HTTP reads them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Question {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface ExchangeOptions {
  readonly isAllowed: AddressRule;
  readonly maxBodyBytes: number;
}

/** One request and its answer; redirects are answers like any other. Throws what the connection says. */
export type Exchange = (url: URL, question: Question) => Promise<Answer>;

const longestHeaders = 16 * 1024;
const encodings = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

export function createExchange({ isAllowed, maxBodyBytes }: ExchangeOptions): Exchange {
  // Its own sockets: those that others opened may lead to addresses that nobody looked at.
  const sockets = { keepAlive: true, maxFreeSockets: 8 };
  const [plain, secure] = [new Agent(sockets), new SecureAgent(sockets)];
  const lookup = checkedLookup(isAllowed);

  const open = (url: URL, { method, headers, signal }: Question): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const host = url.hostname.replace(/^\[|\]$/g, '');
      // An address is connected to without a lookup.
      if (isIP(host) !== 0 && !isAllowed(host)) return reject(refusedAddress(host));
      const isSecure = url.protocol === 'https:';
      const request = (isSecure ? requestSecure : requestPlain)(url, {
        method,
        headers: { ...headers, 'accept-encoding': 'gzip, br' },
        signal,
        lookup,
        agent: isSecure ? secure : plain,
        maxHeaderSize: longestHeaders,
      });
      request.once('error', reject);
      request.once('response', resolve);
      request.end();
    });

  return async (url, question) => {
    const response = await open(url, question);
    const { 'content-encoding': encoding = 'identity', ...headers } = joined(response);
    const status = response.statusCode ?? 0;
    if (status < 200 || status > 599) {
      response.destroy();
      throw new Error(`${url.host} answered with a status that HTTP does not know: ${status}`);
    }
    const isBare = question.method === 'HEAD' || status === 204 || status === 304;
    const body = await read(isBare ? response : decoded(response, encoding), maxBodyBytes, url);
    // They tell of the form that was on the wire.
    delete headers['content-length'];
    delete headers['transfer-encoding'];
    return { status, headers, body };
  };
}

function decoded(response: IncomingMessage, encoding: string): Readable {
  const name = encoding.trim().toLowerCase();
  if (name === 'identity' || name === '') return response;
  const decoder = Object.hasOwn(encodings, name) ? encodings[name as keyof typeof encodings] : undefined;
  if (decoder === undefined) {
    response.destroy();
    throw new Error(`a body in an encoding that was not asked for: ${name.slice(0, 40)}`);
  }
  // What fails on the way fails the reader, too.
  return pipeline(response, decoder(), () => {});
}

async function read(body: Readable, most: number, url: URL): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    // Leaving the loop ends the stream, and with it the connection.
    if (length > most) throw new Error(`the body from ${url.host} is longer than ${most} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

const joined = ({ headers }: IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
    ),
  );
