import { mkdirSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { servePlayground } from '../../scripts/playground-server.mjs';
import { playgroundSettings, playgroundTenant } from '../../scripts/playground-tenant.mjs';
import type { JournalEntry, Tenant } from '../../src/tenant/index.ts';
import { exampleConfiguration } from '../../src/tenant-node/index.ts';
import { eventually, present, type Engine, type Profile, type Tab } from './engines/engine.ts';

/** A request as it arrived at the tenant. */
export interface Arrival {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly grant_type: string | null;
}

/** A tenant, a playground and one browser profile of its own. */
export interface World {
  readonly tab: Tab;
  readonly profile: Profile;
  readonly tenant: Tenant;
  readonly playgroundUrl: string;
  /** Everything that arrived at the tenant but its development routes, oldest first. */
  readonly arrivals: readonly Arrival[];
  /** What went against the policy of any document of the playground, as the browser reports it (CSP 3 §5.3). */
  readonly violations: readonly Violation[];
  close(): Promise<void>;
}

/** Part of a `csp-report`. */
interface Violation {
  readonly 'document-uri': string;
  readonly 'effective-directive'?: string;
  readonly 'violated-directive': string;
  readonly 'blocked-uri': string;
}

export const [playgroundUser] = exampleConfiguration.users;

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Built from `dist/`, as `npm start` does. */
async function openWorld(engine: Engine): Promise<World> {
  // The built files, with the types of what they are built from.
  const { createTenant } = (await import(
    `${root}dist/tenant.js`
  )) as typeof import('../../src/tenant/index.ts');
  const { serve } = (await import(
    `${root}dist/tenant-node.js`
  )) as typeof import('../../src/tenant-node/index.ts');

  const profile = await engine.newProfile();
  const [tenantPort, playgroundPort] = await Promise.all([freePort(), freePort()]);
  const tenantUrl = `http://localhost:${tenantPort}`;
  const playgroundUrl = `http://localhost:${playgroundPort}`;
  const tenant = createTenant(playgroundTenant(exampleConfiguration, { tenantUrl, playgroundUrl }));
  const arrivals: Arrival[] = [];
  const tenantServer = await serve(
    {
      baseUrl: tenantUrl,
      fetch: async (request) => {
        const arrival = await readArrival(request);
        if (!arrival.path.startsWith('/__tenant/')) arrivals.push(arrival);
        return tenant.fetch(request);
      },
    },
    { port: tenantPort },
  );
  const settings = playgroundSettings(exampleConfiguration, {
    tenantUrl,
    developmentToken: tenant.developmentToken,
  });
  const violations: Violation[] = [];
  const playground = await servePlayground({
    port: playgroundPort,
    settings,
    onViolation: (report) => violations.push((report as { 'csp-report': Violation })['csp-report']),
  });

  return {
    tab: await profile.newTab(),
    profile,
    tenant,
    playgroundUrl,
    arrivals,
    violations,
    close: async () => {
      await profile.close();
      await Promise.all([tenantServer.close(), playground.close()]);
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo; // a TCP server's address is no text
  await new Promise((closed) => server.close(closed));
  return port;
}

async function readArrival(request: Request): Promise<Arrival> {
  const { pathname: path, searchParams: query } = new URL(request.url);
  const isForm =
    request.headers.get('content-type')?.startsWith('application/x-www-form-urlencoded') ?? false;
  const form = new URLSearchParams(isForm ? await request.clone().text() : '');
  return { method: request.method, path, query, grant_type: form.get('grant_type') };
}

/** Runs a story in a world of its own; keeps a picture of the page when it fails. */
export async function inWorld(
  engine: Engine,
  name: string,
  story: (world: World) => Promise<void>,
): Promise<void> {
  const world = await openWorld(engine);
  try {
    await story(world);
    const violations = await violationsOf(world);
    if (violations.length > 0)
      throw new Error(`the page went against its policy: ${JSON.stringify(violations, null, 2)}`);
  } catch (error) {
    await keepPicture(world.tab, name).catch(() => undefined); // the story's own failure is what matters
    throw error;
  } finally {
    await world.close();
  }
}

/**
 * All that were reported. Reports take their time: one is provoked at the end, and when it is there so are the others. It
 * also shows, in every story, that a violation would have been heard of.
 */
async function violationsOf({ tab, playgroundUrl, violations }: World): Promise<readonly Violation[]> {
  await tab.goto(`${playgroundUrl}/seed-example.html`);
  const isProvoked = (violation: Violation) => violation['blocked-uri'].endsWith('/provoked.png');
  await tab.evaluate(() => {
    new Image().src = 'http://127.0.0.1:9/provoked.png';
  });
  await eventually(() => violations.some(isProvoked), 'a report of the violation that was provoked');
  // WebKit itself looks for an icon where a page names none, and reports that it must not.
  const isIcon = (violation: Violation) => violation['blocked-uri'] === `${playgroundUrl}/favicon.ico`;
  return violations.filter((violation) => !isProvoked(violation) && !isIcon(violation));
}

async function keepPicture(tab: Tab, name: string): Promise<void> {
  const folder = `${root}.build/screenshots`;
  mkdirSync(folder, { recursive: true });
  await tab.screenshot(`${folder}/${name.replace(/[^a-z0-9]+/gi, '-')}.png`);
}

// --- what a visitor does

export type Action = 'get-token' | 'expire-token' | 'replay-token';
export type OptionName = 'cacheLocation' | 'useRefreshTokens' | 'useRefreshTokensFallback' | 'leeway';

export async function visit({ tab, playgroundUrl }: World): Promise<void> {
  await tab.goto(playgroundUrl);
  await ready(tab);
}

/** The same browser profile's second tab at the playground. */
export async function openSecondTab(world: World): Promise<World> {
  const second = { ...world, tab: await world.profile.newTab() };
  await visit(second);
  return second;
}

/** The page has started and no action is under way. */
export const ready = (tab: Tab): Promise<void> =>
  present(tab, '#playground[data-ready="true"][data-busy="false"]');

/** Visits the playground and logs in through the tenant's form. */
export async function signIn(world: World): Promise<void> {
  await visit(world);
  await world.tab.click('#log-in');
  await fillLoginForm(world.tab, playgroundUser.password);
  await ready(world.tab);
}

export async function fillLoginForm(tab: Tab, password: string): Promise<void> {
  await tab.fill('#email', playgroundUser.email);
  await tab.fill('#password', password);
  await tab.click('button[type="submit"]');
}

/** Presses a button of the playground and waits until its work is done. */
export async function press({ tab }: World, action: Action): Promise<void> {
  const run = await tab.evaluate(() => Number(document.getElementById('result')?.dataset['run']));
  await tab.click(`#${action}`);
  await present(tab, `#result[data-run="${run + 1}"]`);
}

/** Does what leaves the page, and waits until the playground is there again. */
export async function returning({ tab }: World, leave: () => Promise<unknown>): Promise<void> {
  await tab.evaluate(() => document.getElementById('playground')?.setAttribute('data-left', ''));
  await leave();
  await present(tab, '#playground:not([data-left])[data-ready="true"][data-busy="false"]');
}

export const reload = (world: World): Promise<void> => returning(world, () => world.tab.reload());

/** Chooses an option, for which the page loads itself anew. */
export const choose = (world: World, name: OptionName, value: string): Promise<void> =>
  returning(world, () =>
    world.tab.evaluate(
      (name, value) => {
        const select = document.getElementById(name) as HTMLSelectElement;
        select.value = value;
        // Afterwards: the page must not leave before it has answered.
        setTimeout(() => select.dispatchEvent(new Event('change', { bubbles: true })));
      },
      name,
      value,
    ),
  );

/** Ends the tenant's session behind the playground's back. */
export async function signOutElsewhere({ profile, tenant, tab }: World): Promise<void> {
  const elsewhere = await profile.newTab();
  await elsewhere.goto(`${tenant.baseUrl}/v2/logout?client_id=playground`);
  await elsewhere.close();
  await tab.bringToFront();
}

/** An access token that must be renewed, renewed. */
export async function renew(world: World): Promise<void> {
  await press(world, 'expire-token');
  await press(world, 'get-token');
}

// --- what can be seen

export const text = ({ tab }: World, id: string): Promise<string> =>
  tab.evaluate((id) => {
    const element = document.getElementById(id);
    if (!element) throw new Error(`there is no #${id}`);
    return element.textContent ?? '';
  }, id);

export const isVisible = ({ tab }: World, id: string): Promise<boolean> =>
  tab.evaluate((id) => document.getElementById(id)?.checkVisibility() ?? false, id);

export const isSignedIn = ({ tab }: World): Promise<boolean> =>
  tab.evaluate(() => document.querySelector('#session[data-state="signed-in"]') !== null);

/** What the page lists as the tenant's journal, newest first. */
export const journalOnPage = ({ tab }: World): Promise<Record<string, string | undefined>[]> =>
  tab.evaluate(() =>
    Array.from(document.querySelectorAll<HTMLElement>('#journal li'), (item) =>
      Object.fromEntries(Object.entries(item.dataset)),
    ),
  );

export const journalOf = ({ tenant }: World, type: JournalEntry['type']): JournalEntry[] =>
  tenant.journal.filter((entry) => entry.type === type);

/** Requests to the token endpoint and hidden frames, in a word each, from a point in time on. */
export const traffic = ({ arrivals }: World, from = 0): string[] =>
  arrivals
    .slice(from)
    .map(({ method, path, query, grant_type }) =>
      [method, path, grant_type ?? query.get('prompt')].filter((part) => part !== null).join(' '),
    );
