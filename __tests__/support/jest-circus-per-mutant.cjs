/**
 * The test runner of `npm run mutation`: runs only the files that hold a test to be run, and stops at the first failure.
 *
 * Stryker names the tests that reach a mutant, but Jest loads every file to look for them, and goes on after a failure;
 * a call that never settles would make every later test wait for its timeout.
 */
const { readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { createEmptyTestResult } = require('@jest/test-result');
const { default: runFile } = require('jest-circus/runner');

let failedMutant;

module.exports = async (globalConfig, config, environment, runtime, testPath, ...rest) => {
  const namesFile = join(config.rootDir, 'test-names.json');
  const run = () => runFile(globalConfig, config, environment, runtime, testPath, ...rest);
  const mutant = process.env.__STRYKER_ACTIVE_MUTANT__;

  if (mutant === undefined) {
    const result = await run();
    const names = readNames(namesFile);
    names[testPath] = result.testResults.map(({ fullName }) => fullName);
    writeFileSync(namesFile, JSON.stringify(names));
    return result;
  }

  const wanted = new RegExp(globalConfig.testNamePattern ?? '', 'i');
  const names = readNames(namesFile)[testPath];
  if (mutant === failedMutant || !names.some((name) => wanted.test(name))) return skipped(testPath, names);

  const handle = environment.handleTestEvent?.bind(environment);
  environment.handleTestEvent = async (event, state) => {
    if (event.name === 'test_start' && mutant === failedMutant) event.test.mode = 'skip';
    if (event.name === 'test_done' && event.test.errors.length > 0) failedMutant = mutant;
    await handle?.(event, state);
  };
  return run();
};

function skipped(testPath, names) {
  const testResults = names.map((fullName) => ({ fullName, status: 'pending', failureMessages: [] }));
  const numPendingTests = names.length;
  return { ...createEmptyTestResult(), testFilePath: testPath, skipped: true, numPendingTests, testResults };
}

function readNames(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return {};
  }
}
