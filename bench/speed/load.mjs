// How long a user waits who comes back, from when the page has the script to when the client can be asked; and what the script
// itself costs.
import { inWorlds } from './world.mjs';

const names = ['latchkey', 'floor', 'auth0-spa-js', 'oidc-client-ts'];

export async function load(note, { few }) {
  await inWorlds(names, {}, async (worlds) => {
    for (const { name, world } of worlds) await (await world.login(name)).close();
    for (let round = -1; round < few; round++)
      for (const { name, world } of worlds) await loadOnce(name, world, 'stored', '', round >= 0 && note);
  });
  await inWorlds(names, { roundTrip: 100 }, async (worlds) => {
    for (const { name, world } of worlds) await (await world.login(name)).close();
    for (let round = -1; round < few; round++)
      for (const { name, world } of worlds) {
        await world.expire();
        await loadOnce(name, world, 'expired', '#token', round >= 0 && note);
      }
  });
}

async function loadOnce(name, world, kind, hash, note) {
  const before = world.requests();
  const tab = await world.openTab(name, hash);
  const { evaluated, ready, token } = await tab.evaluate(() => window.times);
  if (!token) throw new Error(`${name}: nobody is signed in`);
  await tab.close();
  if (!note) return;
  note(`load, ${kind}`, name, ready - evaluated);
  note(`load requests, ${kind}`, name, world.requests() - before);
}

/** Import and evaluation on a processor that is slowed down fourfold, above those of a module that holds nothing. */
export async function imports(note, { few }) {
  await inWorlds(['latchkey'], { script: "export * from '%s';" }, async ([{ world }]) => {
    for (let round = -1; round < few; round++) {
      const times = {};
      for (const name of ['empty', ...names, 'keycloak-js']) {
        const tab = await world.openBlank();
        await tab.setCacheEnabled(false);
        await tab.emulateCPUThrottling(4);
        times[name] = await tab.evaluate(async (name) => {
          const begun = performance.now();
          await import(`/${name}.js`);
          return performance.now() - begun;
        }, name);
        await tab.close();
        if (round >= 0 && name !== 'empty') note('import', name, times[name] - times.empty);
      }
    }
  });
}

/** What a page's heap holds when its client is ready, above that of a blank page of the same origin; workers are not counted. */
export async function heap(note, { few }) {
  await inWorlds([...names, 'keycloak-js'], {}, async (worlds) => {
    for (const { name, world } of worlds) {
      if (name !== 'keycloak-js') await (await world.login(name)).close();
      for (let round = 0; round < few; round++) {
        const blank = await world.openBlank();
        const before = await usedHeap(blank);
        await blank.close();
        const tab = await (name === 'keycloak-js' ? world.login(name) : world.openTab(name));
        await tab.evaluate(() => window.client.getTokenSilently());
        note('heap', name, ((await usedHeap(tab)) - before) / 1024);
        await tab.close();
      }
    }
  });
}

async function usedHeap(tab) {
  const session = await tab.createCDPSession();
  for (let time = 0; time < 3; time++) await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  return usedSize;
}
