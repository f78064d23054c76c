import { collect } from './collect.ts';
import { flush } from './flush.ts';
import { forecast } from './forecast.ts';
import { invalidate } from './invalidate.ts';
import { plan } from './plan.ts';
import { prune } from './prune.ts';
import { refresh } from './refresh.ts';
import { report } from './report.ts';
import { rise } from './rise.ts';
import { warm } from './warm.ts';

export { collect, flush, forecast, invalidate, plan, prune, refresh, report, rise, warm };

/** Every built-in job, in the order in which data meets them. */
export const builtinJobs = [
  collect,
  forecast,
  plan,
  rise,
  warm,
  refresh,
  flush,
  invalidate,
  report,
  prune,
] as const;
