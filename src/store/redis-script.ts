import { createHash } from 'node:crypto';
import { type Cluster, Command, type Redis } from 'ioredis';
import { messageOf } from '../errors.ts';
import { readLua } from '../files.ts';
import { CommandBytes } from './resp.ts';

export interface ScriptCall {
  readonly keys: number;
  readonly args: number;
  /** Any of the keys: on a Cluster it says which node is meant. */
  readonly key: string;
  /** How long it may take, where nobody waits for it to read: longer than the connection's own time. */
  readonly patienceMs?: number;
  /** A guess of how many bytes it will be. */
  readonly size: number;
  writeKeys(into: CommandBytes): void;
  writeArgs(into: CommandBytes): void;
  /** Called before any later command's answer is heard. */
  heard?(reply: unknown): void;
}

/** Buffers kept for the next calls: making and collecting them costs more than filling them. */
const mostSpare = 16;

/** Runs a script of `lua/` whose call is written as bytes; answers with what it returns, texts as bytes. */
export function createScript(redis: Redis | Cluster, name: string): (call: ScriptCall) => Promise<unknown> {
  const lua = readLua(name);
  const sha = createHash('sha1').update(lua).digest('hex');

  const spare: Buffer[] = [];

  const send = async (verb: 'EVALSHA' | 'EVAL', call: ScriptCall): Promise<unknown> => {
    const into = new CommandBytes(spare.pop() ?? Buffer.allocUnsafeSlow(call.size + 256));
    into.begin(3 + call.keys + call.args);
    into.text(verb);
    into.text(verb === 'EVAL' ? lua : sha);
    into.number(call.keys);
    call.writeKeys(into);
    call.writeArgs(into);
    const bytes = into.done();
    // The client routes and times the command by what it is told here, and sends the bytes.
    const command = new Command(verb.toLowerCase(), [sha, 1, call.key], { replyEncoding: null });
    command.toWritable = () => bytes;
    if (call.patienceMs !== undefined) command.setTimeout(call.patienceMs);
    const reply: unknown = await redis.sendCommand(command);
    call.heard?.(reply);
    // Only now is it sure that they are not sent again.
    if (spare.length < mostSpare) spare.push(into.into);
    return reply;
  };

  return async (call) => {
    try {
      return await send('EVALSHA', call);
    } catch (error) {
      if (!messageOf(error).startsWith('NOSCRIPT')) throw error;
      return send('EVAL', call);
    }
  };
}
