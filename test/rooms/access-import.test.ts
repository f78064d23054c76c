import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createImporter } from '../../src/access/import.ts';
import { createBuckets } from '../../src/access/postgres.ts';
import type { ConfigInput } from '../../src/config.ts';
import { defineCache, defineOrigin } from '../../src/define.ts';
import { dayMs, hourMs } from '../../src/duration.ts';
import { cacheFacts } from '../../src/facts/postgres.ts';
import { key } from '../../src/key.ts';
import { silentLog } from '../../src/log.ts';
import { readConfig } from '../../src/read-config.ts';
import { database, fakeClock, until } from '../support/index.ts';
import {
  bucketsOf,
  count,
  days,
  empty,
  hours,
  late,
  startBucket as now,
  retention,
  startAt,
} from './access-parts.ts';

const db = await database();
beforeEach(() => empty(db));

let folder = '';
let files = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'samovar-import-'));
});
afterAll(() => rm(folder, { recursive: true }));
const file = async (content: string | Buffer, name = `${++files}.log`) => {
  await writeFile(join(folder, name), content);
  return join(folder, name);
};

const origin = defineOrigin('db');
const options = { origin, load: async () => new Map(), ttl: '10m' } as const;
const caches = [
  defineCache('products', { ...options, key: key.number }),
  defineCache('pages', { ...options, key: key.string }),
];
const map = [
  { cache: 'products', path: '/products/:id' },
  { cache: 'pages', path: '/pages/:slug' },
];
const importerOf = (over: Partial<ConfigInput> = {}, mostEntries = 200_000) =>
  createImporter(db.pool, {
    mostEntries,
    config: readConfig({ caches, import: { map }, ...over }),
    clock: fakeClock(startAt),
    log: silentLog,
  });

const browser =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36';
const line = (path: string, hour = 0, { method = 'GET', status = 200, agent = browser } = {}) => {
  const at = new Date(startAt + hour * hourMs).toISOString();
  const [, year, , day, time] = /^(\d+)-(\d+)-(\d+)T([\d:]+)/.exec(at)!;
  const month = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'][
    new Date(at).getUTCMonth()
  ];
  return `203.0.113.9 - - [${day}/${month}/${year}:${time} +0000] "${method} ${path} HTTP/1.1" ${status} 17 "-" "${agent}"\n`;
};
const reads = line('/products/1', -1) + line('/products/1') + line('/pages/home?q=1') + line('/pages/home');
const total = async () =>
  Object.values(await hours(db)).reduce((sum, text) => sum + Number.parseInt(text, 10), 0);
const expected = { [`1@${now - 1}`]: '1/0', [`1@${now}`]: '1/0', [`home@${now}`]: '2/0' };

test('a log becomes counts of caches, keys and hours', async () => {
  const crawler = { agent: 'Mozilla/5.0 (compatible; Shopbot/1.0; +http://shop.example/bot)' };
  const summary = await importerOf()(
    await file(
      `${reads}garbage\n\n${line('/about')}${line('/products/2', 0, { status: 404 })}${line('/products/x')}` +
        `${line('/cart', 0, { method: 'POST' })}${line('/products/3', 0, crawler)}${line('/products/4')}`,
    ),
  );
  expect(summary).toEqual({
    format: 'log',
    lines: 11,
    knownLines: 0,
    alreadyImported: false,
    accesses: 5,
    notDemand: 1,
    keys: 3,
    admitted: 2,
    waiting: 1,
    bad: { lines: 1, reasons: { shape: 1 }, samples: [{ line: 5, reason: 'shape', text: 'garbage' }] },
    skipped: { unmapped: 1, failedRequest: 1, badKey: 1, notGet: 1 },
    unmapped: ['/about'],
    from: startAt - hourMs,
    to: startAt,
  });
  expect(await hours(db)).toEqual(expected);
  expect(
    await db.rows(
      'select caller, sum(accesses)::int as accesses from samovar.access_caller group by 1 order by 1',
    ),
  ).toEqual([
    { caller: 'bot', accesses: 1 },
    { caller: 'user', accesses: 5 },
  ]);
  // Nobody knows which of them were hits.
  expect((await cacheFacts(db.pool, startAt)).get('pages')).toMatchObject({ accesses: 2, measured: 0 });
});

test('the same content counts once: as another file, packed, in packed parts, again and again', async () => {
  const importer = importerOf();
  await importer(await file(reads));
  const half = reads.length / 2;
  const packed = [
    gzipSync(reads),
    Buffer.concat([gzipSync(reads.slice(0, half)), gzipSync(reads.slice(half))]),
  ];
  for (const content of [reads, ...packed, reads])
    expect(await importer(await file(content))).toMatchObject({
      alreadyImported: true,
      accesses: 0,
      knownLines: 4,
      lines: 4,
    });
  expect(await hours(db)).toEqual(expected);
  expect(await importer(await file(reads), { again: true })).toMatchObject({
    alreadyImported: false,
    accesses: 4,
  });
  expect(await hours(db)).toEqual({ [`1@${now - 1}`]: '2/0', [`1@${now}`]: '2/0', [`home@${now}`]: '4/0' });
});

const long = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => line(`/pages/p${(from + i) % 10}`, -1)).join('');

test.each([
  ['short', reads.length, reads + long(0, 100)],
  ['long', long(0, 1_000).length, long(0, 2_000)],
])(
  'of a %s file that has grown only what is new counts, however often it grows',
  async (_name, first, whole) => {
    // Few counts fit into memory: most are staged when it turns out that they are known.
    const importer = importerOf({}, 5);
    const middle = whole.indexOf('\n', (first + whole.length) / 2) - 30;
    const lengths = [first, first, middle, whole.length, whole.length];
    let told = 0;
    let bad = 0;
    for (const length of lengths) {
      const content = whole.slice(0, length);
      const summary = await importer(await file(length === first ? content : gzipSync(content)));
      told += summary.accesses;
      bad += summary.bad.lines;
    }
    // The line in the middle of which the file ended once may be lost, but neither its parts nor anything else counts twice.
    const all = whole.split('\n').length - 1;
    expect(told).toBe(await total());
    expect([all, all - 1]).toContain(told);
    expect(told + bad).toBe(all);
  },
);

test('a CSV that has grown is understood without a second header', async () => {
  const importer = importerOf();
  const at = startAt / 1_000;
  const start = `epoch_seconds,cache,key,size\n${`${at},pages,a,10\n`.repeat(60)}`;
  expect(await importer(await file(start))).toMatchObject({ format: 'csv', accesses: 60 });
  expect(await importer(await file(`${start}${at},pages,a,20\n${at},nowhere,b,\n`))).toMatchObject({
    accesses: 1,
    knownLines: 60,
    lines: 62,
    skipped: { unknownCache: 1 },
  });
  expect(await hours(db)).toEqual({ [`a@${now}`]: '61/0' });
  expect(await db.rows('select size_bytes from samovar.cache_key')).toEqual([{ size_bytes: 20 }]);
});

/** Sessions that wait for a lock. */
const waiting = async () =>
  (
    await db.rows(
      `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    )
  ).length;

test('a file that begins like a known one and goes on otherwise is new as a whole', async () => {
  const importer = importerOf();
  await importer(await file(long(0, 100) + line('/pages/a').repeat(3)));
  expect(await importer(await file(long(0, 100) + line('/pages/b').repeat(4)))).toMatchObject({
    accesses: 104,
    knownLines: 0,
  });
});

test('one import of a file at a time: another one, even of what it has grown to, is told so and counts nothing', async () => {
  const importer = importerOf();
  const [path, grown] = [await file(long(0, 300)), await file(long(0, 500))];
  const blocker = await db.pool.connect();
  let first: Promise<unknown>;
  try {
    await blocker.query(`select pg_advisory_lock(hashtextextended('samovar.access', 0))`);
    first = importer(path);
    await until(async () => (await waiting()) > 0, 'the first import waits to merge');
    for (const other of [path, grown])
      await expect(importer(other)).rejects.toMatchObject({ code: 'E_ALREADY_RUNNING' });
  } finally {
    await blocker.query('select pg_advisory_unlock_all()');
    blocker.release();
  }
  await first;
  expect(await total()).toBe(300);
  expect(await importer(grown)).toMatchObject({ accesses: 200, knownLines: 300 });
});

test('imports and collectors at the same time lose and double nothing', async () => {
  const { buckets, batch } = bucketsOf(db);
  const importer = importerOf();
  const imports = [0, 1, 2].map(async (i) => importer(await file(line(`/pages/x${i}`) + long(0, 200))));
  for (let i = 0; i < 10; i++)
    await buckets.add(
      batch([], { counts: [{ cache: 'pages', key: 'p1', bucket: now - 1, accesses: 2, misses: 0 }] }),
    );
  await Promise.all(imports);
  expect((await hours(db))[`p1@${now - 1}`]).toBe('80/0');
});

test('a key read once in all the file waits at the door, and the first live read lets it in', async () => {
  const { buckets, batch } = bucketsOf(db);
  const once = Array.from({ length: 3_000 }, (_, i) => line(`/pages/once-${i}`, -2)).join('');
  expect(await importerOf()(await file(once + line('/pages/twice').repeat(2)))).toMatchObject({
    keys: 3_001,
    admitted: 1,
    waiting: 3_000,
  });
  expect((await db.rows('select key from samovar.cache_key')).map((row) => row['key'])).toEqual(['twice']);
  await buckets.add(
    batch([], { counts: [{ cache: 'pages', key: 'once-7', bucket: now, accesses: 1, misses: 1 }] }),
  );
  expect(await hours(db)).toEqual({
    [`once-7@${now - 2}`]: '1/0',
    [`once-7@${now}`]: '1/1',
    [`twice@${now}`]: '2/0',
  });
});

test('a year of history: recent hours as hours, the last weeks as days, all of it for the fold, each once', async () => {
  await db.rows('update samovar.fold set upto = $1', [now - 2]);
  const ages = [0, 1, 24, 100, 24 * 30, 24 * 100, 24 * 365];
  await importerOf()(await file(ages.map((age) => line('/pages/a', -age).repeat(2)).join('')));
  const at = (age: number) => `a@${now - age}`;
  expect(await hours(db)).toEqual({ [at(24)]: '2/0', [at(1)]: '2/0', [at(0)]: '2/0' });
  expect(await late(db)).toEqual({
    [at(24 * 365)]: 2,
    [at(24 * 100)]: 2,
    [at(24 * 30)]: 2,
    [at(100)]: 2,
    [at(24)]: 2,
  });
  expect(await days(db)).toEqual({ [at(24 * 30)]: 2, [at(100)]: 2 });
});

test('lines from the future and from before 2000 are bad', async () => {
  const old = '{"time":"1999-12-31T23:59:59Z","cache":"pages","key":"a"}\n';
  const ahead = `{"time":${startAt + 2 * hourMs},"cache":"pages","key":"a"}\n`;
  const good = `{"time":${startAt + 1_000},"cache":"pages","key":"a"}\n`;
  expect(await importerOf()(await file(old + ahead + good.repeat(2)))).toMatchObject({
    format: 'ndjson',
    accesses: 2,
    bad: { lines: 2, reasons: { tooOld: 1, future: 1 } },
  });
});

test('bad lines are shown by sample, short and without queries; below the limit they stop nothing', async () => {
  const token = `GET /login?token=secret&next=${'x'.repeat(500)} bad line\n`;
  const summary = await importerOf()(await file(long(0, 950) + token.repeat(50)));
  expect(summary).toMatchObject({ accesses: 950, bad: { lines: 50 } });
  expect(summary.bad.samples).toHaveLength(5);
  expect(summary.bad.samples[0]).toEqual({ line: 951, reason: 'shape', text: 'GET /login?… bad line' });
  expect(JSON.stringify(summary)).not.toContain('secret');
});

test('above the limit, or when no line can be read, nothing is imported and the error shows what was expected', async () => {
  const importer = importerOf();
  const many = await file(long(0, 880) + 'garbage\n'.repeat(120));
  await expect(importer(many)).rejects.toMatchObject({
    code: 'E_IMPORT',
    message: expect.stringMatching(
      /^120 of 1000 lines of \d+\.log cannot be read \(at most 10 % may be\): not of this format; nothing was imported$/,
    ),
    hints: expect.arrayContaining([
      'line 881, not of this format: garbage',
      expect.stringContaining('expected as log: '),
    ]),
  });
  const none = await file(line('/pages/a', 5) + line('/pages/b', 6));
  await expect(importer(none)).rejects.toMatchObject({
    code: 'E_IMPORT',
    message: expect.stringContaining('2 of 2 lines of'),
    hints: expect.arrayContaining(['times that name no zone are taken for UTC']),
  });
  expect(await count(db, 'access_import')).toBe(0);
  expect(await hours(db)).toEqual({});
  expect(await importer(many, { maxBad: 0.2 })).toMatchObject({ accesses: 880, bad: { lines: 120 } });
});

test('what is no history is refused with a way out', async () => {
  const importer = importerOf();
  const refusal = async (path: string) =>
    importer(path).then(String, (error) => `${error.code} ${error.message} ${error.hints}`);
  expect(await refusal(join(folder, 'absent.log'))).toMatch(
    /^E_IMPORT cannot read .*absent\.log: it is not there/,
  );
  expect(await refusal(folder)).toMatch(/^E_IMPORT cannot read .*: it is a folder/);
  expect(await refusal(await file(Buffer.from('28b52ffd00', 'hex'), 'a.zst'))).toMatch(
    /E_IMPORT .*zstdcat a\.zst \| samovar import -/,
  );
  expect(await refusal(await file(gzipSync(reads).subarray(0, 60), 'cut.gz'))).toMatch(
    /^E_IMPORT cut\.gz ends early or is damaged/,
  );
  expect(await refusal(await file('hello\nworld\n', 'notes.txt'))).toMatch(
    /^E_IMPORT notes\.txt is in none of the formats/,
  );
  expect(await importer(await file(''))).toMatchObject({
    format: undefined,
    lines: 0,
    accesses: 0,
    alreadyImported: false,
  });
  expect(await count(db, 'access_import')).toBe(0);
});

test('an import that maps nothing may be tried again with a better map', async () => {
  const path = await file(line('/shop/1').repeat(3));
  expect(await importerOf()(path)).toMatchObject({
    accesses: 0,
    skipped: { unmapped: 3 },
    unmapped: ['/shop/1'],
  });
  const better = importerOf({ import: { map: [{ cache: 'products', path: '/shop/:id' }] } });
  expect(await better(path)).toMatchObject({ accesses: 3, alreadyImported: false });
});

test("a map of the application's own that throws says so", async () => {
  const failing = importerOf({
    import: {
      map: () => {
        throw new Error('no such shop');
      },
    },
  });
  await expect(failing(await file(reads))).rejects.toMatchObject({
    code: 'E_CONFIG',
    message: '`import.map` failed for a line of history: no such shop',
  });
});

test('an import that is aborted counts nothing and can be made again', async () => {
  const importer = importerOf();
  const path = await file(long(0, 20_000));
  const controller = new AbortController();
  const stopped = importer(path, {
    signal: controller.signal,
    onProgress: () => controller.abort(new Error('stopped by the operator')),
  });
  await expect(stopped).rejects.toThrow('stopped by the operator');
  expect(await hours(db)).toEqual({});
  await until(async () => (await importer(path)).accesses === 20_000, 'the file can be imported');
});

test('an import that is aborted when all has been read counts nothing either', async () => {
  const controller = new AbortController();
  const stopped = importerOf()(await file(reads), {
    signal: controller.signal,
    onProgress: ({ doing }) => {
      if (doing === 'merging') controller.abort(new Error('stopped by the operator'));
    },
  });
  await expect(stopped).rejects.toThrow('stopped by the operator');
  expect(await count(db, 'access_import')).toBe(0);
  expect(await hours(db)).toEqual({});
});

test('callers that history names are kept, few of them, whatever they are called', async () => {
  const names = [
    'job',
    'user',
    'a\0b',
    'x'.repeat(300),
    ...Array.from({ length: 60 }, (_, i) => `visitor ${i}`),
  ];
  const lines = names.map((caller) =>
    `${JSON.stringify({ at: startAt, cache: 'pages', key: 'a', caller })}\n`.repeat(2),
  );
  expect(await importerOf()(await file(lines.join('')))).toMatchObject({ accesses: 2, notDemand: 126 });
  const rows = await db.rows<{ caller: string; accesses: number }>(
    'select caller, accesses::int from samovar.access_caller',
  );
  expect(rows.length).toBeLessThan(40);
  expect(rows.reduce((sum, { accesses }) => sum + accesses, 0)).toBe(128);
  expect(rows).toContainEqual({ caller: 'x'.repeat(64), accesses: 2 });
});

test('strange keys arrive as they are', async () => {
  const keys = [
    'a\tb\nc\rd\\e',
    '\\N',
    '{a}',
    'ключ 🔑',
    ' ',
    "'; drop table samovar.cache; --",
    'x'.repeat(8_192),
  ];
  const lines = keys.map((text) =>
    `${JSON.stringify({ at: startAt, cache: 'pages', key: text })}\n`.repeat(2),
  );
  expect(await importerOf()(await file(lines.join('')))).toMatchObject({ accesses: 14, skipped: {} });
  expect(await hours(db)).toEqual(Object.fromEntries(keys.map((text) => [`${text}@${now}`, '2/0'])));
});

test('an import whose connection dies counts nothing and can be made again', async () => {
  const importer = importerOf();
  const path = await file(long(0, 5_000));
  const blocker = await db.pool.connect();
  try {
    await blocker.query(`select pg_advisory_lock(hashtextextended('samovar.access', 0))`);
    const killed = importer(path).then(
      () => 'imported',
      () => 'died',
    );
    await until(
      async () =>
        (
          await db.rows(
            `select pg_terminate_backend(pid) from pg_stat_activity
              where datname = current_database() and wait_event_type = 'Lock'`,
          )
        ).length > 0,
      'the import waits to merge',
    );
    expect(await killed).toBe('died');
  } finally {
    await blocker.query('select pg_advisory_unlock_all()');
    blocker.release();
  }
  expect(await hours(db)).toEqual({});
  expect(await importer(path)).toMatchObject({ accesses: 5_000 });
});

test('progress is told in bytes of the file as it is stored', async () => {
  const content = gzipSync(long(0, 5_000));
  const told: string[] = [];
  let last = { bytes: 0, totalBytes: 0 as number | undefined, lines: 0 };
  await importerOf()(await file(content), {
    onProgress: ({ doing, ...rest }) => {
      told.push(doing);
      last = rest;
    },
  });
  expect(last).toEqual({ bytes: content.length, totalBytes: content.length, lines: 5_000 });
  expect([...new Set(told)]).toEqual(['reading', 'merging']);
});

test('200,000 long lines are read in little memory', async () => {
  const path = join(folder, 'large.csv.gz');
  const rest = `,${'x'.repeat(1_000)}\n`;
  const blocks = function* () {
    yield 'epoch_seconds,cache,key,note\n';
    for (let first = 0; first < 200_000; first += 500) {
      const block = Array.from(
        { length: 500 },
        (_, i) => `pages,a key of some length ${Math.floor((first + i) / 10)}`,
      );
      yield block.map((text) => `${startAt / 1_000},${text}${rest}`).join('');
    }
  };
  await pipeline(Readable.from(blocks()), createGzip({ level: 1 }), createWriteStream(path));
  const before = process.memoryUsage().rss;
  let most = 0;
  const summary = await importerOf()(path, {
    onProgress: () => {
      most = Math.max(most, process.memoryUsage.rss());
    },
  });
  expect(summary).toMatchObject({ accesses: 200_000, keys: 20_000 });
  // The file is 200 MB: kept as a whole, or by parts of its lines, it would show.
  expect((most - before) / 1e6).toBeLessThan(150);
});

test('the hours that an import wrote are rolled up and dropped like any others', async () => {
  const clock = fakeClock(startAt);
  await importerOf()(await file(line('/pages/a', -30).repeat(3)));
  await db.rows('update samovar.fold set upto = $1', [now]);
  await createBuckets(db.pool, { clock, retention }).prune(startAt + 3 * dayMs);
  expect(await hours(db)).toEqual({});
  expect(await days(db)).toEqual({ [`a@${now - 30}`]: 3 });
});
