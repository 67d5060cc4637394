import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { serve, type TenantServer } from '../../src/tenant-node/index.ts';
import { eventually, type Engine } from './engines/engine.ts';
import { engines, launchEngine } from './engines/launch.ts';

const html = `<!doctype html><title>A page</title><button>Open</button><input value="former">
  <script>
    document.querySelector('button').onclick = () => (window.popup = open('/popup', 'popup', 'width=300,height=300'));
  </script>`;

let server: TenantServer;
beforeAll(async () => {
  const answer = () => Promise.resolve(new Response(html, { headers: { 'content-type': 'text/html' } }));
  server = await serve({ baseUrl: 'http://localhost', fetch: answer }, { port: 0 });
});
afterAll(() => server.close());

describe.each(engines)('a tab of %s', (name) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await launchEngine(name, 'allowed');
  }, 30_000);
  afterAll(() => engine?.close());

  it('opens a popup by a click, which is a window like any other and can be closed by the user', async () => {
    const profile = await engine.newProfile();
    const tab = await profile.newTab();
    await tab.goto(server.url);
    const others = (await profile.windows()).filter((window) => window !== tab); // Firefox's own first one
    const popups = async () =>
      (await profile.windows()).filter((window) => window !== tab && !others.includes(window));
    expect(await popups()).toEqual([]);

    await tab.click('button');
    await eventually(async () => (await popups()).length === 1, 'the popup');
    const [popup] = await popups();
    await eventually(async () => (await popup?.url()) === `${server.url}/popup`, "the popup's page");
    expect(await popup?.evaluate(() => document.title)).toBe('A page');
    await popup?.close();
    const isClosed = () => (globalThis as unknown as { popup: Window }).popup.closed;
    await eventually(() => tab.evaluate(isClosed), 'the opener to see that it is closed');
    expect(await popups()).toEqual([]);
    await profile.close();
  }, 60_000);

  it('fills a field in place of what was there, and tells what a page throws', async () => {
    const profile = await engine.newProfile();
    const tab = await profile.newTab();
    await tab.goto(server.url);
    await tab.fill('input', 'new one');
    expect(await tab.evaluate(() => document.querySelector('input')?.value)).toBe('new one');
    await expect(
      tab.evaluate(() => {
        throw new TypeError('of the page');
      }),
    ).rejects.toThrow('of the page');
    await profile.close();
  }, 60_000);

  it('has nothing of another profile', async () => {
    const [one, other] = [await engine.newProfile(), await engine.newProfile()];
    const first = await one.newTab();
    await first.goto(server.url);
    await first.evaluate(() => {
      localStorage.setItem('mark', 'set');
      document.cookie = 'mark=set';
    });
    const second = await other.newTab();
    await second.goto(server.url);
    expect(await second.evaluate(() => [localStorage.getItem('mark'), document.cookie])).toEqual([null, '']);
    const third = await one.newTab();
    await third.goto(server.url);
    expect(await third.evaluate(() => [localStorage.getItem('mark'), document.cookie])).toEqual([
      'set',
      'mark=set',
    ]);
    await Promise.all([one.close(), other.close()]);
  }, 60_000);
});
