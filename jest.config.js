const shared = {
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/__tests__/support/typescript-transformer.js' },
  testPathIgnorePatterns: ['/node_modules/', '/__tests__/support/'],
};

export default {
  testTimeout: 30_000, // time in tests is made by hand: a machine that is busy may take long for it
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/__tests__/**/*.test.ts'],
      testPathIgnorePatterns: [
        ...shared.testPathIgnorePatterns,
        '/__tests__/browser/',
        '/__tests__/package/',
      ],
      testEnvironment: 'node',
    },
    {
      ...shared,
      displayName: 'browser',
      testMatch: ['<rootDir>/__tests__/browser/**/*.test.ts'],
      testEnvironment: 'node',
    },
    {
      ...shared,
      displayName: 'package',
      testMatch: ['<rootDir>/__tests__/package/**/*.test.ts'],
      testEnvironment: 'node',
    },
  ],
};
