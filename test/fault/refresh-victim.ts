/** A worker process that kills itself at a point of its first round of refreshing that has something to do. */
import { openWorker, type Point, type Urls } from './refresh-fleet.ts';

const [urls, fatal] = [JSON.parse(process.argv[2]!) as Urls, process.argv[3] as Point];
const worker = await openWorker(urls, (point) => {
  if (point === fatal) process.kill(process.pid, 'SIGKILL');
});
await worker.run();
process.exit(1);
