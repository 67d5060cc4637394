/** An app and a tenant of two sites, over HTTPS: only there does every engine keep a cookie with `SameSite=None; Secure`. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { getRequestListener } from '@hono/node-server';
import { generate } from 'selfsigned';
import { policyHeaders, strictPolicy, violationsPath } from '../../scripts/content-security-policy.mjs';
import type { Milliseconds } from '../../src/clock.ts';
import type {
  Auth0Client,
  Auth0ClientOptions,
  GenericError,
  PopupConfigOptions,
  PopupLoginOptions,
} from '../../src/index.ts';
import {
  createTenant,
  type ClientConfiguration,
  type OpenerPolicy,
  type Tenant,
} from '../../src/tenant/index.ts';
import { eventually, present, until, type Engine, type Profile, type Tab } from './engines/engine.ts';

export interface TwoSites {
  readonly tenant: Tenant;
  /** A tab in which nobody has signed in. @param path `/`, or the name of a build after it. */
  visit(profile: Profile, path?: string): Promise<Tab>;
  /** A tab that has signed in through the tenant's form, in a window of its own site. */
  signIn(profile: Profile, path?: string): Promise<Tab>;
  /** How often each `grant_type` arrived. */
  grants(): Readonly<Record<string, number>>;
  /** What went against the strict policy that the app is under, as the browser reports it. */
  violations(): readonly string[];
  close(): Promise<void>;
}

export type AppOptions = Pick<
  Auth0ClientOptions,
  | 'cacheLocation'
  | 'refreshAheadInSeconds'
  | 'useDpop'
  | 'useRefreshTokens'
  | 'useRefreshTokensFallback'
  | 'worker'
  | 'workerFallback'
  | 'workerUrl'
>;

/** Gives a file of a build of the SDK: `index.js`, and what that loads. */
export type Build = (file: string) => string;
export type Builds = Record<string, Build | undefined>;

export interface SiteOptions {
  /** Whether the tenant's pages cut a popup off from the page that opened it. */
  readonly openerPolicy?: OpenerPolicy;
  /** The tenant's page that has answered by `web_message` closes its window. */
  readonly popupClosesItself?: boolean;
  /** The app's pages may have workers out of blobs, which the strictest policy forbids. */
  readonly workersOutOfBlobs?: boolean;
  /** And anything may be made out of text: no Trusted Types, which auth0-spa-js knows nothing of. */
  readonly trustsText?: boolean;
  /** Applications of the tenant beside the app's own, with as much of its configuration as they do not have of another kind. */
  readonly otherClients?: readonly Partial<ClientConfiguration>[];
  /** At an application of this name, the tenant answers at the redirect URI, whatever response mode is asked for. */
  readonly answersByRedirect?: string;
  /** What the app's policy lets it speak to, and frame, beside the tenant's origin. */
  readonly otherOrigins?: string;
  /** What the page `/name` loads, by that name. Any other page has `latchkey`, the build of today. */
  readonly builds?: Readonly<Builds>;
}

/** What a call ends with: the user is signed in, or the code of the error, and its `reason` where it has one. */
export type Outcome = 'token' | (string & {});

/** What a call that all tabs make at one moment ends with. */
export interface Answer {
  readonly token?: string;
  readonly error?: string;
  readonly retryable?: boolean;
}

/** What became of a login by popup. */
export interface PopupOutcome {
  readonly token?: string;
  readonly email?: string;
  readonly error?: string;
  /** All that an app could show or send elsewhere of the error, and the page's address. */
  readonly told?: string;
  /** In milliseconds since the click. */
  readonly after: Milliseconds;
  /** Since 1970. */
  readonly at: Milliseconds;
}

/** What a page has as globals. */
interface AppPage {
  readonly client: Auth0Client;
  given?: readonly [options: PopupLoginOptions, config: PopupConfigOptions];
  readonly outcome?: PopupOutcome;
  /** What the call of `askAtOnce` came to. */
  answer?: Answer | undefined;
}

export const audience = 'https://api.example';
export const user = { email: 'ada@example.com', password: 'correct horse' };
const published = fileURLToPath(
  new URL('../../node_modules/@auth0/auth0-spa-js/dist/auth0-spa-js.production.esm.js', import.meta.url),
);

/** @param folder Relative to this file. */
export const buildIn =
  (folder: string): Build =>
  (file) =>
    readFileSync(fileURLToPath(new URL(`${folder}/${file}`, import.meta.url)), 'utf8');

export const buildOfToday = buildIn('../../dist');

/** auth0-spa-js, as published: one file. */
export const buildOfThePeer: Build = () => readFileSync(published, 'utf8');

/** Trusted by nobody, and by the browsers of these tests for their having been told. */
export const throwAwayCertificate = () =>
  generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    extensions: [
      {
        name: 'subjectAltName',
        altNames: ['app.localhost', 'tenant.localhost'].map((value) => ({ type: 2, value })),
      },
    ],
  });

export async function openTwoSites(
  certificate: Awaited<ReturnType<typeof throwAwayCertificate>>,
  options: AppOptions,
  {
    openerPolicy = 'unsafe-none',
    popupClosesItself = false,
    workersOutOfBlobs = false,
    trustsText = false,
    otherClients = [],
    answersByRedirect,
    otherOrigins = '',
    builds = {},
  }: SiteOptions = {},
): Promise<TwoSites> {
  const grants: Record<string, number> = {};
  const tenantSite = await listen(certificate, async (request) => {
    if (new URL(request.url).pathname === '/oauth/token') {
      const grant = new URLSearchParams(await request.clone().text()).get('grant_type') ?? 'none';
      grants[grant] = (grants[grant] ?? 0) + 1;
    }
    const { searchParams } = new URL(request.url);
    const redirects = answersByRedirect !== undefined && searchParams.get('client_id') === answersByRedirect;
    const response = await tenant.fetch(
      redirects ? new Request(request.url.replace('response_mode=web_message', ''), request) : request,
    );
    if (!popupClosesItself || !response.headers.get('content-type')?.startsWith('text/html')) return response;
    const html = await response.text();
    return new Response(html.replace('})(window);', '})(window); close();'), response);
  });
  const tenantUrl = `https://tenant.localhost:${tenantSite.port}`;

  const callbackOf = (build: string) => appUrl + (build === 'latchkey' ? '' : `/${build}`);
  const appOf = (build: string) => `
    import { Auth0Client } from '/${build}/index.js';
    const client = new Auth0Client({
      ...${JSON.stringify(options)},
      domain: '${tenantUrl}',
      clientId: 'app',
      authorizationParams: { redirect_uri: '${callbackOf(build)}' },
    });
    if (location.search.includes('code=')) {
      await client.handleRedirectCallback().catch((loginError) => Object.assign(window, { loginError }));
      history.replaceState(null, '', location.pathname);
    }
    const button = document.createElement('button');
    button.id = 'log-in';
    button.addEventListener('click', () => client.loginWithRedirect());
    const logInByPopup = async (options, config) => {
      const begun = performance.now();
      const settled = (what) => ({ ...what, after: performance.now() - begun, at: Date.now() });
      window.outcome = await client.getTokenWithPopup(options, config).then(
        async (token) => settled({ token, email: (await client.getUser()).email }),
        ({ error, message, stack }) => settled({ error, told: message + stack + location.href }),
      );
    };
    const popupButton = document.createElement('button');
    popupButton.id = 'log-in-by-popup';
    popupButton.addEventListener('click', () => logInByPopup(...window.given));
    document.body.append(button, popupButton);
    if (location.search === '?unasked') void logInByPopup();
    Object.assign(window, { client });`;
  const popupCallback = `
    import { answerPopup } from '/latchkey/popup-callback.js';
    await answerPopup({ clientId: 'app' });`;
  const strictest = strictPolicy(`${tenantUrl} ${otherOrigins}`);
  const strict = trustsText ? strictest.replace("; require-trusted-types-for 'script'", '') : strictest;
  const policy = workersOutOfBlobs ? strict.replace("worker-src 'self'", "worker-src 'self' blob:") : strict;
  const buildOf = (name: string): Build | undefined => (name === 'latchkey' ? buildOfToday : builds[name]);
  const scriptAt = (pathname: string): string | undefined => {
    if (pathname === '/popup.js') return popupCallback;
    if (pathname === '/auth0-spa-js.js') return buildOfThePeer('index.js');
    const [, name = '', file] = /^\/([^/]+?)(?:\.js|\/(.+))$/.exec(pathname) ?? [];
    return file === undefined ? buildOf(name) && appOf(name) : buildOf(name)?.(file);
  };
  const scriptOf = (page: string): string =>
    page === 'popup.html' ? 'popup' : buildOf(page) ? page : 'latchkey';
  const violations: string[] = [];
  const appSite = await listen(certificate, async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === violationsPath) {
      violations.push(await request.text());
      return new Response(null, { status: 204 });
    }
    const script = scriptAt(pathname);
    if (script !== undefined) return new Response(script, { headers: { 'content-type': 'text/javascript' } });
    return new Response(
      `<!doctype html><title>App</title><body><script type="module" src="/${scriptOf(pathname.slice(1))}.js"></script>`,
      {
        headers: { 'content-type': 'text/html', ...policyHeaders(policy) },
      },
    );
  });
  const appUrl = `https://app.localhost:${appSite.port}`;

  const client: ClientConfiguration = {
    client_id: 'app',
    callbacks: [...['latchkey', ...Object.keys(builds)].map(callbackOf), `${appUrl}/popup.html`],
    web_origins: [appUrl],
    allowed_logout_urls: [appUrl],
    refresh_token: { rotation_type: 'rotating', expiration_type: 'expiring', leeway: 0 },
  };
  const tenant = createTenant({
    baseUrl: tenantUrl,
    clients: [client, ...otherClients.map((other) => ({ ...client, ...other }))],
    resource_servers: [{ identifier: audience, allow_offline_access: true }],
    users: [user],
    quirks: { openerPolicy },
  });

  const visit = async (profile: Profile, path = '/'): Promise<Tab> => {
    const tab = await profile.newTab();
    await tab.goto(appUrl + path);
    await ready(tab);
    return tab;
  };

  return {
    tenant,
    grants: () => ({ ...grants }),
    violations: () => violations.filter((report) => !report.includes('/favicon.ico')), // WebKit asks for it by itself
    visit,
    signIn: async (profile, path) => {
      const tab = await visit(profile, path);
      await tab.click('#log-in');
      await fillLoginForm(tab);
      await ready(tab);
      return tab;
    },
    close: async () => {
      await Promise.all([tenantSite.close(), appSite.close()]);
    },
  };
}

/** The two sites, and a profile in which nobody has been there. */
export interface Story {
  readonly sites: TwoSites;
  readonly profile: Profile;
  /** See `TwoSites`. */
  visit(path?: string): Promise<Tab>;
  signIn(path?: string): Promise<Tab>;
  /** As many tabs in which nobody has signed in. */
  open(count: number, path?: string): Promise<Tab[]>;
}

interface Setting extends SiteOptions {
  readonly engine: Engine;
  readonly certificate: Awaited<ReturnType<typeof throwAwayCertificate>>;
  readonly options: AppOptions;
}

/** Tells a story in sites of its own. @throws {Error} where a page of it went against the app's policy. */
export async function inTwoSites(
  { engine, certificate, options, ...siteOptions }: Setting,
  tell: (story: Story) => Promise<void>,
): Promise<void> {
  const profile = await engine.newProfile();
  const sites = await openTwoSites(certificate, options, siteOptions);
  try {
    const visit = (path?: string) => sites.visit(profile, path);
    await tell({
      sites,
      profile,
      visit,
      signIn: (path) => sites.signIn(profile, path),
      open: (count, path) => Promise.all(Array.from({ length: count }, () => visit(path))),
    });
    const unexpected = sites.violations();
    if (unexpected.length > 0) throw new Error(`a page went against its policy: ${unexpected.join()}`);
  } finally {
    await profile.close();
    await sites.close();
  }
}

/** What the user does in the tenant's window. */
export async function fillLoginForm(tab: Tab): Promise<void> {
  await tab.fill('#email', user.email);
  await tab.fill('#password', user.password);
  await tab.click('button[type="submit"]');
}

/** A user's click on the app's button, which calls `getTokenWithPopup` with these; the window that opens. */
export async function openPopup(
  profile: Profile,
  tab: Tab,
  options: PopupLoginOptions = {},
  config: PopupConfigOptions = {},
): Promise<Tab> {
  await tab.evaluate((...given) => void Object.assign(globalThis, { given }), options, config);
  const before = await profile.windows();
  await tab.click('#log-in-by-popup');
  let popup: Tab | undefined;
  await eventually(async () => {
    popup = (await profile.windows()).find((window) => !before.includes(window));
    return popup;
  }, 'the popup');
  return popup as unknown as Tab; // waited for
}

export async function popupOutcome(tab: Tab): Promise<PopupOutcome> {
  await until(tab, () => (globalThis as unknown as AppPage).outcome !== undefined);
  return tab.evaluate(() => (globalThis as unknown as AppPage).outcome as PopupOutcome); // waited for
}

/** The client is there, and the login that the page may have returned from is complete. */
async function ready(tab: Tab): Promise<void> {
  await present(tab, '#log-in');
  await until(tab, () => 'client' in globalThis && location.search === '');
}

export async function reload(tab: Tab): Promise<void> {
  await tab.reload();
  await ready(tab);
}

/** Asks for a token: a new one with `off`. */
export const call = (tab: Tab, cacheMode: 'on' | 'off' | 'cache-only'): Promise<Outcome> =>
  tab.evaluate(async (cacheMode) => {
    try {
      const token = await (globalThis as unknown as AppPage).client.getTokenSilently({ cacheMode });
      return token ? 'token' : 'none';
    } catch (thrown) {
      const { error, reason } = thrown as { error?: string; reason?: string };
      return error === undefined ? String(thrown) : reason === undefined ? error : `${error} (${reason})`;
    }
  }, cacheMode);

/** Time goes on, at the tenant and in these tabs. */
export async function advance({ tenant }: TwoSites, tabs: readonly Tab[], span: Milliseconds): Promise<void> {
  tenant.clock.advance(span);
  for (const tab of tabs)
    await tab.evaluate((span) => {
      const [now, steady] = [Date.now.bind(Date), performance.now.bind(performance)];
      Date.now = () => now() + span;
      performance.now = () => steady() + span;
    }, span);
}

/** All tabs ask at one moment, which one of them tells the others: a driver speaks to one after another. */
export async function askAtOnce(tabs: readonly [Tab, ...Tab[]]): Promise<readonly Answer[]> {
  for (const tab of tabs)
    await tab.evaluate(() => {
      const page = globalThis as unknown as AppPage;
      page.answer = undefined;
      const channel = new BroadcastChannel('ask');
      channel.onmessage = async () => {
        channel.close();
        page.answer = await page.client.getTokenSilently().then(
          (token) => ({ token }),
          ({ error, retryable }: GenericError) => ({ error, retryable }),
        );
      };
    });
  await tabs[0].evaluate(() => new BroadcastChannel('ask').postMessage('now'));
  const answers: Answer[] = [];
  for (const tab of tabs) {
    await until(tab, () => (globalThis as unknown as AppPage).answer);
    answers.push(await tab.evaluate(() => (globalThis as unknown as AppPage).answer ?? {}));
  }
  return answers;
}

/** All records of the origin, as text. */
export const records = (tab: Tab): Promise<string> =>
  tab.evaluate(
    () =>
      new Promise<string>((resolve) => {
        const opening = indexedDB.open('latchkey');
        opening.onsuccess = () => {
          const reading = opening.result.transaction('records').objectStore('records').getAll();
          reading.onsuccess = () => {
            opening.result.close();
            resolve(JSON.stringify(reading.result));
          };
        };
      }),
  );

/** What the page itself has asked the token endpoint for: a worker's requests are in its own timeline. */
export const requestsOfThePage = (tab: Tab): Promise<string[]> =>
  tab.evaluate(() =>
    performance
      .getEntriesByType('resource')
      .map(({ name }) => name)
      .filter((url) => url.endsWith('/oauth/token')),
  );

export const isAuthenticated = (tab: Tab): Promise<boolean> =>
  tab.evaluate(() => (globalThis as unknown as AppPage).client.isAuthenticated());

/**
 * Logs out, until the page is back: Chromium at times never closes a profile whose tab is on its way, with a worker out of a
 * blob behind it.
 */
export async function logout(tab: Tab): Promise<void> {
  await tab.evaluate(() => {
    document.body.setAttribute('data-left', '');
    const { client } = globalThis as unknown as AppPage;
    void client.logout({ logoutParams: { returnTo: location.origin } }); // not waited for: it ends with the page
  });
  await present(tab, 'body:not([data-left]) > #log-in');
  await ready(tab);
}

async function listen(
  { private: key, cert }: Awaited<ReturnType<typeof throwAwayCertificate>>,
  answer: (request: Request) => Response | Promise<Response>,
): Promise<{ port: number; close(): Promise<void> }> {
  const listener = getRequestListener(answer, { overrideGlobalObjects: false });
  const server = createServer({ key, cert }, (incoming, outgoing) => void listener(incoming, outgoing));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo; // a TCP server's address is no text
  return {
    port,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}
