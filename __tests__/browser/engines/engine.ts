/** One way to drive Chromium, Firefox and WebKit. */

export type EngineName = 'chromium' | 'firefox' | 'webkit';
export type ThirdPartyCookies = 'allowed' | 'blocked';

/** A browser that runs. Ends with this process, however that ends. */
export interface Engine {
  /** Without a cookie or anything stored of another one. Certificates of nobody are trusted. */
  newProfile(): Promise<Profile>;
  close(): Promise<void>;
}

export interface Profile {
  newTab(): Promise<Tab>;
  /** Everything that is open: tabs, and the popups that pages have opened. The same window is the same `Tab`. */
  windows(): Promise<readonly Tab[]>;
  close(): Promise<void>;
}

/** A tab or a popup. */
export interface Tab {
  goto(url: string): Promise<void>;
  reload(): Promise<void>;
  /** The user's back button: the page may be the very one that was left. Resolves when it is on its way. */
  back(): Promise<void>;
  /** Runs in the page; arguments and result are JSON. @throws {Error} what the function throws, or that the page has left */
  evaluate<A extends unknown[], R>(run: (...args: A) => R, ...args: A): Promise<Awaited<R>>;
  /** A user's own click: it may open a popup. Waits until the element is there. */
  click(selector: string): Promise<void>;
  /** Types into a field, in place of what is there. */
  fill(selector: string, text: string): Promise<void>;
  url(): Promise<string>;
  bringToFront(): Promise<void>;
  screenshot(path: string): Promise<void>;
  close(): Promise<void>;
}

/** The expression that a page evaluates. */
export const callOf = (run: (...args: never[]) => unknown, args: readonly unknown[]): string =>
  `(${run.toString()})(...${JSON.stringify(args)})`;

const patience = 10_000;

/** Waits until `holds`, and not for ever. What it throws on the way is told when it never does. */
export async function eventually(holds: () => unknown, what: string): Promise<void> {
  const deadline = performance.now() + patience;
  let problem: unknown;
  for (;;) {
    try {
      if (await holds()) return;
      problem = undefined;
    } catch (error) {
      problem = error;
    }
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`, { cause: problem });
    await new Promise((later) => setTimeout(later, 20));
  }
}

/**
 * Waits until `run` gives something true in the page. Asks again and again from outside: what waits inside a page is code
 * made of text, which a strict policy forbids, and it ends with the page.
 */
export const until = <A extends unknown[]>(
  tab: Tab,
  run: (...args: A) => unknown,
  ...args: A
): Promise<void> => eventually(() => tab.evaluate(run, ...args), callOf(run, args));

/** Waits until an element is there. */
export const present = (tab: Tab, selector: string): Promise<void> =>
  until(tab, (selector) => document.querySelector(selector) !== null, selector);
