import { systemClock as clock } from '../../../src/clock.ts';
import type { ViolationClass } from '../history/violation.ts';
import type { Edit } from './build.ts';
import { postgresFaults, powerLoss, powerWillFail, redisFaults } from './nemesis.ts';
import { progress, type Stage } from './rig.ts';
import { crew, dies, freezeAt, rowsAre, suffers, whilePostgresIsSlow } from './troubles.ts';

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

const flusherFile = 'src/dirty/flusher.ts';
const carrierFile = 'src/dirty/carrier.ts';
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
        from: "    local found = redis.call('HMGET', d, unpack(slice))",
        to: "    local found = redis.call('HMGET', d, unpack(slice))\n    redis.call('HDEL', d, unpack(slice))",
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
        from: 'string.sub(entries[i], 2, 17) == string.sub(versions, at, at + 15)',
        to: 'true',
      },
    ],
    trouble: whilePostgresIsSlow,
    guiltyOf: ['lost'],
  },
  {
    name: 'the buffer lets go before the commit',
    edits: [
      {
        file: carrierFile,
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
    name: 'versions are counted, not timed, and nobody asks what the origin has seen',
    edits: [
      { file: 'lua/dirty-write.lua', from: 'last = now > last and now or last + 1', to: 'last = last + 1' },
      { file: 'lua/dirty-add.lua', from: 'last = now > last and now or last + 1', to: 'last = last + 1' },
      { file: flusherFile, from: '    await dirty.raise(cache, floors);', to: '    void floors;' },
    ],
    trouble: suffers(powerLoss),
    guiltyOf: ['order'],
  },
  {
    name: 'a batch with a bad row is given up',
    edits: [
      {
        file: carrierFile,
        from: '      if (rows.length === 1) {\n        await bury(pass, rows[0]!, error);',
        to: '      if (rows.length > 0) {\n        await dirty.ack(cache, rows, claimed.claimedAt);',
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
    trouble: async (stage) => {
      const client = await stage.client({ laid: 20 });
      const powerFails = await powerWillFail(stage);
      // Only what is written from the next second on is gone: all are dirty again after it, and were deleted before it.
      await clock.sleep(1_100);
      await stage.flusher();
      await rowsAre(stage, 20, "key like 't:%'");
      client.say('delete');
      await rowsAre(stage, 0, "key like 't:%'");
      await powerFails();
      await progress(stage, 60);
    },
    guiltyOf: ['duplicate', 'resurrected'],
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
    trouble: async (stage) => {
      await Promise.all([stage.client({ callers: 16, restMs: 1 }), stage.flusher()]);
      const { redisProxy } = stage.rig;
      for (let time = 0; time < 5; time++) {
        await progress(stage, 60);
        // So slow that there are always writes whose answer is on its way.
        redisProxy.delay(40);
        await clock.sleep(200);
        await redisFaults['lose replies of Redis'](stage);
      }
      await progress(stage, 60);
    },
    guiltyOf: ['conservation'],
  },
  {
    name: 'what was asked for again is known only while it waits',
    edits: [
      {
        file: 'lua/dirty-write.lua',
        from: 'return maker and answersOf(maker)[',
        to: 'return nil and answersOf(maker)[',
      },
    ],
    trouble: suffers(redisFaults['swallow what Redis says'], 4),
    guiltyOf: ['duplicate'],
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
    trouble: whilePostgresIsSlow,
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
        file: 'src/cache/dirty-load.ts',
        from: 'found = await dirty.read(def.name, request.keys);',
        to: 'found = request.keys.map(() => undefined); void dirty;',
      },
    ],
    trouble: async (stage) => {
      await crew(stage, 1);
      await progress(stage, 300);
    },
    guiltyOf: ['stale-read'],
  },
  {
    name: 'what was loaded is stored whatever was written meanwhile',
    edits: [
      { file: 'lua/commit.lua', from: 'if isOurs(held[i]) then', to: 'if isOurs(held[i]) or true then' },
    ],
    trouble: async (stage) => {
      await Promise.all([
        stage.client({ callers: 6, restMs: 15, hotKeys: 40, readers: 12 }),
        stage.flusher({ delayMs: 300 }),
      ]);
      // A load lasts long enough for a write to come, and what it stores then stays until that is flushed.
      stage.rig.postgresProxy.delay(40);
      await progress(stage, 800);
      stage.rig.postgresProxy.pass();
    },
    guiltyOf: ['stale-read'],
  },
  {
    name: 'only jobs flush, and one that runs swallows the next',
    edits: [
      {
        file: 'src/compose/behind.ts',
        from: 'async () => void (await flusher.flush()),',
        to: 'async () => void flusher,',
      },
      { file: 'src/cache/behind.ts', from: 'if (written.isSoft) wake(cache);', to: 'wake(cache);' },
      { file: 'src/queue/producer.ts', from: ', keepLastIfActive: true }', to: ' }' },
    ],
    trouble: async (stage) => {
      await Promise.all([stage.client(), stage.worker({ delayMs: 300 })]);
      await progress(stage, 300);
    },
    guiltyOf: ['stuck'],
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
      await Promise.all([
        stage.client({ callers: 24, restMs: 1, additions: 0.9 }),
        stage.flusher({ delayMs: 0 }),
      ]);
      // Between the look at the origin and the write there is time for others.
      stage.rig.postgresProxy.delay(30);
      await progress(stage, 2_000);
      stage.rig.postgresProxy.pass();
    },
    guiltyOf: ['miscounted'],
  },
];
