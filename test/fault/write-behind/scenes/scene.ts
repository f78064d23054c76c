import type { Edit } from '../build.ts';
import type { CleanRun } from '../clean.ts';
import type { Rig, RigOptions, Stage } from '../rig.ts';

export interface Opening {
  readonly rig: Rig;
  /** A stage of its own, played by the code under test as the scene edits it. */
  stage(options?: Omit<NonNullable<Parameters<Rig['stage']>[0]>, 'folder'>): Promise<Stage>;
  /** Closed with the scene, last opened first. */
  later(close: () => unknown): void;
}

/** A fault that needs a course of its own, from its beginning to a history without fault. Throws what it found. */
export interface Scene {
  readonly name: string;
  /** Rows of the table in docs/torture.md. */
  readonly rows: string;
  /** In every run of the tests; the others when scenes are asked for. */
  readonly isQuick: boolean;
  /** Servers of its own, which nobody needs afterwards. @default those of all */
  readonly rig?: RigOptions;
  readonly edits?: readonly Edit[];
  play(opening: Opening): Promise<CleanRun | undefined>;
}

export const settled = { settleMs: 4_000, drainMs: 20_000 } as const;
