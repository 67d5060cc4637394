// What a call costs that the cache answers: the same loop in a page of each contender, in turns, so that what slows the machine
// down slows all of them down.
import { inWorlds } from './world.mjs';

const names = ['latchkey', 'floor', 'auth0-spa-js', 'oidc-client-ts', 'keycloak-js'];
const methods = { 'warm token': 'getTokenSilently', isAuthenticated: 'isAuthenticated', getUser: 'getUser' };

export async function warm(note, { rounds }) {
  for (const cacheLocation of ['memory', 'localstorage']) {
    const taking = names.filter((name) => cacheLocation === 'memory' || name !== 'keycloak-js'); // it has no other
    await inWorlds(taking, { options: { cacheLocation } }, async (worlds) => {
      const tabs = [];
      for (const { name, world } of worlds) tabs.push({ name, tab: await world.login(name) });
      for (let round = -3; round < rounds; round++)
        for (const [figure, method] of Object.entries(methods))
          for (const { name, tab } of tabs) {
            const cost = await tab.evaluate(spin, method);
            if (round >= 0) note(`${figure}, ${cacheLocation}`, name, cost); // the first ones warm up
          }
    });
  }
}

/** In the page: one call after another for 20 ms or longer; microseconds of each. */
export async function spin(method, ...parameters) {
  const { client } = window;
  const begun = performance.now();
  let calls = 0;
  let spent;
  do {
    for (let call = 0; call < 20; call++) await client[method](...parameters);
    calls += 20;
    spent = performance.now() - begun;
  } while (spent < 20);
  return (spent / calls) * 1000;
}
