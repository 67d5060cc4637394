/** `npm run mutation`: what of the parts that must not be wrong could be broken without a test noticing. */
import jestConfig from './jest.config.js';

const [{ displayName: _, ...unit }] = jestConfig.projects;

export default {
  mutate: ['src/core/*.ts', 'src/custody/*.ts', 'src/tenant/refresh-token-{family,settings}.ts'],
  testRunner: 'jest',
  testRunnerNodeArgs: ['--experimental-vm-modules', '--no-warnings'],
  jest: {
    config: {
      ...unit,
      testMatch: ['<rootDir>/__tests__/{core,custody,contracts,scenarios,tenant,compatibility}/**/*.test.ts'],
      testPathIgnorePatterns: [
        ...unit.testPathIgnorePatterns,
        '/(scenarios/(matrix|model)|tenant/histories)', // too long to be run for every mutant
        '/contracts/(indexeddb|local|locks|record-stores)', // in jsdom
      ],
      testEnvironment: '@stryker-mutator/jest-runner/jest-env/node',
      testRunner: '<rootDir>/__tests__/support/jest-circus-per-mutant.cjs',
      testTimeout: 2000, // waits for a clock that is moved by hand: what takes longer never comes
    },
  },
  coverageAnalysis: 'perTest',
  ignoreStatic: true,
  timeoutMS: 5000,
  concurrency: 2,
  reporters: ['clear-text', 'progress-append-only'],
  clearTextReporter: { allowColor: false, reportTests: false },
  allowConsoleColors: false,
  tempDirName: '.build/mutation',
};
