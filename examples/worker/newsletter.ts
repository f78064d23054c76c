// An application that only enqueues: npx tsx newsletter.ts article-1 article-2
import { createClient } from 'samovar/client';
import { announce } from './announce.ts';
import config from './samovar.config.ts';

const samovar = await createClient(config);
const job = await samovar.enqueue(announce, { slugs: process.argv.slice(2) });
console.log(`enqueued as ${job}`);
await samovar.stop();
