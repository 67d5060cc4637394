// What goes wrong with sessions, one scenario each, for any SDK. A round begins with a session whose access token has
// expired, and returns what the calls of its pages came to; then it is seen whether the session goes on.
import { call } from './world.mjs';

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const many = (world, sdk, count) => Promise.all(Array.from({ length: count }, () => world.openTab(sdk)));

const together = (tabs) => Promise.all(tabs.map((tab) => call(tab)));

/** One page is in the middle of its refresh; then something happens to it, and another page asks. */
const interrupted =
  (befall, { until } = {}) =>
  async (world, sdk) => {
    const [holder, other] = await many(world, sdk, 2);
    await world.expire();
    world.tenant.faults.add({ kind: 'delay', ms: 1500, grant: 'refresh_token' });
    const before = world.refreshes();
    void call(holder).catch(() => {}); // its page may be gone
    while (world.refreshes() === before) await pause(10);
    await befall(holder);
    const outcomes = [await call(other, until)];
    return outcomes;
  };

const lifecycle = async (tab, state) => {
  const session = await tab.createCDPSession();
  await session.send('Page.setWebLifecycleState', { state });
};

const storm = (count) => async (world, sdk) => {
  const tabs = await many(world, sdk, count);
  await world.expire();
  return together(tabs);
};

const fault =
  (settings, count = 1) =>
  async (world, sdk) => {
    const tabs = await many(world, sdk, count);
    await world.expire();
    world.tenant.faults.add({ grant: 'refresh_token', ...settings });
    return together(tabs);
  };

/** All tabs ask again and again, for ten minutes, in which no refresh is served; then it is over for as long. */
const outage = (every) => async (world, sdk) => {
  const tabs = await many(world, sdk, 20);
  await world.expire();
  world.tenant.faults.add({ kind: 'status', grant: 'refresh_token', times: Infinity });
  const outcomes = [];
  for (let passed = 0; passed < 600_000; passed += every) {
    outcomes.push(...(await together(tabs)));
    await world.advance(every);
  }
  world.tenant.faults.clear();
  await world.advance(600_000);
  return outcomes;
};

/** Calls are to end while time stands still: a second is waited for real. */
const impatient = { httpTimeoutInSeconds: 1 };

/**
 * `saved: false`: no SDK can, and the row says so. `ends`: the session must not go on. `rounds`: of the long run; `long`: only
 * there. `only`: what one SDK does and the other does not. `because`: what the cause is, where a call fails. `compared`: how many
 * requests are sent is what counts, and with `outage` there are ten at the most.
 */
export const scenarios = [
  { pain: 'P1', name: '2 tabs at once', run: storm(2), rounds: 50 },
  { pain: 'P1', name: '20 tabs at once', run: storm(20), rounds: 50, compared: true },
  {
    pain: 'P1',
    name: '20 tabs restored by a browser restart',
    rounds: 10,
    async run(world, sdk) {
      for (let tab = 0; tab < 20; tab++) await world.openTab(sdk, '#call');
      await world.expire();
      const tabs = await world.restart(({ hash }) => hash === '#call', 20);
      return Promise.all(tabs.map((tab) => tab.evaluate(() => window.onload)));
    },
  },
  {
    pain: 'P17',
    name: 'one refresh token, three audiences at once',
    multiResource: true,
    rounds: 10,
    options: { useMrrt: true },
    async run(world, sdk) {
      const tab = await world.openTab(sdk);
      await world.expire();
      const audiences = ['https://api.example', 'https://orders.example', 'https://billing.example'];
      return Promise.all(audiences.map((audience) => call(tab, { authorizationParams: { audience } })));
    },
  },
  {
    pain: 'P2',
    name: 'the holder closed, leeway 30 s',
    leeway: 30,
    run: interrupted((tab) => tab.close()),
    rounds: 10,
  },
  {
    pain: 'P2',
    name: 'the holder reloaded, leeway 30 s',
    leeway: 30,
    run: interrupted((tab) => tab.reload({ waitUntil: 'domcontentloaded' })),
    rounds: 10,
  },
  {
    pain: 'P2',
    name: 'the holder crashed, leeway 30 s',
    leeway: 30,
    rounds: 10,
    run: interrupted(async (tab) => {
      const session = await tab.createCDPSession();
      session.send('Page.crash').catch(() => {}); // it does not live to answer
      await pause(200);
    }),
  },
  {
    pain: 'P2',
    name: 'the holder closed, leeway 0',
    saved: false,
    because: /^the refresh token was refused after an answer had been lost/,
    run: interrupted((tab) => tab.close()),
    rounds: 3,
  },
  {
    pain: 'P3',
    name: 'the holder frozen, and woken after 3 s',
    rounds: 3,
    async run(world, sdk) {
      const [holder, other] = await many(world, sdk, 2);
      await world.expire();
      world.tenant.faults.add({ kind: 'delay', ms: 1000, grant: 'refresh_token' });
      const before = world.refreshes();
      const first = call(holder);
      while (world.refreshes() === before) await pause(10);
      await lifecycle(holder, 'frozen');
      const second = call(other);
      await pause(3000);
      await lifecycle(holder, 'active');
      return Promise.all([first, second]);
    },
  },
  {
    pain: 'P3',
    name: 'the holder frozen for a minute, leeway 120 s',
    because: /^another tab was refreshing for longer/,
    leeway: 120,
    rounds: 1,
    long: true,
    async run(world, sdk) {
      const [holder, other] = await many(world, sdk, 2);
      await world.expire();
      world.tenant.faults.add({ kind: 'delay', ms: 1000, grant: 'refresh_token' });
      const before = world.refreshes();
      void call(holder).catch(() => {});
      while (world.refreshes() === before) await pause(10);
      await lifecycle(holder, 'frozen');
      const frozenAt = performance.now();
      const outcomes = [];
      while (performance.now() - frozenAt < 60_000 && outcomes.at(-1)?.token === undefined)
        outcomes.push(await call(other));
      await lifecycle(holder, 'active');
      return outcomes;
    },
  },
  {
    pain: 'P18',
    name: 'a logout while another tab refreshes',
    rounds: 5,
    ends: true,
    because: /^the user had logged out|^nobody was signed in: a logout/,
    async run(world, sdk) {
      const [holder, other] = await many(world, sdk, 2);
      await world.expire();
      world.tenant.faults.add({ kind: 'delay', ms: 500, grant: 'refresh_token' });
      const before = world.refreshes();
      const refreshing = call(holder);
      while (world.refreshes() === before) await pause(10);
      await other.evaluate(() => client.logout({ openUrl: false }));
      const { cause, diagnosis } = await refreshing; // it is meant to fail
      return [{ cause, diagnosis }];
    },
  },
  {
    pain: 'P12',
    name: 'an old tab of auth0-spa-js beside a new one',
    only: 'latchkey',
    loginWith: 'auth0-spa-js',
    rounds: 10,
    async run(world) {
      const [old] = await many(world, 'auth0-spa-js', 1);
      const [fresh] = await many(world, 'latchkey', 1);
      await world.expire();
      const [outcome] = await Promise.all([call(fresh), call(old)]);
      return [outcome];
    },
  },
  {
    pain: 'P2',
    name: 'the answer lost after the commit, leeway 30 s',
    leeway: 30,
    run: fault({ kind: 'drop-response' }),
    rounds: 10,
  },
  {
    pain: 'P2',
    name: 'the answer lost after the commit, leeway 0',
    saved: false,
    because: /^the refresh token was refused after an answer had been lost/,
    run: fault({ kind: 'drop-response' }),
    rounds: 3,
  },
  { pain: 'P2', name: 'the request lost', run: fault({ kind: 'drop-request' }), rounds: 10 },
  {
    pain: 'P3',
    name: 'the server slow by 7 s, 3 tabs',
    run: fault({ kind: 'delay', ms: 7000 }, 3),
    rounds: 2,
  },
  {
    pain: 'P3',
    name: 'the server slow by 12 s, 3 tabs',
    because: /for longer than the call could wait|took longer than the call could wait/,
    run: fault({ kind: 'delay', ms: 12_000 }, 3),
    rounds: 2,
  },
  {
    pain: 'P7',
    name: 'offline and back',
    because: /^the browser had no network/,
    rounds: 5,
    async run(world, sdk) {
      const tab = await world.openTab(sdk);
      await world.expire();
      await tab.setOfflineMode(true);
      const offline = await call(tab);
      await tab.setOfflineMode(false);
      return [offline, await call(tab)];
    },
  },
  { pain: 'P7', name: '503 in HTML', run: fault({ kind: 'status', body: 'html' }), rounds: 5 },
  {
    pain: 'P7',
    name: '429',
    because: /^the tenant had been asked too often$/,
    run: fault({ kind: 'status', status: 429 }),
    rounds: 5,
  },
  {
    pain: 'P7',
    name: 'no CORS on the answer, leeway 30 s',
    leeway: 30,
    run: fault({ kind: 'no-cors' }),
    rounds: 5,
  },
];

/** What the table of `npm run bench:resilience` is not for: how many requests are sent. */
export const outages = [
  {
    pain: 'P21',
    name: 'no refresh served for ten minutes, 20 tabs ask every minute',
    compared: true,
    outage: true,
    options: impatient,
    run: outage(60_000),
    rounds: 1,
  },
  {
    pain: 'P21',
    name: 'no refresh served for ten minutes, 20 tabs ask every ten seconds',
    compared: true,
    outage: true,
    options: impatient,
    run: outage(10_000),
    rounds: 1,
    long: true,
  },
];
