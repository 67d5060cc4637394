import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Engine } from './engines/engine.ts';
import { launchEngine } from './engines/launch.ts';
import { pageOf } from './engines/puppeteer-engine.ts';
import { inWorld, visit } from './playground-world.ts';

let chromium: Engine;

beforeAll(async () => {
  chromium = await launchEngine('chromium', 'allowed');
});
afterAll(async () => {
  await chromium?.close();
});

describe('code that is loaded on first use', () => {
  it('and cannot be had is a typed error to be tried again, and the page that comes next has it', async () => {
    await inWorld(chromium, 'chunks', async (world) => {
      const { playgroundUrl } = world;
      const page = pageOf(world.tab);
      const isBlocked = { now: true };
      let blocked = 0;
      await page.setRequestInterception(true);
      page.on('request', (request) => {
        const isIt = isBlocked.now && request.url().includes('fallback-record-store');
        blocked += Number(isIt);
        void (isIt ? request.abort('connectionreset') : request.continue());
      });
      await page.evaluateOnNewDocument(() => {
        Object.defineProperty(globalThis, 'indexedDB', { value: undefined });
      });
      /** What a call that needs the record ends with. */
      const errorOfCall = () =>
        page.evaluate(async (module) => {
          const { Auth0Client } = (await import(module)) as typeof import('../../src/index.ts');
          const client = new Auth0Client({
            domain: 'http://localhost:1',
            clientId: 'another',
            cacheLocation: 'localstorage',
            useRefreshTokens: true,
            useRefreshTokensFallback: false,
          });
          const error = await client.getTokenSilently().then(
            () => undefined,
            (thrown: unknown) => thrown as { error: string; retryable: boolean; cause: unknown },
          );
          return error && { error: error.error, retryable: error.retryable, cause: String(error.cause) };
        }, `${playgroundUrl}/latchkey/index.js`);

      await visit(world);
      await expect(errorOfCall()).resolves.toMatchObject({ error: 'feature_load_failed', retryable: true });
      expect(blocked).toBeGreaterThan(0);
      isBlocked.now = false;
      await visit(world);
      await expect(errorOfCall()).resolves.toMatchObject({ error: 'missing_refresh_token' });
    });
  }, 60_000);
});
