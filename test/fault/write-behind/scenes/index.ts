import { failoverScenes } from './failover.ts';
import { loadScenes } from './load.ts';
import type { Scene } from './scene.ts';
import { serverScenes } from './servers.ts';
import { workerScenes } from './worker.ts';

export const scenes: readonly Scene[] = [...workerScenes, ...serverScenes, ...loadScenes, ...failoverScenes];
