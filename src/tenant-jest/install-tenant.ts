/**
 * A tenant in the page that jsdom plays. jsdom opens no windows, loads no frames and leaves for no other page, so that what would
 * go to the tenant is taken up here, and answered as a browser with a person in front of it would be.
 */
import type { Tenant } from '../tenant/index.ts';

/** What a browser has beside its pages: cookies of the tenant, and a person. */
export interface InstalledTenant {
  /**
   * Who sits at the browser from now on. They sign in wherever the login page is shown, go on with their account, and consent;
   * nobody is signed in by this alone. Without anybody, and on every other page, logins wait as they do for a person who is away.
   */
  signInAs(email: string, password: string): void;
  /**
   * Opens an address, as the browser's window would: for `openUrl` of `loginWithRedirect` and `logout`.
   * @returns where it has ended up: the app's callback, with `code` and `state`, a page of the tenant, or an address elsewhere
   * @throws {TypeError} where a fault breaks the connection
   */
  visit(url: string | URL): Promise<string>;
  /**
   * Gives the window its own `fetch` and `open` back, but where somebody has replaced them since. Cookies are forgotten; frames and
   * popups that are under way are not answered.
   */
  uninstall(): void;
}

/**
 * Answers what a page sends to the tenant's origin: by `fetch`, with CORS as browsers judge it, in iframes, and in popups.
 * Whatever goes elsewhere takes its former way; but `open('')` opens a window for the tenant, since its address comes later.
 * @param window that of jsdom, which needs what the tenant itself needs: `Request`, `Response`, Web Crypto
 * @throws {TypeError} when it is no window
 */
export function installTenant(tenant: Tenant, window: object): InstalledTenant {
  const page = readWindow(window);
  const { origin } = new URL(tenant.baseUrl);
  const cookies = new Map<string, string>();
  let person: Person | undefined;
  let isInstalled = true;

  const isTenants = (url: string): boolean =>
    URL.canParse(url, page.location.href) && new URL(url, page.location.href).origin === origin;

  /** One request with the browser's cookies, or without. */
  function send(request: Request, headers: Record<string, string>, withCookies = true): Promise<Response> {
    const cookie = [...cookies].map((pair) => pair.join('=')).join('; ');
    return tenant.fetch(request, {
      headers: { ...headers, ...(withCookies && cookie !== '' && { cookie }) },
      setCookie(line) {
        const [, name = '', value = ''] = /^([^=]*)=([^;]*)/.exec(line) ?? [];
        if (!withCookies) return;
        if (/; Max-Age=0(;|$)/.test(line)) cookies.delete(name);
        else cookies.set(name, value);
      },
    });
  }

  /** Follows redirects as far as the tenant's origin reaches. */
  async function load(request: Request, dest: 'document' | 'iframe'): Promise<Page> {
    const site =
      siteOf(page.location.hostname) === siteOf(new URL(origin).hostname) ? 'same-site' : 'cross-site';
    const url = new URL(request.url);
    const response = await send(request, { 'sec-fetch-dest': dest, 'sec-fetch-site': site });
    const location = response.headers.get('location');
    const isCutOff = response.headers.get('cross-origin-opener-policy') === 'same-origin';
    const next = location === null ? url : new URL(location, url);
    if (location === null || next.origin !== origin)
      return { url: next, isCutOff, html: location === null ? await response.text() : '' };
    const shown = await load(new Request(next), dest);
    return { ...shown, isCutOff: isCutOff || shown.isCutOff };
  }

  /** With the person doing on each page what it asks for; on none of them twice. */
  async function attend(shown: Page, done: readonly string[] = []): Promise<Page> {
    const { url, html } = shown;
    const answer = person && url.origin === origin && answers[url.pathname]?.(person, html);
    if (!answer || done.includes(url.pathname)) return shown;
    const document = new page.DOMParser().parseFromString(html, 'text/html');
    const csrf = document.querySelector('input[name=csrf]')?.getAttribute('value') ?? '';
    const request = new Request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ csrf, ...answer }).toString(),
    });
    const next = await load(request, 'document');
    return attend({ ...next, isCutOff: shown.isCutOff || next.isCutOff }, [...done, url.pathname]);
  }

  async function visit(address: string | URL): Promise<Page> {
    const url = new URL(address, page.location.href);
    if (url.origin !== origin) return { url, html: '', isCutOff: false }; // the tenant is not there
    return attend(await load(new Request(url), 'document'));
  }

  /** Hands on what a page of the tenant posts to the window that opened or framed it. */
  function deliver({ html }: Page, source: MessageEventSource | null): void {
    const [, target = 'null', data = 'null'] =
      /\bvar target = (".*?");\s+var message = (\{.*\});/.exec(html) ?? [];
    if (!isInstalled || JSON.parse(target) !== page.location.origin) return;
    page.dispatchEvent(
      new page.MessageEvent('message', { origin, data: JSON.parse(data) as unknown, source }),
    );
  }

  async function fillFrame(frame: HTMLIFrameElement): Promise<void> {
    const shown = await load(new Request(frame.src), 'iframe');
    const source = frame.contentWindow;
    if (!source || !frame.isConnected) return; // the page has taken it away
    deliver(shown, source);
  }

  function openPopup(address: string): Window {
    let href = 'about:blank';
    let isClosed = false;
    const go = (to: string): void => {
      href = new URL(to, page.location.href).href;
      if (isTenants(href)) visit(href).then(answer, stayBlank);
    };
    const answer = (shown: Page): void => {
      if (shown.isCutOff) isClosed = true; // to whoever has opened it
      if (!isClosed) deliver(shown, popup);
    };
    const location = {
      get href() {
        return href;
      },
      set href(to) {
        go(to);
      },
      assign: go,
      replace: go,
    };
    const popup = {
      get closed() {
        return isClosed;
      },
      close: () => void (isClosed = true),
      focus: () => {},
      location,
    } as unknown as Window; // what an opener may ask of a window elsewhere
    if (address !== '') go(address);
    return popup;
  }

  async function fetchFromTenant(
    input: RequestInfo | URL,
    { signal, ...init }: RequestInit,
  ): Promise<Response> {
    // The signal stays here: jsdom's is none to whoever made `Request`.
    const request = new Request(isRequest(input) ? input : new URL(String(input), page.location.href), init);
    const from = page.location.origin;
    const { credentials } = request;
    const withCookies = credentials === 'include' || (credentials === 'same-origin' && from === origin);
    const response = await send(request, { origin: from }, withCookies);
    const mayRead = [from, '*'].includes(response.headers.get('access-control-allow-origin') ?? '');
    if (from !== origin && !mayRead) throw new TypeError('Failed to fetch: no CORS header names this origin');
    return response;
  }

  const former = { fetch: page.fetch as typeof page.fetch | undefined, open: page.open };
  const replaced = {
    fetch: async (input: RequestInfo | URL, init: RequestInit = {}) => {
      if (!isInstalled || !isTenants(isRequest(input) ? input.url : String(input))) {
        if (!former.fetch) throw new TypeError('Failed to fetch: this window has no fetch of its own');
        return former.fetch.call(page, input, init);
      }
      const signal = init.signal ?? (isRequest(input) ? input.signal : undefined);
      signal?.throwIfAborted();
      const answer = fetchFromTenant(input, init);
      return signal ? Promise.race([answer, abortOf(signal)]) : answer;
    },
    open: (address: string | URL = '', ...rest: string[]) =>
      isInstalled && (String(address) === '' || isTenants(String(address)))
        ? openPopup(String(address))
        : former.open.call(page, address, ...rest),
  };
  const sources = new WeakMap<HTMLIFrameElement, string>();
  const observer = new page.MutationObserver((records) => {
    for (const { type, target, addedNodes } of records)
      for (const frame of (type === 'attributes' ? [target] : [...addedNodes]).flatMap(framesIn)) {
        if (sources.get(frame) === frame.src || !isTenants(frame.src)) continue;
        sources.set(frame, frame.src);
        fillFrame(frame).catch(stayBlank);
      }
  });
  observer.observe(page.document, { childList: true, subtree: true, attributeFilter: ['src'] });
  Object.assign(page, replaced);

  return {
    signInAs: (email, password) => void (person = { email, password }),
    visit: async (url) => (await visit(url)).url.href,
    uninstall() {
      isInstalled = false;
      observer.disconnect();
      cookies.clear();
      // What somebody has put there since stays; what it may have kept of here takes its former way.
      if (page.open === replaced.open) page.open = former.open;
      if (page.fetch !== replaced.fetch) return;
      if (former.fetch) page.fetch = former.fetch;
      else Reflect.deleteProperty(page, 'fetch');
    },
  };
}

/** What a window shows. */
interface Page {
  readonly url: URL;
  readonly html: string;
  /** A page on the way there has kept its window from whoever opened it. */
  readonly isCutOff: boolean;
}

type Person = Readonly<Record<'email' | 'password', string>>;

/** What a person fills in, by the page. */
const answers: Readonly<Record<string, (person: Person, html: string) => Record<string, string>>> = {
  '/u/login': (person) => person,
  '/u/account': ({ email }, html) => ({ account: html.includes(email) ? 'this' : 'another' }),
  '/u/consent': () => ({ decision: 'accept' }),
};

/** The browser's own error page says nothing to whoever opened the window. */
const stayBlank = (): void => {};

const isRequest = (input: RequestInfo | URL): input is Request => typeof input === 'object' && 'url' in input;

const framesIn = (node: Node): HTMLIFrameElement[] => {
  if (!('querySelectorAll' in node)) return [];
  const element = node as Element; // or the document
  const inside = [...element.querySelectorAll('iframe')];
  return element.nodeName === 'IFRAME' ? [element as HTMLIFrameElement, ...inside] : inside;
};

/** Two names that end alike are of one site: no list of public suffixes is at hand. */
const siteOf = (hostname: string): string => hostname.split('.').slice(-2).join('.');

/** What has been sent may have been done. */
const abortOf = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });

function readWindow(window: object): Window & typeof globalThis {
  if (!['document', 'location', 'MutationObserver'].every((name) => name in window))
    throw new TypeError('expected the window of jsdom in installTenant(tenant, window)');
  return window as Window & typeof globalThis; // just looked at
}
