import { type ClientOptions, clientOf, openGround } from './compose/ground.ts';
import type { Config, ConfigInput } from './config.ts';
import type { AnyCacheDef } from './define.ts';
import type { Client } from './facade.ts';

export type { ClientOptions };

/** What an application needs to read, invalidate and enqueue. It never loads `pg`. */
export async function createClient<const Defs extends readonly AnyCacheDef[]>(
  config: ConfigInput<Defs> | Config<Defs>,
  options?: ClientOptions,
): Promise<Client<Defs>> {
  return clientOf(await openGround(config as ConfigInput | Config, options));
}
