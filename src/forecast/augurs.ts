import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { SamovarError } from '../errors.ts';
import type { Scorer } from './scorer.ts';
import { seasonal } from './seasonal.ts';

/** What is used of the package. */
interface Models {
  readonly MSTL: {
    ets(periods: number[]): {
      fit(series: Float64Array): void;
      predict(ahead: number): { point: number[] };
      free(): void;
    };
  };
}

const day = 24;
const week = 168;

/**
 * The seasonal expert over the models of `@bsull/augurs`: a decomposition by day, and by weekday once two weeks are known (MSTL), with
 * exponential smoothing of the rest. E_CONFIG where that package is not installed.
 */
export async function loadSeasonal(load: () => Promise<Models> = loadModel): Promise<Scorer> {
  const { MSTL } = await load().catch((error: unknown) => {
    throw new SamovarError(
      'E_CONFIG',
      '`forecast.seasonal` is on, and the package @bsull/augurs that it needs cannot be loaded',
      { cause: error, hints: ['npm install @bsull/augurs', 'or leave `forecast.seasonal` out'] },
    );
  });
  return seasonal((series, ahead) => {
    const fitted = MSTL.ets(series.length >= 2 * week ? [day, week] : [day]);
    try {
      fitted.fit(series);
      return fitted.predict(ahead).point;
    } finally {
      fitted.free();
    }
  });
}

async function loadModel(): Promise<Models> {
  const loaded = await import('@bsull/augurs/mstl');
  const wasm = createRequire(import.meta.url)
    .resolve('@bsull/augurs/mstl')
    .replace(/\.js$/, '_bg.wasm');
  loaded.initSync({ module: await readFile(wasm) });
  return loaded;
}
