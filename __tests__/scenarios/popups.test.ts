import { describe, expect, it } from '@jest/globals';
import type { Auth0ClientOptions, PopupConfigOptions } from '../../src/core/options.ts';
import { GenericError, PopupCancelledError, PopupTimeoutError, TimeoutError } from '../../src/errors.ts';
import { ada, app, audience, createWorld, grace, orders, type Popup, type Tab } from '../support/world.ts';

const popupCallbackUrl = '/popup.html';

/** Begins a login in a popup, which shows the tenant's page by now. */
async function begin(options: Partial<Auth0ClientOptions> = {}, config: PopupConfigOptions = {}) {
  const world = createWorld();
  const tab = world.openTab(options);
  const call = tab.client.loginWithPopup({}, config);
  call.catch(() => {}); // each test looks at it in its own time
  const [popup] = tab.popups as [Popup];
  await world.advance(0);
  return { world, tab, call, popup };
}

const email = async (tab: Tab) => (await tab.client.getUser())?.email;

describe('a login by popup', () => {
  it('opens its window before anything else happens, and sends it to the tenant when it knows where to', async () => {
    const world = createWorld();
    const tab = world.openTab();
    const call = tab.client.loginWithPopup();
    expect(tab.popups).toHaveLength(1); // nothing was waited for
    const [popup] = tab.popups as [Popup];
    await world.advance(0);
    expect(Object.fromEntries(popup.url().searchParams)).toMatchObject({
      response_mode: 'web_message',
      redirect_uri: app,
      scope: 'openid profile email read:things offline_access',
    });
    await popup.signIn();
    await call;
    expect(await email(tab)).toBe(ada);
    expect(popup.window.closed).toBe(true);
    expect(world.frames).toHaveLength(0);
  });

  it('R55: is as good as one by redirect: it can be refreshed, other tabs know of it, and a reload keeps it', async () => {
    const { world, tab, call, popup } = await begin();
    await popup.signIn();
    await call;
    await world.advance(2 * 3600 * 1000);
    await tab.client.getTokenSilently();
    expect(world.refreshes()).toHaveLength(1);
    expect(await email(world.openTab())).toBe(ada);
    expect(await email(tab.reload())).toBe(ada);
  });

  it('replaces the session of whoever was signed in', async () => {
    const { world, tab, call, popup } = await begin();
    await popup.signIn();
    await call;
    const again = tab.client.loginWithPopup({ authorizationParams: { prompt: 'login' } });
    await world.advance(0);
    await tab.popups[1]?.signIn(grace);
    await again;
    expect(await email(tab)).toBe(grace);
  });

  it('uses the window that the app has opened, and writes nothing into what it was given', async () => {
    const world = createWorld();
    const tab = world.openTab();
    const own = tab.env.popupHost().open?.('', '', '') as Window;
    const call = tab.client.loginWithPopup({}, Object.freeze({ popup: own, closePopup: false }));
    await world.advance(0);
    expect(tab.popups).toHaveLength(1);
    await tab.popups[0]?.signIn();
    await call;
    expect(own.closed).toBe(false);
    const config = Object.freeze({});
    const next = tab.client.loginWithPopup({}, config);
    await world.advance(0);
    await tab.popups[1]?.signIn();
    await next;
  });

  it.each([undefined, null])('opens its own window where the app passes %s for one', async (popup) => {
    const { tab, call, popup: opened } = await begin({}, { popup });
    await opened.signIn();
    await call;
    expect(await email(tab)).toBe(ada);
    expect(opened.window.closed).toBe(true);
  });

  it('that the browser blocks is a typed error at once', async () => {
    const world = createWorld();
    const host = world.openTab().env.popupHost();
    const tab = world.openTab({}, { popupHost: () => ({ ...host, open: () => null }) });
    await expect(tab.client.loginWithPopup()).rejects.toMatchObject({
      name: 'PopupOpenError',
      error: 'popup_open',
    });
  });

  it('outside of a page is a typed error', async () => {
    const { open: _, ...nowhere } = createWorld().openTab().env.popupHost();
    const tab = createWorld().openTab({}, { popupHost: () => nowhere });
    await expect(tab.client.loginWithPopup()).rejects.toMatchObject({ error: 'no_page' });
  });

  it('may be of an organization, and says who was refused', async () => {
    const world = createWorld();
    const tab = world.openTab();
    const call = tab.client.loginWithPopup({ authorizationParams: { organization: 'org_1' } });
    await world.advance(0);
    await tab.popups[0]?.signIn();
    await call;
    await expect(tab.client.getIdTokenClaims()).resolves.toMatchObject({ org_id: 'org_1' });
    const refused = tab.client.loginWithPopup({
      authorizationParams: { organization: 'org_2', prompt: 'login' },
    });
    refused.catch(() => {});
    await world.advance(0);
    await tab.popups[1]?.signIn(grace);
    await expect(refused).rejects.toMatchObject({ name: 'AuthenticationError', error: 'access_denied' });
    expect(tab.popups[1]?.window.closed).toBe(true);
    await expect(tab.client.getIdTokenClaims()).resolves.toMatchObject({ org_id: 'org_1' });
  });

  it.each<[string, (popup: Popup, message: object) => void]>([
    ['another origin', (popup, message) => popup.post(message, { origin: 'https://evil.example' })],
    ['another window', (popup, message) => popup.post(message, { source: {} as Window })],
    ['another login', (popup) => popup.post({ type: 'authorization_response', response: { state: 'x' } })],
    ['no login', (popup) => popup.post('hello')],
  ])('is deaf to a message of %s, and hears its own afterwards', async (_, disturb) => {
    const { tab, call, popup } = await begin();
    const state = popup.url().searchParams.get('state');
    disturb(popup, { type: 'authorization_response', response: { code: 'forged', state } });
    await popup.signIn();
    await call;
    expect(await email(tab)).toBe(ada);
  });

  it('hears a window that is gone already, as WebKit delivers it', async () => {
    const { tab, call, popup } = await begin();
    const state = popup.url().searchParams.get('state');
    const response = { error: 'access_denied', state };
    popup.post({ type: 'authorization_response', response }, { source: null });
    await expect(call).rejects.toMatchObject({ error: 'access_denied' });
    expect(await email(tab)).toBeUndefined();
  });

  it('whose code is refused tells the tenant’s words and holds no secret', async () => {
    const { world, call, popup } = await begin();
    world.faults.push({ kind: 'answer', status: 403, body: '{"error":"invalid_grant"}' });
    await popup.signIn();
    const error = (await call.catch((thrown: unknown) => thrown)) as GenericError;
    expect(error).toMatchObject({ error: 'invalid_grant' });
    const told = JSON.stringify([error.message, error.error_description, error.stack, String(error.cause)]);
    expect(world.secrets.size).toBeGreaterThan(1);
    for (const secret of world.secrets) expect(told).not.toContain(secret);
  });
});

describe('P19: a popup that the user closes', () => {
  it('is a typed error within a second', async () => {
    const { world, call, popup } = await begin();
    await world.advance(5000);
    popup.close();
    await world.advance(1000);
    const error: unknown = await call.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'PopupCancelledError', error: 'cancelled', message: 'Popup closed' });
    expect((error as PopupCancelledError).popup).toBe(popup.window);
  });

  it('before it shows anything is the same', async () => {
    const world = createWorld();
    const tab = world.openTab();
    const call = tab.client.loginWithPopup();
    tab.popups[0]?.close();
    await expect(call).rejects.toMatchObject({ error: 'cancelled' });
  });

  it('just after it has answered is a login', async () => {
    const { world, tab, call, popup } = await begin();
    await world.advance(5000);
    const arrive = await popup.answer();
    popup.close();
    await world.advance(200); // one look at a closed window
    arrive();
    await call;
    expect(await email(tab)).toBe(ada);
  });
});

describe('P19: a popup that a Cross-Origin-Opener-Policy cuts off', () => {
  it('is no cancelled one, but an error that says so', async () => {
    const { world, call, popup } = await begin();
    popup.sever();
    await world.advance(1000);
    await expect(call).rejects.toMatchObject({ error: 'popup_severed' });
  });

  it.each([
    ['a later page', {}],
    ['its first page, as Firefox and WebKit do it', { location: { href: 'about:blank', replace: () => {} } }],
  ])('by %s is found out by where the focus is', async (_, remains) => {
    const world = createWorld();
    const host = world.openTab().env.popupHost();
    const popups: Window[] = [];
    const open = () => {
      const window = Object.assign(host.open?.('', '', '') as Window, remains);
      popups.push(window);
      return window;
    };
    const elsewhere = { hasFocus: () => false };
    const tab = world.openTab({}, { popupHost: () => ({ ...host, open, document: elsewhere }) });
    const call = tab.client.loginWithPopup();
    call.catch(() => {});
    await world.advance(5000);
    popups[0]?.close();
    await world.advance(1000);
    await expect(call).rejects.toMatchObject({ error: 'popup_severed' });
  });

  it('answers through the app’s own callback page, and nothing is concluded from its looking closed', async () => {
    const { world, tab, call, popup } = await begin({ popupCallbackUrl });
    expect(Object.fromEntries(popup.url().searchParams)).toMatchObject({
      response_mode: 'query',
      redirect_uri: `${app}/popup.html`,
    });
    popup.sever();
    await world.advance(50_000);
    await popup.signIn();
    await call;
    expect(await email(tab)).toBe(ada);
  });

  it('may have its callback page named by the call; one of another origin is refused, and the window closed', async () => {
    const { popup } = await begin({}, { popupCallbackUrl });
    expect(popup.url().searchParams.get('redirect_uri')).toBe(`${app}/popup.html`);
    const refused = await begin({ popupCallbackUrl: 'https://evil.example/popup.html' });
    await expect(refused.call).rejects.toMatchObject({ error: 'invalid_configuration' });
    expect(refused.popup.window.closed).toBe(true);
  });
});

describe('P19: a popup that takes too long', () => {
  it('is a typed error after 60 s, or after what the client or the call says; the window stays open', async () => {
    for (const [options, config, limit] of [
      [{}, {}, 60_000],
      [{ authorizeTimeoutInSeconds: 20 }, {}, 20_000],
      [{ authorizeTimeoutInSeconds: 20 }, { timeoutInSeconds: 90 }, 90_000],
    ] as const) {
      const { world, call, popup } = await begin(options, config);
      let isOver = false;
      call.catch(() => (isOver = true));
      await world.advance(limit - 1000);
      expect(isOver).toBe(false);
      await world.advance(1000);
      const error = await call.catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(TimeoutError);
      expect(error).toMatchObject({ name: 'PopupTimeoutError', error: 'timeout', message: 'Timeout' });
      expect((error as PopupTimeoutError).popup).toBe(popup.window);
      expect(popup.window.closed).toBe(false);
    }
  });

  it('and is completed all the same is a login that is kept', async () => {
    const { world, tab, call, popup } = await begin();
    await world.advance(60_000);
    await expect(call).rejects.toMatchObject({ error: 'timeout' });
    await world.advance(30_000);
    await popup.signIn();
    await world.rest();
    expect(await email(tab)).toBe(ada);
    expect(popup.window.closed).toBe(true);
  });

  it('is not signed in any more after 10 minutes, and the window is closed', async () => {
    const { world, tab, popup } = await begin();
    await world.advance(60_000);
    const arrive = await popup.answer();
    await world.advance(600_000);
    expect(popup.window.closed).toBe(true);
    arrive();
    await world.rest();
    expect(await email(tab)).toBeUndefined();
  });

  it.each<[string, (tab: Tab) => Promise<unknown>, string | undefined]>([
    ['a logout', (tab) => tab.client.logout(), undefined],
    ['another login', (tab) => tab.login(grace), grace],
  ])('and is completed after %s beats it not', async (_, act, remains) => {
    const { world, tab, popup } = await begin();
    const arrive = await popup.answer();
    await world.advance(60_000);
    await act(tab);
    const sent = world.requests.length;
    arrive();
    await world.rest();
    expect(await email(tab)).toBe(remains);
    expect(world.requests).toHaveLength(sent);
  });
});

describe('a popup that is given up', () => {
  it.each<[string, (given: { tab: Tab; giveUp: AbortController }) => void, string]>([
    ['by its signal', ({ giveUp }) => giveUp.abort(), 'aborted'],
    ['by dispose()', ({ tab }) => tab.client.dispose(), 'disposed'],
  ])('%s ends the call at once, is closed, and signs nobody in any more', async (_, end, error) => {
    const world = createWorld();
    const tab = world.openTab();
    const giveUp = new AbortController();
    const call = tab.client.loginWithPopup({ signal: giveUp.signal });
    call.catch(() => {});
    await world.advance(1000);
    const [popup] = tab.popups as [Popup];
    const arrive = await popup.answer();
    end({ tab, giveUp });
    await expect(call).rejects.toMatchObject({ error });
    await world.rest();
    expect(popup.window.closed).toBe(true);
    arrive();
    await world.rest();
    expect(world.requests).toHaveLength(0);
  });

  it('before it began opens no window', async () => {
    const tab = createWorld().openTab();
    await expect(tab.client.loginWithPopup({ signal: AbortSignal.abort() })).rejects.toMatchObject({
      error: 'aborted',
    });
    expect(tab.popups).toHaveLength(0);
  });
});

describe('getTokenWithPopup', () => {
  it('gives the access token that this login brought, for the audience it names', async () => {
    const world = createWorld();
    const tab = world.openTab();
    await tab.login();
    const call = tab.client.getTokenWithPopup({ authorizationParams: { audience: orders } });
    await world.advance(0);
    await tab.popups[0]?.signIn();
    const token = await call;
    expect(JSON.parse(atob(token.split('.')[1] ?? ''))).toMatchObject({
      aud: expect.arrayContaining([orders]) as unknown,
    });
    const cached = { cacheMode: 'cache-only' } as const;
    expect(await tab.client.getTokenSilently({ ...cached, authorizationParams: { audience: orders } })).toBe(
      token,
    );
    expect(await tab.client.getTokenSilently({ ...cached, authorizationParams: { audience } })).not.toBe(
      token,
    );
  });

  it('needs no cache that works', async () => {
    const world = createWorld();
    const broken = { get: () => undefined, set: () => Promise.reject(new Error('full')), remove: () => {} };
    const tab = world.openTab({ cache: broken, useRefreshTokens: false });
    const call = tab.client.getTokenWithPopup();
    await world.advance(0);
    await tab.popups[0]?.signIn();
    await expect(call).resolves.toEqual(expect.any(String));
  });
});

describe.each(['popup', 'timeoutInSeconds', 'popupCallbackUrl'])('a %s that nobody can use', (name) => {
  it('is refused, and the window closed', async () => {
    const world = createWorld();
    const tab = world.openTab();
    const value = { popup: { close() {} }, timeoutInSeconds: -1, popupCallbackUrl: Symbol('x') }[name];
    await expect(tab.client.loginWithPopup({}, { [name]: value })).rejects.toMatchObject({
      error: 'invalid_configuration',
    });
    for (const { window } of tab.popups) expect(window.closed).toBe(true);
  });
});

describe('a popup that is no window', () => {
  it.each([
    ['a text', 'x'],
    ['an empty object', {}],
    ['true', true],
  ])('but %s is refused', async (_, popup) => {
    const tab = createWorld().openTab();
    await expect(tab.client.loginWithPopup({}, { popup: popup as never })).rejects.toMatchObject({
      error: 'invalid_configuration',
    });
  });
});
