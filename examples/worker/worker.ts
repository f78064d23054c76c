import { createSamovar } from 'samovar';
import config from './samovar.config.ts';

// What `samovar worker` does, in a process of your own.
const samovar = await createSamovar(config);
const working = await samovar.work();
console.log(`working ${working.jobs.join(', ')}`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await working.stop();
    await samovar.stop();
  });
}
