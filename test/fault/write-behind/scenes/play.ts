import { type Build, build } from '../build.ts';
import type { CleanRun } from '../clean.ts';
import { openRig, type Rig } from '../rig.ts';
import type { Scene } from './scene.ts';

/** Plays a scene on the rig, or on one of its own where it needs that. */
export async function play(shared: Rig, scene: Scene): Promise<CleanRun | undefined> {
  const closing: (() => unknown)[] = [];
  try {
    let rig = shared;
    if (scene.rig !== undefined) {
      const own = await openRig(scene.rig);
      closing.push(() => own.close());
      rig = own;
    }
    let built: Build | undefined;
    if (scene.edits !== undefined) {
      built = build(scene.edits);
      closing.push(built.remove);
    }
    return await scene.play({
      rig,
      async stage(options = {}) {
        const stage = await rig.stage({
          ...options,
          ...(built === undefined ? {} : { folder: built.folder }),
        });
        closing.push(() => stage.clear());
        return stage;
      },
      later: (close) => void closing.push(close),
    });
  } finally {
    for (const close of closing.reverse()) await close();
  }
}
