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
  /** A guess of how many bytes it will be. */
  readonly size: number;
  writeKeys(into: CommandBytes): void;
  writeArgs(into: CommandBytes): void;
}

/** Runs a script of `lua/` whose call is written as bytes; answers with what it returns, texts as bytes. */
export function createScript(redis: Redis | Cluster, name: string): (call: ScriptCall) => Promise<unknown> {
  const lua = readLua(name);
  const sha = createHash('sha1').update(lua).digest('hex');

  const send = (verb: 'EVALSHA' | 'EVAL', call: ScriptCall): Promise<unknown> => {
    const into = new CommandBytes(call.size + 256 + (verb === 'EVAL' ? lua.length : 0));
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
    return redis.sendCommand(command) as Promise<unknown>;
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
