import { writeSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule, Vitest } from 'vitest/node';
import { leftFiles } from './temporary.ts';

/** Ends the output with the line `N passed, N failed`; a run that skips a test, or has none, fails. */
export default class LastLine implements Reporter {
  #vitest: Vitest | undefined;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    let passed = 0;
    let failed = errors.length;
    const skipped: string[] = [];
    for (const module of modules) {
      failed += module.errors().length;
      for (const suite of module.children.allSuites()) failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed += 1;
        else if (state === 'failed') failed += 1;
        else skipped.push(`${module.relativeModuleId} > ${test.fullName}`);
      }
    }
    // Choosing tests by name (-t) skips the others on purpose.
    if (this.#vitest?.config.testNamePattern === undefined && skipped.length > 0) {
      failed += skipped.length;
      for (const name of skipped) process.stderr.write(`skipped, which is not allowed: ${name}\n`);
    }
    if (passed + failed === 0) failed = 1;
    if (failed > 0) process.exitCode = 1;
    // After everything else the process still has to say and to clear up.
    process.prependOnceListener('exit', () => {
      const left = leftFiles();
      if (left.length > 0) {
        process.exitCode = 1;
        failed += 1;
        writeSync(2, `the tests leave in the temporary folder: ${left.join(', ')}\n`);
      }
      writeSync(1, `${passed} passed, ${failed} failed\n`);
    });
  }
}
