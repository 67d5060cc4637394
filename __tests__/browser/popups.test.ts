import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, present, type Engine, type Profile, type Tab } from './engines/engine.ts';
import { engines, launchEngine } from './engines/launch.ts';
import {
  audience,
  fillLoginForm,
  inTwoSites,
  openPopup,
  popupOutcome,
  throwAwayCertificate,
  user,
  type SiteOptions,
  type Story,
} from './two-sites.ts';

interface World extends Story {
  readonly tab: Tab;
}

let certificate: Awaited<ReturnType<typeof throwAwayCertificate>>;
beforeAll(async () => {
  certificate = await throwAwayCertificate();
});

/** Until the popup is no window any more. */
const untilClosed = (profile: Profile, popup: Tab) =>
  eventually(async () => !(await profile.windows()).includes(popup), 'the popup to close');

describe.each(engines)('a popup in %s', (name) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await launchEngine(name, 'blocked');
  }, 30_000);
  afterAll(() => engine?.close());

  const options = { cacheLocation: 'localstorage', useRefreshTokens: true } as const;
  const story = (outcome: string, tell: (world: World) => Promise<void>, siteOptions: SiteOptions = {}) =>
    it(
      outcome,
      () =>
        inTwoSites({ engine, certificate, options, ...siteOptions }, async (story) =>
          tell({ ...story, tab: await story.visit() }),
        ),
      60_000,
    );

  story(
    'signs in, closes, and brings a token for the audience that was asked for',
    async ({ profile, tab }) => {
      const popup = await openPopup(profile, tab, { authorizationParams: { audience } });
      await fillLoginForm(popup);
      const { token = '', email } = await popupOutcome(tab);
      expect(email).toBe(user.email);
      expect(JSON.parse(atob(token.split('.')[1] ?? ''))).toMatchObject({
        aud: expect.arrayContaining([audience]) as unknown,
      });
      await untilClosed(profile, popup);
    },
  );

  story(
    'that closes itself as soon as it has answered signs in',
    async ({ profile, tab }) => {
      const popup = await openPopup(profile, tab, {}, { closePopup: false });
      await fillLoginForm(popup);
      expect(await popupOutcome(tab)).toMatchObject({ email: user.email });
      await untilClosed(profile, popup);
    },
    { popupClosesItself: true },
  );

  story('that is blocked is an error at once', async ({ tab }) => {
    await tab.goto(`${await tab.url()}?unasked`); // by the page itself: what a driver calls counts as the user's doing
    expect(await popupOutcome(tab)).toMatchObject({ error: 'popup_open' });
  });

  story('that the user closes is an error within a second', async ({ profile, tab }) => {
    const popup = await openPopup(profile, tab);
    await present(popup, '#email');
    await new Promise((later) => setTimeout(later, 500)); // nobody is faster
    const closedAt = Date.now();
    await popup.close();
    const { error, told, at } = await popupOutcome(tab);
    expect(error).toBe('cancelled');
    expect(at - closedAt).toBeLessThan(1500); // with what the driver takes
    expect(told).not.toMatch(/code|state=/);
  });

  describe('whose tenant has a Cross-Origin-Opener-Policy', () => {
    story(
      'signs in through the app’s callback page, which closes itself',
      async ({ sites, profile, tab }) => {
        const popup = await openPopup(profile, tab, {}, { popupCallbackUrl: '/popup.html' });
        await fillLoginForm(popup);
        expect(await popupOutcome(tab)).toMatchObject({ email: user.email });
        await untilClosed(profile, popup);
        expect(sites.tenant.journal.map(({ type }) => type)).toContain('seacft');
      },
      { openerPolicy: 'same-origin' },
    );

    story(
      'and without a callback page fails in time, with an error that says so',
      async ({ profile, tab }) => {
        // In WebKit only the focus tells, which a display without a window manager leaves with the app for ever.
        if (name === 'webkit') await tab.evaluate(() => void (document.hasFocus = () => false));
        const popup = await openPopup(profile, tab);
        const { error, after } = await popupOutcome(tab);
        expect(error).toBe('popup_severed');
        expect(after).toBeLessThan(5000);
        await present(popup, '#email'); // it was not closed
      },
      { openerPolicy: 'same-origin' },
    );
  });
});
