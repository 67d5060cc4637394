// Many who need a token at the same time: callers in one tab, and tabs.
import { outcomeAfterwards } from '../resilience/world.mjs';
import { inWorlds } from './world.mjs';

export async function callers(note, { few }) {
  await inWorlds(['latchkey', 'floor', 'auth0-spa-js'], { roundTrip: 50 }, async (worlds) => {
    const tabs = [];
    for (const { name, world } of worlds) tabs.push({ name, world, tab: await world.login(name) });
    for (let round = -1; round < few; round++)
      for (const count of [1, 1000])
        for (const { name, world, tab } of tabs) {
          await world.expire();
          const span = await tab.evaluate(callAtOnce, count);
          if (round >= 0) note(`callers, ${count}`, name, span);
        }
  });
}

async function callAtOnce(count) {
  const begun = performance.now();
  await Promise.all(Array.from({ length: count }, () => window.client.getTokenSilently()));
  return performance.now() - begun;
}

export async function tabs(note, { few }) {
  await storms(note, 'localstorage', ['latchkey', 'floor', 'auth0-spa-js', 'oidc-client-ts'], few);
  await storms(note, 'memory', ['latchkey', 'auth0-spa-js'], Math.ceil(few / 3));
}

const tabCount = 20;

async function storms(note, cacheLocation, names, rounds) {
  const options = { cacheLocation, useRefreshTokensFallback: cacheLocation === 'memory' };
  for (const name of names)
    await inWorlds([name], { options, roundTrip: 100 }, async ([{ world }]) => {
      const all = await openAll(world, name);
      let lost = 0;
      for (let round = -1; round < rounds; round++) {
        await world.expire();
        const before = world.requests();
        const outcomes = await storm(all);
        if (round >= 0) {
          const served = outcomes.filter(({ token }) => token !== undefined);
          note(`storm, ${cacheLocation}`, name, Math.max(...served.map(({ waited }) => waited)));
          note(`storm requests, ${cacheLocation}`, name, world.requests() - before);
        }
        if (cacheLocation === 'memory') continue;
        if ((await outcomeAfterwards(world, name)).token !== undefined) continue;
        if (round >= 0) lost += 1;
        await (await world.login(name)).close(); // all tabs read what that one stores
      }
      if (cacheLocation === 'localstorage') note('storm lost, localstorage', name, (100 * lost) / rounds);
    });
}

async function openAll(world, name) {
  const all = [await world.login(name)];
  while (all.length < tabCount) all.push(await world.openTab(name));
  for (const tab of all)
    await tab.evaluate(() => {
      window.channel = new BroadcastChannel('storm');
      window.channel.onmessage = () => void (window.outcome = window.call());
    });
  return all;
}

/** Tabs that listen hear of a logout in one of them. None of the peers tells of one. */
export async function logouts(note, { few }) {
  await inWorlds(['latchkey'], {}, async ([{ name, world }]) => {
    for (let round = -1; round < few; round++) {
      const first = await world.login(name);
      const others = [];
      while (others.length < 7) others.push(await world.openTab(name));
      for (const tab of others)
        await tab.evaluate(async () => {
          const now = () => performance.timeOrigin + performance.now();
          window.told = new Promise((resolve) => window.client.on('signed_out', () => resolve(now())));
          await window.client.getTokenSilently();
        });
      const before = world.requests();
      const begun = await first.evaluate(async () => {
        const begun = performance.timeOrigin + performance.now();
        await window.client.logout({ openUrl: false });
        return begun;
      });
      const told = await Promise.all(others.map((tab) => tab.evaluate(() => window.told)));
      if (round >= 0) {
        note('logout told', name, Math.max(...told) - begun);
        note('logout requests', name, world.requests() - before);
      }
      for (const tab of [first, ...others]) await tab.close();
    }
  });
}

/** All at the same moment, by a word that reaches every tab. */
async function storm([first, ...others]) {
  await first.evaluate(() => {
    window.channel.postMessage('now');
    window.outcome = window.call();
  });
  return Promise.all(
    [first, ...others].map((tab) =>
      tab.evaluate(async () => {
        while (window.outcome === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
        const outcome = await window.outcome;
        window.outcome = undefined;
        return outcome;
      }),
    ),
  );
}
