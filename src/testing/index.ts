/**
 * `latchkey/testing`: a client that is no client, for the unit tests of apps. It has no network, no storage and no time.
 * @module latchkey/testing
 */
export { createFakeAuth0Client, fakeIdToken, fakeUser } from './fake-client.ts';
export type { FakeAuth0Client, FakeCall, FakeClientOptions } from './fake-client.ts';
