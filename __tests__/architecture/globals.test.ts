import { describe, expect, it } from '@jest/globals';
import { globalUses, languageGlobals, type GlobalUse } from './globals.ts';
import { roomOf, sourceFiles } from './source-files.ts';

/** Parts of the web platform that compute and hold nothing, in every browser, worker and server. */
const pureWebGlobals = new Set(
  (
    'URL URLSearchParams TextEncoder TextDecoder AbortController AbortSignal DOMException Event EventTarget ' +
    'Headers Request Response FormData Blob atob btoa structuredClone'
  ).split(' '),
);

/** The tenant runs on any server; it has no page, starts no timer, and takes its time from one clock. */
const notForTheTenant = new Set(
  (
    'window document self localStorage sessionStorage navigator location history indexedDB ' +
    'setTimeout setInterval process Date.now Math.random'
  ).split(' '),
);
const tenantClock = 'tenant/tenant-clock.ts';

const isServerSide = ({ path }: { path: string }) =>
  ['tenant', 'tenant-node', 'tenant-jest'].includes(roomOf(path));
const isBrowserSide = ({ path }: { path: string }) => roomOf(path) === 'browser';

const sdkViolations = (uses: readonly GlobalUse[]) =>
  uses.filter(({ name }) => !languageGlobals.has(name) && !pureWebGlobals.has(name));
const tenantViolations = (uses: readonly GlobalUse[]) =>
  uses.filter(
    ({ name, path }) =>
      notForTheTenant.has(name) && !(['Date.now', 'setTimeout'].includes(name) && path === tenantClock),
  );

describe('browser globals', () => {
  it('are named in src/browser only', () => {
    const files = sourceFiles().filter((file) => !isServerSide(file) && !isBrowserSide(file));
    expect(sdkViolations(globalUses(files))).toEqual([]);
  });

  it('are not named by the tenant', () => {
    expect(tenantViolations(globalUses(sourceFiles().filter(isServerSide)))).toEqual([]);
  });
});

describe('the checker of globals', () => {
  const namesIn = (text: string, path = 'core/plan.ts') =>
    sdkViolations(globalUses([{ path, text: `export {};\n${text}` }])).map(({ name }) => name);

  it.each([
    ['a call', 'fetch("/x");', 'fetch'],
    ['a member', 'localStorage.getItem("x");', 'localStorage'],
    ['a detour over globalThis', 'globalThis.fetch("/x");', 'globalThis'],
    ['a look at whether it is there', 'const isBrowser = typeof window !== "undefined";', 'window'],
    ['a default value', 'const f = (now = performance.now()) => now;', 'performance'],
    ['a shorthand property', 'const world = { setTimeout };', 'setTimeout'],
    ['a re-export', 'export { crypto };', 'crypto'],
    ['a constructor', 'new BroadcastChannel("x");', 'BroadcastChannel'],
    ['a parent class', 'class A extends Worker {}', 'Worker'],
    ['an ambient declaration', 'declare const self: { name: string }; self.name;', 'self'],
    ['a log line', 'console.log(1);', 'console'],
    ['the clock', 'const now = Date.now();', 'Date.now'],
    ['the clock as a function', 'const clock = { now: Date.now };', 'Date.now'],
    ['the clock as a date', 'const now = new Date();', 'Date.now'],
    ['the clock as a text', 'const now = Date();', 'Date.now'],
    ['dice', 'Math.random();', 'Math.random'],
    ['a hidden timer', 'AbortSignal.timeout(5);', 'AbortSignal.timeout'],
  ])('finds %s', (_, text, name) => {
    expect(namesIn(text)).toEqual([name]);
  });

  it.each([
    ['a parameter', 'const f = (fetch: () => void) => fetch();'],
    ['a destructured parameter', 'const f = ({ crypto, document: d }: any) => [crypto, d];'],
    ['a local name', 'function f() { const location = "x"; return location; }'],
    ['an import', 'import { setTimeout } from "./timers.ts"; setTimeout();'],
    ['a re-export of an import', 'export { fetch as default, crypto } from "./world.ts";'],
    ['a property', 'const f = (env: any) => env.window.navigator;'],
    ['a key', 'const record = { history: 1, performance() {} };'],
    ['a type', 'let w: Window & typeof globalThis; type F = typeof fetch; interface A { self: Worker }'],
    ['a date from a number', 'const epoch = new Date(0).toISOString();'],
    [
      'the language',
      'new Map([[JSON.stringify(1), Math.max(1, Date.UTC(2020))]]); Promise.resolve(undefined);',
    ],
    ['pure web values', 'new URL(btoa("x")); new AbortController(); new TextEncoder();'],
  ])('lets %s pass', (_, text) => {
    expect(namesIn(text)).toEqual([]);
  });

  it('says where', () => {
    expect(globalUses([{ path: 'core/plan.ts', text: '\n\nexport const f = () => fetch("/x");' }])).toEqual([
      { name: 'fetch', path: 'core/plan.ts', line: 3 },
    ]);
  });

  it('lets the tenant read the clock, and wait, in one file', () => {
    const text = 'export const now = () => Date.now(), later = setTimeout;';
    expect(tenantViolations(globalUses([{ path: tenantClock, text }]))).toEqual([]);
    expect(tenantViolations(globalUses([{ path: 'tenant/state.ts', text }]))).toHaveLength(2);
  });
});
