/**
 * A real Chromium and a tenant that forgives nothing, for the soak. A page says by itself, and at once, what it sends, hears
 * and is told: it may be gone in a moment.
 */
import { readFileSync } from 'node:fs';
import type { CDPSession, Page } from 'puppeteer-core';
import { openWorld, type Sdk } from '../../bench/resilience/world.mjs';
import type { Tenant } from '../../src/tenant/index.ts';
import { heardIn, type Presentation, type Watched } from '../support/invariants.ts';
import type { PageState } from '../support/world.ts';

/** Times are of the clock that no correction moves, which all pages and this process read alike, within a few ms. */
export const now = (): number => performance.timeOrigin + performance.now();

/** How far two processes' clocks may be apart. */
const skew = 20;

/** What a page that has heard an answer needs to write it, at the most. */
const writing = 1000;

/** A tab, and the page in it: one from its load to its end, or none while it loads. */
export interface SoakTab {
  page: SoakPage | undefined;
  readonly isOffline: boolean;
  call(verb: Verb, options?: object): Call | undefined;
  freeze(): Promise<void>;
  wake(): Promise<void>;
  setOffline(offline: boolean): Promise<void>;
  reload(): void;
  crash(): void;
  close(): void;
  /** To the app's own address, whatever became of the page. */
  comeBack(): Promise<void>;
  /** What a script of the page can read, by where. */
  places(): Promise<[place: string, text: string][]>;
}

export interface SoakPage {
  /** For notes. */
  readonly name: string;
  readonly tab: SoakTab;
  readonly loadedAt: number;
  /** Its client is there, and a login that it returned from is over. */
  ready: boolean;
  /** Since when it may be gone. */
  goneSince?: number;
  readonly sleeps: { readonly from: number; until?: number }[];
}

export type Verb = 'getTokenSilently' | 'getUser' | 'loginWithRedirect' | 'logout';

/** A call of a page; `begun` and `settled` by the page itself. */
export interface Call extends Watched {
  readonly verb: Verb;
  readonly tab: SoakPage;
  begun: number;
  readonly askedAt: number;
}

/** An error, as a page was told it. */
export interface Told {
  readonly error?: string;
  readonly reason?: string;
  readonly retryable?: boolean;
  readonly requiresLogin?: boolean;
  /** All that can be read from it. */
  readonly text: string;
}

/** A refresh that reached the tenant. */
export interface Arrival {
  readonly token: string;
  readonly at: number;
  refused?: boolean;
}

interface Sent {
  readonly by: SoakPage;
  readonly token: string;
  readonly sentAt: number;
  heard?: ReturnType<typeof heardIn>;
  heardAt?: number;
}

export interface SoakWorld {
  readonly tenant: Tenant;
  readonly tabs: readonly SoakTab[];
  readonly pages: number;
  /** Calls that have not settled, of pages that are still there. */
  readonly open: ReadonlySet<Call>;
  readonly arrivals: readonly Arrival[];
  /** Requests that the tenant has not answered, perhaps those of pages that are gone. */
  readonly underWay: number;
  /** Every refresh token, code and verifier that was on the wire. */
  readonly secrets: ReadonlySet<string>;
  /** What pages have said on their consoles, or thrown without anybody to catch it. */
  readonly said: string[];
  openTab(): Promise<SoakTab>;
  know(email: string): Promise<void>;
  /** Time goes on, everywhere, by more than an access token lives. */
  expire(): Promise<void>;
  /** The refreshes that pages have sent since then. */
  presentations(since: number): Presentation<SoakPage>[];
  /** By what the answer to a refresh token that was presented twice may have been lost, or nothing. */
  lossOf(token: string): string | undefined;
  close(): Promise<void>;
}

export interface SoakListener {
  /** `callback`: what became of the login that it returned from. */
  ready(page: SoakPage, callback: { readonly error?: Told } | undefined): void;
  settled(call: Call): void;
  /** A worker that all pages share has begun, with nothing in its heap. */
  vaultBegan(): void;
  note(text: string): void;
}

/** Where refresh tokens are: in a store that all pages share, in a worker that they share, or in one of each page's own. */
export type Keeping = 'store' | 'shared-worker' | 'worker';

type Report = { readonly page: string } & (
  | { readonly kind: 'loaded' }
  | { readonly kind: 'vault' }
  | { readonly kind: 'ready'; readonly callback?: { readonly error?: Told } }
  | { readonly kind: 'sent'; readonly request: string; readonly token: string; readonly at: number }
  | {
      readonly kind: 'heard';
      readonly request: string;
      readonly status: number;
      readonly body: string;
      readonly at: number;
    }
  | {
      readonly kind: 'settled';
      readonly call: number;
      readonly begun: number;
      readonly settled: number;
      readonly value?: unknown;
      readonly error?: Told;
    }
);

/** Tells of each refresh, as whoever sends it. */
const watching = (who: string) => `
  const time = () => performance.timeOrigin + performance.now();
  const send = globalThis.fetch.bind(globalThis);
  let requests = 0;
  globalThis.fetch = async (url, init) => {
    const body = String(init?.body ?? '');
    const form = body.startsWith('{') ? JSON.parse(body) : Object.fromEntries(new URLSearchParams(body));
    if (form.grant_type !== 'refresh_token') return send(url, init);
    const request = '${who} ' + ++requests;
    const hear = (status, body) => report({ kind: 'heard', request, status, body, at: time() });
    report({ kind: 'sent', request, token: form.refresh_token, at: time() });
    try {
      const response = await send(url, init);
      const text = response.text.bind(response);
      response.text = async () => {
        try {
          const body = await text();
          hear(response.status, body);
          return body;
        } catch (error) {
          hear(599, '');
          throw error;
        }
      };
      response.json = async () => JSON.parse(await response.text());
      return response;
    } catch (error) {
      hear(599, '');
      throw error;
    }
  };`;

/**
 * Before the SDK's own script for a worker, whose page is in its address, unless all pages share it. It has no way out but the
 * pages: each of them passes on what it hears, for any may be gone, and all may, so that a new one is told once more.
 */
const workerScript = (offset: number) => `{
  let offset = ${offset};
  const now = Date.now.bind(Date);
  Date.now = () => now() + offset;
  const channel = new BroadcastChannel('soak');
  const told = [];
  channel.onmessage = ({ data }) => {
    offset = data.offset ?? offset;
    if (data.isNew) for (const what of told) channel.postMessage(what);
  };
  const isShared = 'onconnect' in globalThis;
  const page = isShared ? crypto.randomUUID() : location.search.slice(1);
  const report = (what) => {
    told.push({ page, ...what });
    if (told.length > 40) told.shift();
    channel.postMessage({ page, ...what });
  };
  if (isShared) report({ kind: 'vault' });
  ${watching('worker')}
}
${readFileSync(new URL('../../dist/worker.js', import.meta.url), 'utf8')}`;

/** Runs in every page, with the SDK in the place of `%s`. */
const scriptOf = (keeping: Keeping) => `
  import { createAuth0Client } from '%s';
  const page = crypto.randomUUID();
  const report = (what) => window.report(JSON.stringify({ page, ...what }));
  report({ kind: 'loaded' });

  const channel = new BroadcastChannel('soak');
  channel.onmessage = ({ data }) => data.page && report(data);
  channel.postMessage({ isNew: true });
  const { setOffset } = window;
  window.setOffset = (offset) => {
    setOffset(offset);
    channel.postMessage({ offset });
  };
  ${keeping === 'worker' ? 'delete window.SharedWorker;' : ''}
  window.Worker = class extends Worker {
    constructor(url) {
      super(url + '?' + page);
    }
  };
  ${watching('page')}

  const textOf = (it, depth = 5) =>
    Object(it) !== it || depth === 0
      ? String(it)
      : Object.getOwnPropertyNames(it).map((name) => name + ': ' + textOf(it[name], depth - 1)).join('; ');
  const told = (thrown) => {
    const { error, reason, retryable, requiresLogin } = thrown;
    return { error: { error, reason, retryable, requiresLogin, text: thrown + '; ' + textOf(thrown) } };
  };

  const start = async () => {
    const client = await createAuth0Client({
      domain: 'http://localhost:4400',
      clientId: 'spa',
      useRefreshTokens: true,
      useRefreshTokensFallback: false,
      ${keeping === 'store' ? "cacheLocation: 'localstorage'" : "cacheLocation: 'memory', workerUrl: '/worker.js'"},
      authorizationParams: { redirect_uri: location.origin + location.pathname, audience: 'https://api.example', scope: 'openid profile' },
    });
    let callback;
    if (location.search.includes('code=')) {
      callback = await client.handleRedirectCallback().then(() => ({}), told);
      history.replaceState(null, '', location.pathname);
    }
    report({ kind: 'ready', callback });
    return client;
  };
  const client = start();
  const call = async (call, verb, options) => {
    const it = await client;
    const begun = time();
    const outcome = await it[verb](options).then((value) => ({ value }), told);
    report({ kind: 'settled', call, begun, settled: time(), ...outcome });
  };
  Object.assign(window, { client, call });
`;

export async function openSoakWorld(
  sdk: Sdk,
  listener: SoakListener,
  keeping: Keeping = 'store',
): Promise<SoakWorld> {
  const tabs: SoakTab[] = [];
  const tabOf = new Map<Page, SoakTab>();
  const pages = new Map<string, SoakPage>();
  const sent = new Map<string, Sent>();
  const calls = new Map<number, Call>();
  const open = new Set<Call>();
  const arrivals: Arrival[] = [];
  const secrets = new Set<string>();
  const said: string[] = [];
  let vault: SoakPage | undefined;
  let underWay = 0;

  const world = await openWorld({
    script: scriptOf(keeping),
    files: { '/worker.js': workerScript },
    async prepare(page) {
      const session = await page.createCDPSession();
      await session.send('Runtime.enable');
      await session.send('Runtime.addBinding', { name: 'report' });
      const tab = createTab(page, session);
      session.on('Runtime.bindingCalled', ({ payload }) => receive(tab, JSON.parse(payload) as Report));
      page.on('console', (message) => void said.push(message.text()));
      page.on('pageerror', (error) => void said.push(`not caught: ${String(error)}`));
      tabOf.set(page, tab);
      tabs.push(tab);
    },
    async pass(request, answer) {
      const form = new URLSearchParams(await request.clone().text());
      for (const name of ['refresh_token', 'code', 'code_verifier']) keep(form.get(name));
      const arrival: Arrival = { token: form.get('refresh_token') ?? '', at: now() };
      if (form.get('grant_type') === 'refresh_token') arrivals.push(arrival);
      underWay += 1;
      const response = await answer(request).finally(() => (underWay -= 1));
      if (new URL(request.url).pathname !== '/oauth/token') return response;
      const body = await response.clone().text();
      keep(/"refresh_token":"([^"]*)"/.exec(body)?.[1]);
      arrival.refused = heardIn({ status: response.status, body }) === 'refusal';
      return response;
    },
  });

  function keep(secret: string | null | undefined): void {
    if (secret) secrets.add(secret);
  }

  function receive(tab: SoakTab, report: Report): void {
    const isOfVault = report.kind === 'vault' || report.kind === 'sent';
    const page = pages.get(report.page) ?? (isOfVault ? vaultOf(report.page, tab) : undefined);
    if (report.kind === 'loaded') {
      if (tab.page) leave(tab);
      tab.page = { name: `page ${pages.size + 1}`, tab, loadedAt: now(), ready: false, sleeps: [] };
      pages.set(report.page, tab.page);
      return;
    }
    if (!page) return;
    switch (report.kind) {
      case 'ready':
        page.ready = true;
        listener.ready(page, report.callback);
        break;
      case 'sent': {
        const { token, at } = report;
        const key = `${report.page} ${report.request}`;
        if (sent.has(key)) return; // by another page that has heard of it
        sent.set(key, { by: page, token, sentAt: at });
        listener.note(`${page.name} sends ${nameOf(token)}`);
        break;
      }
      case 'heard': {
        const request = sent.get(`${report.page} ${report.request}`);
        if (!request || request.heard) return;
        Object.assign(request, { heard: heardIn(report), heardAt: report.at });
        listener.note(`${page.name} hears ${heardIn(report)} (${report.status})`);
        break;
      }
      case 'vault':
        break;
      case 'settled': {
        const { begun, settled, value, error } = report;
        const call = calls.get(report.call);
        if (!call || !open.delete(call)) return;
        Object.assign(call, { begun, settled, value, error });
        listener.settled(call);
      }
    }
  }

  /** One that has not been heard of takes the place of the one before, which is gone. */
  function vaultOf(id: string, tab: SoakTab): SoakPage {
    if (vault) vault.goneSince = now();
    vault = { name: `vault ${id.slice(0, 4)}`, tab, loadedAt: now(), ready: false, sleeps: [] };
    pages.set(id, vault);
    listener.note(`${vault.name} begins`);
    listener.vaultBegan();
    return vault;
  }

  /** For notes: a token itself is a secret. */
  const nameOf = (token: string) => `token ${[...secrets].indexOf(token)}`;

  /** From here on nothing is expected of the page, though it may live a little longer. */
  function leave(tab: SoakTab): void {
    const { page } = tab;
    if (!page) return;
    page.goneSince ??= now();
    for (const call of open) if (call.tab === page) open.delete(call);
    tab.page = undefined;
  }

  function forget(tab: SoakTab): void {
    leave(tab);
    tabs.splice(tabs.indexOf(tab), 1);
  }

  function createTab(page: Page, session: CDPSession): SoakTab {
    let isOffline = false;
    const setState = (state: 'frozen' | 'active') => session.send('Page.setWebLifecycleState', { state });
    const tab: SoakTab = {
      page: undefined,
      get isOffline() {
        return isOffline;
      },
      call(verb, options = {}) {
        if (!tab.page?.ready) return undefined;
        if (verb === 'loginWithRedirect') tab.page.goneSince ??= now(); // what it sends from here on, it may not live to hear
        const call: Call = { verb, tab: tab.page, begun: Infinity, askedAt: now() };
        const id = calls.size;
        calls.set(id, call);
        open.add(call);
        page
          .evaluate(
            (id, verb, options) =>
              void (globalThis as unknown as { call: (...all: unknown[]) => unknown }).call(
                id,
                verb,
                options,
              ),
            id,
            verb,
            options,
          )
          .catch(() => open.delete(call)); // the page has gone before it began
        return call;
      },
      async freeze() {
        const sleep: { from: number; until?: number } = { from: now() };
        tab.page?.sleeps.push(sleep);
        // A page that is just being left cannot be frozen.
        await setState('frozen').catch(() => (sleep.until = now()));
      },
      async wake() {
        const sleep = tab.page?.sleeps.at(-1);
        await setState('active').catch(() => {});
        if (sleep) sleep.until ??= now();
      },
      async setOffline(offline) {
        isOffline = offline;
        await page.setOfflineMode(offline).catch(() => {}); // it has crashed meanwhile
      },
      reload() {
        leave(tab);
        page.reload().catch(() => {}); // it may be reloaded once more meanwhile
        setState('active').catch(() => {}); // the next page does not sleep
      },
      crash() {
        forget(tab);
        session.send('Page.crash').catch(() => {}); // it does not live to answer
        setTimeout(() => void page.close().catch(() => {}), 500);
      },
      close() {
        forget(tab);
        page.close().catch(() => {});
      },
      async comeBack() {
        leave(tab);
        await page.goto(`http://localhost:3000/${sdk}`).catch(() => {}); // the next rest tries again
      },
      places: () =>
        page.evaluate(() =>
          [
            ...Object.entries({ ...localStorage }),
            // A login under way, or one that may be tried again, needs its verifier.
            ...Object.entries({ ...sessionStorage }).filter(([name]) => !name.includes('/transaction/')),
            ['cookies', document.cookie] as const,
            ['address', location.href] as const,
          ].map(([place, text]): [string, string] => [place, text]),
        ),
    };
    return tab;
  }

  /** When the page stopped for the first time from then on, for good or to sleep. */
  function stopAfter({ goneSince = Infinity, sleeps }: SoakPage, at: number): number {
    const slept = sleeps.filter(({ until = Infinity }) => until + skew >= at).map(({ from }) => from);
    return Math.min(goneSince, ...slept) - skew;
  }

  function stateOf({ goneSince = Infinity, sleeps }: SoakPage, at: number): PageState {
    if (goneSince - skew <= at) return 'gone';
    const sleeping = sleeps.some(({ from, until = Infinity }) => from - skew <= at && at <= until + skew);
    return sleeping ? 'frozen' : 'awake';
  }

  /** A page that stopped right after it had heard an answer has perhaps not written it. */
  const mayHaveWritten = ({ by, heard, heardAt = Infinity }: Sent) =>
    (heard === 'tokens' || heard === 'refusal') && stopAfter(by, heardAt) - heardAt >= writing;

  return {
    tenant: world.tenant,
    tabs,
    get pages() {
      return pages.size;
    },
    open,
    arrivals,
    get underWay() {
      return underWay;
    },
    secrets,
    said,
    openTab: async () => tabOf.get(await world.openTab(sdk)) as SoakTab,
    know: world.know,
    expire: world.expire,
    presentations(since) {
      const all = [...sent.values()];
      return all
        .filter(({ sentAt }) => sentAt >= since)
        .map(({ by, token, sentAt, heard, heardAt }) => {
          const before = all.filter((it) => it.token === token && it.sentAt < sentAt);
          return {
            by,
            sentAt,
            ...(heard && { heard }),
            ...(heardAt !== undefined && { heardAt }),
            earlier: before.map((request) => ({
              request,
              heard: (request.heardAt ?? Infinity) <= sentAt ? request.heard : undefined,
              page: stateOf(request.by, sentAt),
            })),
            kept: !before.some(mayHaveWritten),
          };
        });
    },
    lossOf(token) {
      const all = [...sent.values()].filter((it) => it.token === token);
      if (arrivals.filter((it) => it.token === token).length > all.length) return 'the browser sent it again';
      if (all.some(({ heard }) => heard === 'unknown')) return 'the answer was lost';
      const isCutOff = (it: Sent) =>
        it.heard !== 'declined' &&
        !mayHaveWritten(it) &&
        stopAfter(it.by, it.heardAt ?? it.sentAt) < Infinity;
      return all.length > 1 && all.some(isCutOff) ? 'the page was gone' : undefined;
    },
    close: world.close,
  };
}
