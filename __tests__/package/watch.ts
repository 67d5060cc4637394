/** What somebody did to the globals. */
export interface Observation {
  /** Parts of a page that were looked at. */
  readonly read: readonly string[];
  /** Globals that are new, or another than before. */
  readonly changed: readonly string[];
}

/** What is not to be looked at. Bundlers' own code may ask where it is; nobody needs the rest to load. */
export const partsOfPages =
  'localStorage sessionStorage indexedDB navigator history crypto performance fetch XMLHttpRequest BroadcastChannel ' +
  'MessageChannel Worker SharedWorker cookieStore caches setTimeout setInterval requestAnimationFrame addEventListener ' +
  'postMessage opener parent name open';
export const everyPart = `${partsOfPages} window self document location frames top`;

/**
 * From now on every one of these globals throws when it is read, there or not, until the function that is returned puts
 * all back. Self-contained: its text runs in other processes, windows and workers.
 */
export function watch(names: string): () => Observation {
  const scope = globalThis as unknown as Record<string, unknown>;
  // Node makes some of its globals when they are first asked for.
  for (const name of Object.getOwnPropertyNames(scope)) void Reflect.get(scope, name);
  const before = Object.getOwnPropertyDescriptors(scope);
  const read: string[] = [];
  for (const name of names.split(' ')) {
    if (before[name]?.configurable === false) continue; // a page's `window` and `location` cannot be replaced
    Object.defineProperty(scope, name, {
      configurable: true,
      get() {
        read.push(name);
        throw new Error(`"${name}" was read`);
      },
    });
  }
  return () => {
    for (const name of names.split(' ')) {
      if (before[name]?.configurable === false) continue;
      delete scope[name];
      if (before[name]) Object.defineProperty(scope, name, before[name]);
    }
    const after = Object.getOwnPropertyDescriptors(scope);
    const changed = Object.keys(after).filter(
      (name) => !Object.is(after[name]?.value, before[name]?.value) || after[name]?.get !== before[name]?.get,
    );
    return { read, changed: changed.sort() };
  };
}

/** An expression that begins to watch, for programs of any kind. */
export const watchText = (names: string): string => `(${String(watch)})('${names}')`;

/** The start of a program whose globals are watched: `observe()` ends that and tells. */
export const watching = (names: string): string => `const observe = ${watchText(names)};\n`;

/** The same as a module, to be imported before others. */
export const watchingModule = (names: string): string => `export ${watching(names)}`;

/** Both of them take no page: they only have to be there. */
export const construct = `const client = new Auth0Client({ domain: 'tenant.example', clientId: 'app' });\n`;

/** Ends a program. Only what was constructed is told apart: its class has a method, and the function is one. */
export const report = `const seen = {
  ...observe(),
  client: typeof client.loginWithRedirect,
  createAuth0Client: typeof createAuth0Client,
};
console.log(JSON.stringify(seen));\n`;

/** What a report says where everything is as it should be. */
export const untouched = { read: [], changed: [], client: 'function', createAuth0Client: 'function' };
