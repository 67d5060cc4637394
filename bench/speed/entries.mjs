// What a call costs where the cache holds more and more: entries of other audiences, copied from the one that a login made.
import { inWorlds } from './world.mjs';
import { spin } from './warm.mjs';

const names = ['latchkey', 'auth0-spa-js'];
const counts = [1, 100, 1000];

export async function entries(note, { few }) {
  for (const mode of ['memory', 'localstorage'])
    await inWorlds(names, {}, async (worlds) => {
      const tabs = [];
      for (const { name, world } of worlds) tabs.push({ name, tab: await world.login(name) });
      for (const count of counts) {
        for (const { tab } of tabs) await tab.evaluate(fill, count, mode);
        for (let round = -2; round < few; round++)
          for (const { name, tab } of tabs) {
            const narrow = await tab.evaluate(spin, 'getTokenSilently');
            const miss = await tab.evaluate(spin, 'getTokenSilently', {
              cacheMode: 'cache-only',
              authorizationParams: { audience: 'https://unknown.example' },
            });
            if (round < 0) continue; // they warm up
            note(`superset, ${mode}, ${count}`, name, narrow);
            note(`miss, ${mode}, ${count}`, name, miss);
          }
      }
    });
}

/** In the page: the cache of a client that asks for a narrower scope than the login did holds `count` audiences. */
async function fill(count, mode) {
  const { sdk, clientOptions } = window;
  window.saved ??= Object.entries(localStorage);
  const all = new Map(window.saved);
  const audiences = Array.from({ length: count }, (_, index) => `https://api${index || ''}.example`);
  for (const [name, text] of window.saved)
    if (name.includes('api.example'))
      for (const audience of audiences.slice(1))
        all.set(
          name.replace('api.example', audience.slice(8)),
          text.replaceAll('api.example', audience.slice(8)),
        );
    else all.set(name, text.replace('["https://api.example"]', JSON.stringify(audiences))); // latchkey's list
  let cache;
  if (mode === 'memory') {
    cache = new sdk.InMemoryCache().enclosedCache;
    for (const [name, text] of all) if (/^[[{]/.test(text)) cache.set(name, JSON.parse(text));
  } else for (const [name, text] of all) localStorage.setItem(name, text);
  window.client = new sdk.Auth0Client({
    ...clientOptions,
    ...(cache && { cache, cacheLocation: undefined }),
    authorizationParams: { ...clientOptions.authorizationParams, scope: 'openid' },
  });
  const token = await window.client.getTokenSilently({ cacheMode: 'cache-only' });
  if (!token) throw new Error(`${count} entries, ${mode}: no hit`);
}
