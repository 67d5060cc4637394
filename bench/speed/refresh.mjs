// What a refresh costs above the request that it cannot do without: how often the tenant is asked, how long the page works on it,
// and what it writes.
import { inWorlds } from './world.mjs';

const names = ['latchkey', 'floor', 'auth0-spa-js', 'oidc-client-ts', 'keycloak-js'];

export async function refresh(note, { rounds }) {
  for (const cacheLocation of ['memory', 'localstorage']) {
    const taking = names.filter((name) => cacheLocation === 'memory' || name !== 'keycloak-js');
    const isPersistent = cacheLocation === 'localstorage';
    await inWorlds(taking, { options: { cacheLocation }, prepare: watchWrites }, async (worlds) => {
      const floor = worlds.find(({ name }) => name === 'floor').world;
      const bare = await floor.login('floor');
      const first = await bare.evaluate(() => window.client.refreshToken());
      const tabs = [];
      for (const { name, world } of worlds) tabs.push({ name, world, tab: await world.login(name) });
      let refreshToken = first;
      for (let round = -3; round < rounds; round++) {
        const [alone, next] = await bare.evaluate(bareRefresh, refreshToken);
        refreshToken = next;
        const commits = isPersistent ? await tabs[0].tab.evaluate(commitTwice) : 0;
        if (round >= 0) note('fetch', 'floor', alone);
        if (round >= 0 && isPersistent) note('commits', 'floor', commits);
        for (const { name, world, tab } of tabs) {
          const before = world.requests();
          await tab.evaluate(() => void window.written());
          const { waited, error } = await tab.evaluate(() => window.call({ cacheMode: 'off' }));
          if (error) throw new Error(`${name}: ${error}`);
          if (round < 0) continue; // they warm up
          note(`refresh, ${cacheLocation}`, name, waited - alone - (name === 'latchkey' ? commits : 0));
          note(`refresh requests, ${cacheLocation}`, name, world.requests() - before);
          if (!isPersistent) continue;
          const { cookies, idTokens } = await tab.evaluate(() => window.written());
          note('cookie writes', name, cookies);
          note('ID token written', name, idTokens);
        }
      }
    });
  }
}

async function bareRefresh(refreshToken) {
  const body = { grant_type: 'refresh_token', client_id: 'spa', refresh_token: refreshToken };
  const begun = performance.now();
  const answer = await fetch('http://localhost:4400/oauth/token', {
    method: 'POST',
    body: new URLSearchParams(body),
  });
  const { refresh_token } = await answer.json();
  return [performance.now() - begun, refresh_token];
}

/** In the page: reads and writes a record twice, as durably as the browser can. */
async function commitTwice() {
  window.database ??= await new Promise((resolve) => {
    const request = indexedDB.open('bench');
    request.onupgradeneeded = () => request.result.createObjectStore('records');
    request.onsuccess = () => resolve(request.result);
  });
  const commit = () =>
    new Promise((resolve) => {
      const transaction = window.database.transaction('records', 'readwrite', { durability: 'strict' });
      const store = transaction.objectStore('records');
      store.get('record').onsuccess = () => store.put({ text: 'x'.repeat(4000) }, 'record');
      transaction.oncomplete = resolve;
    });
  const begun = performance.now();
  await commit();
  await commit();
  return performance.now() - begun;
}

const watchWrites = (tab) => tab.evaluateOnNewDocument(watch);

/** In the page: what is written since it was last asked. An ID token counts by its length,
 * with whatever an entry holds besides, its claims for one; in a record, which holds much else, it counts alone. */
function watch() {
  const anyToken = /eyJ[\w-]+\.[\w-]+\.[\w-]+/g;
  let cookies = 0;
  let texts = [];
  const { get, set } = Object.getOwnPropertyDescriptor(Document.prototype, 'cookie');
  Object.defineProperty(Document.prototype, 'cookie', {
    get,
    set(text) {
      cookies += 1;
      texts.push(text);
      set.call(this, text);
    },
  });
  const noting = (owner, name, textOf) => {
    const original = owner[name];
    owner[name] = function (...parameters) {
      texts.push(textOf(...parameters));
      return original.apply(this, parameters);
    };
  };
  noting(Storage.prototype, 'setItem', (_, text) => String(text));
  noting(IDBObjectStore.prototype, 'put', (record) =>
    (JSON.stringify(record).match(anyToken) ?? []).join(' '),
  );
  window.written = () => {
    const isIdToken = (token) => {
      const { nonce, aud } = JSON.parse(atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/')));
      return nonce !== undefined || aud === 'spa';
    };
    let times = 0;
    for (const text of texts) {
      const tokens = text.match(anyToken) ?? [];
      const ids = tokens.filter(isIdToken);
      if (ids.length === 0) continue;
      const others = tokens.filter((token) => !isIdToken(token)).reduce((sum, { length }) => sum + length, 0);
      times += (text.length - others) / ids[0].length;
    }
    const told = { cookies, idTokens: times };
    [cookies, texts] = [0, []];
    return told;
  };
}
