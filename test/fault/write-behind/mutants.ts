import { until } from '../../support/until.ts';
import type { ViolationClass } from '../history/violation.ts';
import type { Edit } from './build.ts';
import { type Fault, inTurn, postgresFaults, powerLoss, redisFaults } from './nemesis.ts';
import type { FlusherOptions } from './options.ts';
import { progress, type Stage } from './rig.ts';

/** Code with one mistake that somebody makes in earnest, the trouble in which it shows, and what it must be found guilty of. */
export interface Mutant {
  readonly name: string;
  readonly edits: readonly Edit[];
  readonly trouble: (stage: Stage) => Promise<void>;
  /** One of these is enough; others may come with it. */
  readonly guiltyOf: readonly ViolationClass[];
  /** In every run of the tests; the others when mutants are asked for. */
  readonly isQuick?: boolean;
}

const crew = (stage: Stage, flushers = 2) =>
  Promise.all([stage.client(), ...Array.from({ length: flushers }, () => stage.flusher())]);
const dies = async (stage: Stage, point: NonNullable<FlusherOptions['failpoint']>['point'], times = 1) => {
  for (let time = 0; time < times; time++) {
    await progress(stage, 60);
    await (await stage.flusher({ failpoint: { point, action: 'kill', nth: 2 } })).gone;
  }
  await stage.flusher();
  await progress(stage, 60);
};
const suffers =
  (fault: Fault, times = 1) =>
  async (stage: Stage) => {
    await crew(stage);
    await inTurn(stage, { fault }, { times });
  };
const flusherFile = 'src/dirty/flusher.ts';
const statements = 'src/dirty/postgres-statements.ts';

const noGuard: Edit[] = [
  {
    file: statements,
    from: `where coalesce(t.\${version}, 0) < excluded.\${version} returning 1`,
    to: 'returning 1',
  },
  { file: statements, from: ' and r.version >= u.version)', to: ' and false)' },
];
const noFence: Edit = { file: statements, from: ' and d.epoch = h.epoch returning', to: ' returning' };

export const mutants: readonly Mutant[] = [
  {
    name: 'what is claimed is taken out of the buffer',
    isQuick: true,
    edits: [
      {
        file: 'lua/dirty-claim.lua',
        from: "    local entries = redis.call('HMGET', d, unpack(fields))",
        to: "    local entries = redis.call('HMGET', d, unpack(fields))\n    redis.call('HDEL', d, unpack(fields))",
      },
    ],
    trouble: async (stage) => {
      await stage.client();
      await dies(stage, 'after-claim', 2);
    },
    guiltyOf: ['lost'],
  },
  {
    name: 'what is acknowledged goes whatever its version',
    isQuick: true,
    edits: [
      {
        file: 'lua/dirty-ack.lua',
        from: 'tonumber(string.sub(entries[i], 2, 17)) == tonumber(versions[i])',
        to: 'true',
      },
    ],
    trouble: suffers(postgresFaults['delay Postgres'], 2),
    guiltyOf: ['lost'],
  },
  {
    name: 'the buffer lets go before the commit',
    edits: [
      {
        file: flusherFile,
        from: '    const sending = target.write({',
        to: '    await dirty.ack(cache, rows, claimedAt);\n    const sending = target.write({',
      },
    ],
    trouble: suffers(postgresFaults['crash Postgres'], 3),
    guiltyOf: ['lost'],
  },
  {
    name: 'rows have no guard',
    edits: noGuard,
    trouble: async (stage) => {
      await stage.client();
      await dies(stage, 'before-ack', 3);
    },
    guiltyOf: ['duplicate', 'resurrected'],
    isQuick: true,
  },
  {
    name: 'grants are never over',
    edits: [noFence],
    trouble: async (stage) => {
      await crew(stage, 1);
      await progress(stage, 60);
      await freezeAt(stage, 'after-claim');
    },
    guiltyOf: ['zombie'],
  },
  {
    name: 'neither guard nor fence',
    edits: [...noGuard, noFence],
    trouble: async (stage) => {
      await crew(stage, 1);
      for (let time = 0; time < 2; time++) await freezeAt(stage, 'after-claim');
    },
    guiltyOf: ['resurrected', 'duplicate'],
  },
  {
    name: 'versions are counted, not timed',
    edits: [
      {
        file: 'lua/dirty-write.lua',
        from: 'last = now > last and now or last + 1',
        to: 'last = last + 1',
      },
    ],
    trouble: suffers(powerLoss),
    guiltyOf: ['order', 'lost', 'wrong'],
  },
  {
    name: 'a batch with a bad row is given up',
    edits: [
      {
        file: flusherFile,
        from: '      if (rows.length === 1) return bury(pass, rows[0]!, error);',
        to: '      return void (await dirty.ack(cache, rows, claimedAt));',
      },
    ],
    trouble: async (stage) => {
      await Promise.all([stage.client({ poison: 0.05 }), stage.flusher()]);
      await progress(stage, 300);
    },
    guiltyOf: ['lost'],
    isQuick: true,
  },
  {
    name: 'deletions leave no trace',
    edits: [
      {
        file: statements,
        from: `\${beside(true, isOlder)}, gone as (`,
        to: 'won as (select key from u), gone as (',
      },
    ],
    trouble: suffers(powerLoss, 5),
    guiltyOf: ['resurrected', 'duplicate'],
  },
  {
    name: 'commands without an answer are sent again',
    edits: [
      {
        file: 'src/connect.ts',
        from: "use === 'once' ? 0 : 1,",
        to: '2,',
      },
      {
        file: 'src/connect.ts',
        from: "...(use === 'once' ? { autoResendUnfulfilledCommands: false } : {}),",
        to: '',
      },
    ],
    trouble: suffers(redisFaults['lose replies of Redis'], 8),
    guiltyOf: ['conservation'],
  },
  {
    name: 'what changed meanwhile is forgotten by the index',
    edits: [
      {
        file: 'lua/dirty-ack.lua',
        from: "redis.call('ZADD', z, 'XX', claimedAt, fields[i])",
        to: "redis.call('ZREM', z, fields[i])",
      },
      { file: 'lua/dirty-claim.lua', from: "if count ~= redis.call('ZCARD', z) then", to: 'if false then' },
    ],
    trouble: suffers(postgresFaults['delay Postgres'], 2),
    guiltyOf: ['stuck'],
  },
  {
    name: 'the buffer expires',
    edits: [
      {
        file: 'lua/dirty-write.lua',
        from: 'accepted = accepted + 1',
        to: "accepted = accepted + 1\n      redis.call('PEXPIRE', d, 400)",
      },
    ],
    trouble: suffers(postgresFaults['refuse Postgres'], 3),
    guiltyOf: ['lost'],
  },
  {
    name: 'commits need not be on disk',
    edits: [{ file: 'src/connect.ts', from: '-c synchronous_commit=on', to: '-c synchronous_commit=off' }],
    trouble: suffers(postgresFaults['crash Postgres'], 4),
    guiltyOf: ['lost'],
  },
  {
    name: 'reads do not look into the buffer',
    edits: [
      {
        file: 'test/fault/write-behind/client-worker.ts',
        from: 'const [entry] = await dirty.read(cache, [key]);',
        to: 'const entry: DirtyEntry | undefined = undefined as DirtyEntry | undefined;',
      },
      {
        file: 'test/fault/write-behind/client-worker.ts',
        from: 'import type { DirtyWrite }',
        to: 'import type { DirtyEntry, DirtyWrite }',
      },
    ],
    trouble: async (stage) => {
      await crew(stage, 1);
      await progress(stage, 300);
    },
    guiltyOf: ['stale-read'],
  },
  {
    name: 'additions overwrite each other',
    edits: [
      {
        file: 'lua/dirty-write.lua',
        from: "elseif word ~= '' and not (isWatched and redis.call('HGET', w, field) == word) then",
        to: 'elseif false then',
      },
    ],
    trouble: async (stage) => {
      await Promise.all([stage.client({ callers: 24, restMs: 1 }), stage.flusher({ delayMs: 0 })]);
      await progress(stage, 3_000);
    },
    guiltyOf: ['miscounted'],
  },
];

/** One is frozen at a point until another one was granted what it had, and goes on then. */
async function freezeAt(
  stage: Stage,
  point: NonNullable<FlusherOptions['failpoint']>['point'],
): Promise<void> {
  const [before] = stage.flushers.filter(({ isAlive }) => isAlive);
  const frozen = await stage.flusher({ failpoint: { point, action: 'stop' } });
  await before!.stop();
  await until(() => frozen.events().some(({ e }) => e === 'fault'), `one stands at ${point}`);
  const next = await stage.flusher();
  await until(() => next.events().some(({ e }) => e === 'wrote'), 'another one goes on');
  frozen.signal('SIGCONT');
  await progress(stage, 200);
}
