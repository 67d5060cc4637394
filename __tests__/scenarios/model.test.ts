/**
 * Random histories of logins, refreshes, logouts, crashes, faults and clocks over a few tabs, checked against I1-I5 at every
 * step and at the end. What is expected is told from outside: `../support/expected-session.ts`.
 *
 * `LATCHKEY_ROUNDS=all` runs many. A failure prints its seed and path: `LATCHKEY_SEED=… LATCHKEY_PATH=…` runs it again.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { GenericError } from '../../src/errors.ts';
import { decodeJwt } from '../../src/oauth/jwt.ts';
import { expectSession, type Change, type ExpectedSession, type Who } from '../support/expected-session.ts';
import {
  brokenEnds,
  brokenSpends,
  causeOf,
  isRetryable,
  leaks,
  waitBound,
  watch,
  type TabCall,
  type Watched,
} from '../support/invariants.ts';
import { lockPorts, type LockKind } from '../support/lock-kinds.ts';
import { seededBy } from '../support/seeded-random.ts';
import {
  ada,
  audience,
  billing,
  createWorld,
  grace,
  orders,
  tenantUrl,
  type Fault,
  type Tab,
} from '../support/world.ts';

const audiences = [audience, orders, billing];
const [second, minute] = [1000, 60_000];

/** The browser, the app and the tenant of one history. */
interface Setting {
  readonly tabs: number;
  readonly store: 'memory' | 'localstorage' | 'lagging' | 'custom';
  readonly locks: LockKind;
  readonly leeway: 0 | 30;
  readonly fallback: boolean;
  readonly mrrt: boolean;
  /** Seeds how long each step to a server or a store takes. */
  readonly pace: number;
}

/** What happens next, in the tab of that number, and how long after it the next one. */
type Step = { readonly tab: number; readonly after: number } & Deed;
type Deed =
  | { readonly kind: 'get'; readonly api: number; readonly cacheMode: 'on' | 'off' }
  | { readonly kind: 'login'; readonly user: string }
  | { readonly kind: 'fault'; readonly fault: Fault }
  | { readonly kind: 'jump'; readonly by: number }
  | {
      readonly kind:
        'logout' | 'revoke' | 'reload' | 'crash' | 'open' | 'freeze' | 'wake' | 'offline' | 'online';
    };

const settings = fc.record<Setting>({
  tabs: fc.integer({ min: 1, max: 4 }),
  store: fc.constantFrom('localstorage', 'lagging', 'custom', 'memory'),
  locks: fc.constantFrom<LockKind[]>('web', 'fallback', 'never'),
  leeway: fc.constantFrom(0, 30),
  fallback: fc.boolean(),
  mrrt: fc.boolean(),
  pace: fc.integer({ min: 1, max: 1_000_000 }),
});

const faults: readonly Fault[] = [
  { kind: 'drop-before' },
  { kind: 'drop-after' },
  { kind: 'answer', status: 503, body: '{"error":"temporarily_unavailable"}' },
  { kind: 'answer', status: 503, body: '<html>' },
  { kind: 'answer', status: 429, body: '{"error":"too_many_requests"}' },
  { kind: 'slow', by: 3 * second },
  { kind: 'slow', by: 12 * second },
  { kind: 'hang' },
];

const deed = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('get' as const),
      api: fc.constantFrom(0, 0, 0, 1, 2),
      cacheMode: fc.constantFrom('on' as const, 'off' as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('login' as const), user: fc.constantFrom(ada, grace) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('fault' as const), fault: fc.constantFrom(...faults) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('jump' as const),
      by: fc.constantFrom(-1440 * minute, -5 * minute, 5 * minute, 1440 * minute),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        ...(['logout', 'logout', 'revoke', 'reload', 'reload', 'crash'] as const),
        ...(['open', 'freeze', 'wake', 'offline', 'online', 'online'] as const),
      ),
    }),
  },
);

const step: fc.Arbitrary<Step> = fc
  .tuple(
    deed,
    fc.nat(3),
    fc.constantFrom(0, 0, 1, 7, 40, 200, second, 6 * second, 15 * second, 40 * second, 120 * minute),
  )
  .map(([what, tab, after]) => ({ ...what, tab, after }));

/** One page, from its load to its end. */
interface Page {
  readonly tab: Tab;
  /** Whose session it shows: shared by all pages, or in memory mode its own. */
  readonly session: ExpectedSession;
  readonly changes: Set<Change>;
  alive: boolean;
  frozen: boolean;
  frozenLast: number;
}

interface Call {
  readonly kind: 'get' | 'login' | 'logout';
  readonly page: Page;
  readonly watched: Watched;
  readonly api: number;
  readonly change?: Change;
}

/** How long a frozen page's claim keeps others away, at least: the store may have taken 5 s of its 35 s. */
const abandoned = 30 * second;

/** @returns what was broken, in words; nothing, if all is well. */
async function runHistory(setting: Setting, steps: readonly Step[]): Promise<string[]> {
  const random = seededBy(setting.pace);
  const lag = setting.store === 'lagging' ? 500 : 0;
  const world = createWorld({
    leeway: setting.leeway,
    exclusiveLocks: setting.locks !== 'fallback',
    multiResource: setting.mrrt,
    latency: () => random(20),
    storageLag: lag,
    appCache: setting.store === 'custom',
  });
  const inMemory = setting.store === 'memory';
  const ports = lockPorts(setting.locks, world.locks);
  const users = new Map([ada, grace].map((email) => [userIdOf(world.tenant, email), email]));
  const shared = expectSession(world.steady);
  const broken: string[] = [];
  const calls = new Set<Call>();
  const errors: unknown[] = [];
  const asked: TabCall[] = [];
  let pages: Page[] = [];
  /** Whom the tenant's own session is of. */
  let known: Who = 'nobody';
  let revoked = false;
  let reused = 0;
  /** Nothing has happened yet that a call may fail by. */
  let calm = true;
  let jumped = 0;

  const pageOf = (tab: Tab): Page => ({
    tab,
    session: inMemory ? expectSession(world.steady) : shared,
    changes: new Set(),
    alive: true,
    frozen: false,
    frozenLast: -1,
  });
  const open = (): Page => {
    const page = pageOf(
      world.openTab(
        {
          useRefreshTokensFallback: setting.fallback,
          useMrrt: setting.mrrt,
          ...(setting.store !== 'custom' && { cacheLocation: inMemory ? 'memory' : 'localstorage' }),
        },
        ports,
      ),
    );
    pages.push(page);
    return page;
  };
  const leave = (page: Page) => {
    page.alive = false;
    for (const change of page.changes) change.vanish();
    for (const call of calls) if (call.page === page) calls.delete(call);
    pages = pages.filter((other) => other !== page);
  };
  const sessions = () => new Set(pages.map(({ session }) => session));

  /** The iframe of a page that shows nobody asks whom the tenant knows: until its own logout page is reached, whoever it was. */
  const askTenant = (session: ExpectedSession) => {
    const may = session.may();
    if (setting.fallback && (may.size > 1 || !may.has(known))) session.mayBecome(known);
  };
  /** In memory mode a page that shows nobody asks the others. */
  const borrow = (page: Page) => {
    const lent = inMemory ? pages.flatMap(({ session }) => [...session.may()]) : [];
    for (const who of lent)
      if (page.session.may().has('nobody') && !page.session.may().has(who)) page.session.mayBecome(who);
  };
  /** In memory mode a logout ends the sessions of the others, as soon as they hear of it. */
  const leaveToo = () => {
    for (const session of inMemory ? sessions() : []) session.mayBecome('nobody');
  };
  const get = (page: Page, api: number, cacheMode: 'on' | 'off'): Watched => {
    askTenant(page.session);
    borrow(page);
    const request = page.tab.client.getTokenSilently({
      cacheMode,
      authorizationParams: { audience: audiences[api] },
    });
    const watched = watch(world, request);
    calls.add({ kind: 'get', page, watched, api });
    asked.push(Object.assign(watched, { tab: page.tab }));
    return watched;
  };
  const change = (kind: 'login' | 'logout', page: Page, to: Who, work: Promise<unknown>) => {
    const begun = page.session.begin(to);
    page.changes.add(begun);
    work.then(begun.succeed, setting.fallback ? begun.vanish : begun.fail);
    calls.add({ kind, page, watched: watch(world, work), api: 0, change: begun });
  };
  const login = (page: Page, user: string) => {
    if ([...calls].some((call) => call.page === page && call.kind === 'login')) return;
    known = user;
    // An iframe that is opened by a call under way, or what it asks another tab, comes after this.
    if (setting.fallback || inMemory)
      for (const call of calls) if (call.kind === 'get') call.page.session.mayBecome(user);
    change('login', page, user, page.tab.login(user));
  };
  const logout = (page: Page) => {
    // In memory mode the other pages follow, as soon as they look.
    for (const session of sessions()) if (session !== page.session) session.mayBecome('nobody');
    const work = page.tab.client.logout({
      async openUrl(url) {
        page.tab.navigations.push(url);
        known = 'nobody';
        await page.tab.follow();
      },
    });
    const uncertain = page.session.may().size > 1;
    leaveToo();
    work.then(leaveToo, leaveToo);
    change('logout', page, 'nobody', work);
    if (uncertain && [...calls].some((call) => call.kind === 'get')) askTenant(page.session);
  };

  async function take({ tab: number, after, ...what }: Step): Promise<void> {
    const page = pages[number % pages.length] ?? open();
    const awake = !page.frozen;
    if (!['get', 'login', 'logout', 'open'].includes(what.kind)) calm = false;
    switch (what.kind) {
      case 'get':
        if (awake) get(page, what.api, what.cacheMode);
        break;
      case 'login':
        if (awake) login(page, what.user);
        break;
      case 'logout':
        if (awake) logout(page);
        break;
      case 'fault':
        world.faults.push(what.fault);
        break;
      case 'jump':
        world.jump(what.by);
        jumped += what.by;
        break;
      case 'revoke':
        revoked = true;
        for (const token of world.secrets) await revoke(world.tenant, token);
        for (const session of sessions()) session.mayBecome('nobody');
        break;
      case 'reload':
        leave(page);
        pages.push(pageOf(page.tab.reload()));
        break;
      case 'crash':
        page.tab.kill();
        leave(page);
        if (pages.length === 0) open();
        break;
      case 'open':
        if (pages.length < 4) open();
        break;
      case 'freeze':
        page.frozen = true;
        page.tab.freeze();
        break;
      case 'wake':
        wake(page);
        break;
      case 'offline':
        world.online = false;
        break;
      case 'online':
        world.online = true;
    }
    await pass(after);
  }

  function wake(page: Page): void {
    if (!page.frozen) return;
    page.frozen = false;
    page.frozenLast = world.steady();
    page.tab.wake();
    leaveToo();
  }

  /** Lets time pass, and judges what came of it. */
  async function pass(time: number): Promise<void> {
    await world.advance(time);
    const ferrt = world.journal().filter((code) => code === 'ferrt').length;
    if (ferrt > reused) for (const session of sessions()) session.mayBecome('nobody');
    reused = ferrt;
    for (const call of calls) {
      const { watched, page } = call;
      const slept = page.frozen || page.frozenLast >= watched.begun;
      const took = (watched.settled ?? world.steady()) - watched.begun;
      if (!slept && took > boundOf(call.kind, setting))
        broken.push(`I3: a ${call.kind} ${watched.settled === undefined ? 'has waited' : 'took'} ${took} ms`);
      if (watched.settled === undefined) continue;
      calls.delete(call);
      if (call.change) page.changes.delete(call.change);
      if (watched.error !== undefined) errors.push(watched.error);
      broken.push(...(call.kind === 'get' ? brokenGet(call) : brokenChange(call)));
    }
  }

  function brokenChange({ kind, watched, change: changed }: Call): string[] {
    const { error } = watched;
    if (error === undefined) return [];
    if (!(error instanceof GenericError)) return [`a ${kind} failed with ${String(error)}`];
    if (kind === 'login' && (!calm || changed?.isContested())) return [];
    return [`a ${kind} failed: ${wordsOf(error)}`];
  }

  function brokenGet({ page, watched, api }: Call): string[] {
    const { value, error, begun, settled = 0 } = watched;
    const may = page.session.mayHaveBeen(begun - lag, settled);
    if (error === undefined) {
      const { sub, aud } = decodeJwt(String(value)).claims;
      const who = users.get(String(sub)) ?? String(sub);
      return [
        ...(may.has(who) ? [] : [`I4: a token of ${who}, and only ${[...may].join(', ')} may be signed in`]),
        ...([aud].flat().includes(audiences[api]) ? [] : ['a token for another API']),
      ];
    }
    if (!(error instanceof GenericError)) return [`a call failed with ${String(error)}`];
    const cause = causeOf(error);
    if (cause !== undefined) {
      const allowed = cause === 'outcome_unknown' ? reused > 0 || revoked : cause === 'refused' && revoked;
      return allowed ? [] : [`I2: ended, ${cause}, and nothing allows it`];
    }
    if (isRetryable(error)) return calm ? [`failed in a calm world: ${wordsOf(error)}`] : [];
    if (api !== 0 && (error.requiresLogin || error.error === 'access_denied')) return [];
    if (error.requiresLogin && may.has('nobody')) return [];
    return [`I2: ${wordsOf(error)}, and ${[...may].join(', ')} may be signed in`];
  }

  for (let tab = 0; tab < setting.tabs; tab++) open();
  for (const next of steps) {
    await take(next);
    if (broken.length > 0) return broken;
  }

  // All is well again.
  world.faults.length = 0;
  world.online = true;
  for (const page of pages) wake(page);
  world.jump(-jumped);
  await pass(3 * minute);
  if (!inMemory) open();
  const wasCalm = calm;
  calm = true;

  // Everybody who is signed in gets a token, whoever is not gets none, and all pages agree.
  for (const round of [1, 2]) {
    const certain = pages.map(({ session }) => session.may());
    const ends = pages.map((page) => get(page, 0, 'off'));
    await pass(minute);
    const got = ends.map(({ value }) => whoOf(value));
    pages.forEach((page, index) => {
      const may = page.session.may();
      const [who] = may;
      if (may.size === 1 && certain[index]?.size === 1 && got[index] !== who)
        broken.push(`I2: ${who} is signed in, and the page gets a token of ${got[index]}`);
    });
    if (!inMemory && round === 2 && new Set(got).size > 1) broken.push(`the tabs differ: ${got.join(', ')}`);
  }

  // A logout ends it everywhere, for good.
  for (const page of inMemory ? pages : pages.slice(0, 1)) logout(page);
  await pass(15 * second);
  const sent = world.refreshes().length;
  for (const page of pages) {
    const shown = page.tab.client.isAuthenticated();
    await world.advance(second);
    if (await shown) broken.push('I4: signed in after a logout');
    get(page, 0, 'on');
  }
  await pass(minute);
  if (world.refreshes().length > sent) broken.push('I4: a refresh token was sent after a logout');
  if (wasCalm && world.tenant.families().some(({ verdict }) => verdict === 'live'))
    broken.push('I4: a family outlived the logout');

  broken.push(...brokenSpends(world, abandoned), ...brokenEnds(world, asked, !inMemory));
  broken.push(...leaks(world, errors));
  return broken;

  function whoOf(token: unknown): Who {
    if (typeof token !== 'string') return 'nobody';
    const { sub } = decodeJwt(token).claims;
    return users.get(String(sub)) ?? String(sub);
  }
}

/** How long a call may take, by the options; a store takes 20 ms at the most here, but for locks that never answer. */
function boundOf(kind: Call['kind'], { fallback, locks, store }: Setting): number {
  const slack = locks === 'never' && store === 'custom' ? 10 * second : second;
  switch (kind) {
    case 'get':
      return waitBound({ useRefreshTokensFallback: fallback });
    case 'login':
      return 30 * second + slack;
    case 'logout':
      return 3 * second + slack;
  }
}

function userIdOf(tenant: ReturnType<typeof createWorld>['tenant'], email: string): string {
  tenant.signIn(email, { client_id: 'spa' });
  return String(tenant.journal.at(-1)?.user_id);
}

async function revoke(tenant: ReturnType<typeof createWorld>['tenant'], token: string): Promise<void> {
  const body = new URLSearchParams({ client_id: 'spa', token });
  await tenant.fetch(new Request(`${tenantUrl}/oauth/revoke`, { method: 'POST', body }));
}

const wordsOf = ({ error, reason, message }: GenericError): string =>
  `${error}${reason === undefined ? '' : ` (${reason})`}: ${message}`;

const { LATCHKEY_ROUNDS, LATCHKEY_SEED, LATCHKEY_PATH } = process.env;

describe('P1, P2, P3, P6, P7, P12, P13, P17, P39: any history', () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => void unhandled.push(reason);
  beforeAll(() => void process.on('unhandledRejection', note));
  afterAll(() => void process.off('unhandledRejection', note));

  it('leaves a session only as it may be left, spends each token once, ends every call, and tells no secret', async () => {
    const history = fc.asyncProperty(
      settings,
      fc.array(step, { minLength: 3, maxLength: 25 }),
      async (setting, steps) => {
        unhandled.length = 0;
        expect(await runHistory(setting, steps)).toEqual([]);
        expect(unhandled).toEqual([]);
      },
    );
    await fc.assert(history, {
      seed: Number(LATCHKEY_SEED ?? 1),
      numRuns: LATCHKEY_ROUNDS === 'all' ? 5000 : 200,
      ...(LATCHKEY_PATH !== undefined && { path: LATCHKEY_PATH }),
    });
  }, 900_000);
});
