/**
 * The vendor's wrappers, unmodified, on latchkey in the place of auth0-spa-js: the packed package is installed under that name.
 */
import { once } from 'node:events';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Page } from 'puppeteer-core';
import { root } from '../architecture/source-files.ts';
import { launchChromium, type Chromium } from '../support/chromium.ts';
import { installApp, type InstalledApp } from './installed-app.ts';
import { onPageOf, playgroundUser } from './pages.ts';

jest.setTimeout(120_000);

let app: InstalledApp;
let chromium: Chromium;

const tools = [
  'react',
  'react-dom',
  'scheduler',
  'vue',
  '@vue',
  'vue-router',
  '@angular',
  'rxjs',
  'tslib',
  'esbuild',
];

beforeAll(async () => {
  [app, chromium] = await Promise.all([
    installApp('@auth0/auth0-spa-js'),
    launchChromium({ thirdPartyCookies: 'allowed' }),
  ]);
  app.link(...tools);
  for (const name of ['auth0-react', 'auth0-vue', 'auth0-angular'])
    cpSync(join(root, 'node_modules/@auth0', name), join(app.directory, 'node_modules/@auth0', name), {
      recursive: true,
    });
});
afterAll(async () => {
  await chromium?.close();
  app?.remove();
});

/** What each app is configured with: the README's tenant. */
const options = `{
  domain: 'http://localhost:4400', clientId: 'spa', useRefreshTokens: true, cacheLocation: 'localstorage',
  authorizationParams: { redirect_uri: location.origin, audience: 'https://api.example' },
}`;

const reactApp = `
    import { StrictMode, createElement as element, useState } from 'react';
    import { createRoot } from 'react-dom/client';
    import { Auth0Provider, useAuth0 } from '@auth0/auth0-react';

    function App() {
      const { isLoading, user, error, loginWithRedirect, logout, getAccessTokenSilently } = useAuth0();
      const [token, setToken] = useState('');
      return element('main', null,
        element('p', { id: 'who' }, error ? error.message : isLoading ? 'loading' : (user?.name ?? 'nobody')),
        element('p', { id: 'token' }, token),
        element('button', { id: 'in', onClick: () => loginWithRedirect() }),
        element('button', { id: 'renew', onClick: () => getAccessTokenSilently({ cacheMode: 'off' }).then(setToken) }),
        element('button', { id: 'out', onClick: () => logout({ logoutParams: { returnTo: location.origin } }) }));
    }
    const show = (provider) =>
      createRoot(document.body.appendChild(document.createElement('div'))).render(element(StrictMode, null, provider));`;

/**
 * auth0-react and auth0-vue carry auth0-spa-js inside what they publish for bundlers, where no alias reaches it; the sources that
 * they publish beside it import it by name.
 */
const apps = {
  'auth0-react, its sources, in StrictMode': `${reactApp}
    show(element(Auth0Provider, ${options}, element(App)));`,
  'auth0-react as published, given a client of latchkey': `${reactApp}
    import { Auth0Client } from '@auth0/auth0-spa-js';
    show(element(Auth0Provider, { client: new Auth0Client(${options}) }, element(App)));`,
  'auth0-vue, its sources': `
    import { createApp, h, ref } from 'vue';
    import { createAuth0, useAuth0 } from '@auth0/auth0-vue';

    const App = {
      setup() {
        const auth0 = useAuth0();
        const token = ref('');
        const renew = async () => (token.value = await auth0.getAccessTokenSilently({ cacheMode: 'off' }));
        return () => [
          h('p', { id: 'who' }, auth0.error.value?.message ?? (auth0.isLoading.value ? 'loading' : (auth0.user.value?.name ?? 'nobody'))),
          h('p', { id: 'token' }, token.value),
          h('button', { id: 'in', onClick: () => auth0.loginWithRedirect() }),
          h('button', { id: 'renew', onClick: renew }),
          h('button', { id: 'out', onClick: () => auth0.logout({ logoutParams: { returnTo: location.origin } }) }),
        ];
      },
    };
    createApp(App).use(createAuth0(${options})).mount(document.body.appendChild(document.createElement('div')));`,
  'auth0-angular': `
    import '@angular/compiler';
    import { Component, inject, provideZonelessChangeDetection, signal } from '@angular/core';
    import { bootstrapApplication } from '@angular/platform-browser';
    import { AuthService, provideAuth0 } from '@auth0/auth0-angular';

    class App {
      auth0 = inject(AuthService);
      who = signal('loading');
      token = signal('');
      constructor() {
        this.auth0.isLoading$.subscribe((isLoading) => isLoading || this.auth0.user$.subscribe((user) => this.who.set(user?.name ?? 'nobody')));
        this.auth0.error$.subscribe((error) => this.who.set(error.message));
      }
      login() { this.auth0.loginWithRedirect(); }
      renew() { this.auth0.getAccessTokenSilently({ cacheMode: 'off' }).subscribe((token) => this.token.set(token)); }
      logout() { this.auth0.logout({ logoutParams: { returnTo: location.origin } }); }
    }
    const template = '<p id="who">{{ who() }}</p><p id="token">{{ token() }}</p>' +
      '<button id="in" (click)="login()"></button><button id="renew" (click)="renew()"></button><button id="out" (click)="logout()"></button>';
    document.body.appendChild(document.createElement('app-root'));
    bootstrapApplication(Component({ selector: 'app-root', template })(App) ?? App, {
      providers: [provideZonelessChangeDetection(), provideAuth0(${options})],
    });`,
} as const;

/** For the apps that are bundled from a wrapper's sources: where these are. */
const sources = (name: string) =>
  name.includes('sources')
    ? {
        '@auth0/auth0-react': './node_modules/@auth0/auth0-react/src/index.tsx',
        '@auth0/auth0-vue': './node_modules/@auth0/auth0-vue/src/index.ts',
      }
    : {};

describe.each(Object.entries(apps))('%s', (name, source) => {
  it('signs in, rotates, survives a reload, and logs out', async () => {
    const folder = name.replace(/\W+/g, '-');
    mkdirSync(join(app.directory, folder));
    app.write({
      [`${folder}/app.js`]: source,
      [`${folder}/index.html`]:
        '<!doctype html><title>App</title><link rel="icon" href="data:," /><body><script type="module" src="/main.js"></script>',
      [`${folder}/build.mjs`]: `import { build } from 'esbuild';
        await build({ entryPoints: ['${folder}/app.js'], outfile: '${folder}/main.js', bundle: true, format: 'esm',
          preserveSymlinks: true, alias: ${JSON.stringify(sources(name))}, jsx: 'automatic', define: { 'process.env.NODE_ENV': '"development"', __VERSION__: '"0"', __VUE_OPTIONS_API__: 'true', __VUE_PROD_DEVTOOLS__: 'false', __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false' } });`,
    });
    await app.node(`${folder}/build.mjs`);
    await onPageOf(join(app.directory, folder), chromium, async ({ page, events }) => {
      const failed = once(events, 'error').then(([error]) => Promise.reject(error as Error));
      failed.catch(() => {});
      await Promise.race([story(page), failed]);
    });
  });
});

async function story(page: Page): Promise<void> {
  const shows = (id: string, expected: RegExp) =>
    page.waitForFunction(
      (id, source) => new RegExp(source).test(document.getElementById(id)?.textContent ?? ''),
      { polling: 50 },
      id,
      expected.source,
    );
  const token = () => page.$eval('#token', ({ textContent }) => textContent);
  await shows('who', /^nobody$/);
  await page.click('#in');
  await page.locator('#email').fill(playgroundUser.email);
  await page.locator('#password').fill(playgroundUser.password);
  await page.locator('button[type="submit"]').click();
  await shows('who', new RegExp(`^${playgroundUser.name}$`));
  await page.click('#renew');
  await shows('token', /^[\w-]+\.[\w-]+\.[\w-]+$/);
  const first = await token();
  await page.reload();
  await shows('who', new RegExp(`^${playgroundUser.name}$`));
  await page.click('#renew');
  await shows('token', /^[\w-]+\.[\w-]+\.[\w-]+$/);
  expect(await token()).not.toBe(first);
  await page.click('#out');
  await shows('who', /^nobody$/);
}
