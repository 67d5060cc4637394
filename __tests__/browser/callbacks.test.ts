import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ConsoleMessage, HTTPRequest } from 'puppeteer-core';
import { launchChromium, type Chromium } from '../support/chromium.ts';
import { inTabs, ready, tenantUrl, type AppTab } from './app-world.ts';

let chromium: Chromium;

beforeAll(async () => {
  chromium = await launchChromium({ thirdPartyCookies: 'allowed' });
}, 30_000);

afterAll(() => chromium.close());

/** Where the page is sent from now on, in order. */
function navigations(tab: AppTab): URL[] {
  const urls: URL[] = [];
  tab.page.on('request', (request) => {
    if (request.isNavigationRequest()) urls.push(new URL(request.url()));
  });
  return urls;
}

/**
 * An app that, once it was told to, logs in as soon as it is loaded, and whenever the user clicks, some seconds later: so long that
 * the browser no longer calls the user active.
 */
const circling = `
  const login = () => window.clients[0].loginWithRedirect().catch(({ error }) => console.log(error));
  document.onclick = login;
  const begin = () => ('clients' in window ? login() : setTimeout(begin, 20));
  if (sessionStorage.getItem('circling')) {
    Object.defineProperty(UserActivation.prototype, 'isActive', { get: () => false });
    begin();
  }`;

describe('in a browser', () => {
  it('P10: a page that sends itself to and fro is stopped, and leaves again when the user clicks', async () => {
    await inTabs(chromium, { count: 1, prelude: circling }, async (_, [tab]) => {
      const visited = navigations(tab);
      const logins = () =>
        visited.filter(({ origin, pathname }) => origin === tenantUrl && pathname === '/authorize');
      const told = () =>
        new Promise<string>((resolve) =>
          tab.page.once('console', (message: ConsoleMessage) => resolve(message.text())),
        );
      // Nothing is asked of the page meanwhile: to the browser, that would be the user's doing.
      const stopped = told();
      await tab.page.evaluate(() => {
        sessionStorage.setItem('circling', 'yes');
        location.reload();
      });
      await expect(stopped).resolves.toBe('redirect_loop');
      expect(logins()).toHaveLength(3);

      const stoppedAgain = told();
      await tab.page.mouse.click(100, 100);
      await expect(stoppedAgain).resolves.toBe('redirect_loop');
      expect(logins()).toHaveLength(3 + 1 + 3); // the click's own, and as many rounds as before
    });
  }, 30_000);

  it('P9: whoever comes back to the callback address is signed in, and its code is not sent again', async () => {
    await inTabs(chromium, { count: 1 }, async (world, [tab]) => {
      const visited = navigations(tab);
      await tab.page.evaluate('void clients[0].loginWithRedirect()');
      await tab.page.waitForNavigation();
      await ready(tab.page);
      const callback = visited.find(({ searchParams }) => searchParams.has('code'));
      const exchanged = world.journalOf('seacft').length;
      await tab.page.goto(String(callback));
      await ready(tab.page);
      await expect(tab.user()).resolves.toBe('user-0@example.com');
      expect(world.journalOf('seacft')).toHaveLength(exchanged);
      expect(world.journalOf('feacft')).toEqual([]);
    });
  }, 30_000);

  it('P23: whoever comes back from the tenant’s page by the back button can leave again at once', async () => {
    await inTabs(chromium, { count: 1 }, async (_, [tab]) => {
      await tab.logout();
      for (let round = 0; round < 2; round++) {
        const left = tab.page.waitForNavigation();
        await tab.page.evaluate('void clients[0].loginWithRedirect()');
        await left;
        expect(new URL(tab.page.url()).origin).toBe(tenantUrl);
        await tab.page.goBack();
        await ready(tab.page);
      }
      await expect(tab.user()).resolves.toBeUndefined();
    });
  }, 30_000);

  it('P3: a page that has left for the tenant sends no refresh token any more, and does again where it turns out to stay', async () => {
    await inTabs(chromium, { count: 1 }, async (world, [tab]) => {
      await world.advance(3_600_000);
      await tab.page.setRequestInterception(true);
      const leaving = new Promise<HTTPRequest>((resolve) =>
        tab.page.on('request', (request) =>
          request.isNavigationRequest() ? resolve(request) : void request.continue(),
        ),
      );
      await tab.page.evaluate(`
        void (window.refused = clients[0].loginWithRedirect()
          .then(() => clients[0].getTokenSilently())
          .catch(({ reason }) => reason));`);
      const request = await leaving;
      await request.respond({ status: 204 });
      await expect(tab.page.evaluate('refused')).resolves.toBe('leaving');
      await expect(tab.token()).resolves.toMatchObject({ reason: 'leaving', retryable: true });
      expect(world.refreshes('app')).toBe(0);
      await world.advance(10_000);
      await expect(tab.token()).resolves.toMatchObject({ token: expect.any(String) as unknown });
    });
  }, 30_000);
});
