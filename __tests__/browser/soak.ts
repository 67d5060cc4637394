/**
 * The soak: tabs that open, close, crash, sleep, sign in and out at random, with random faults, in a real Chromium against a
 * tenant with leeway 0. I1-I5 are judged as things happen, and each time the world has come to rest. A seed names what is
 * done; when each thing happens is the machine's, so that no two runs are quite alike.
 */
import type { Sdk } from '../../bench/resilience/world.mjs';
import { decodeJwt } from '../../src/oauth/jwt.ts';
import type { Fault } from '../../src/tenant/index.ts';
import { expectSession, type Change, type ExpectedSession, type Who } from '../support/expected-session.ts';
import {
  brokenEnds,
  brokenPresentations,
  causeOf,
  isRetryable,
  secretsIn,
  waitBound,
  type TabCall,
} from '../support/invariants.ts';
import { seededBy } from '../support/seeded-random.ts';
import {
  now,
  openSoakWorld,
  type Call,
  type Keeping,
  type SoakPage,
  type SoakTab,
  type Told,
} from './soak-world.ts';

export interface SoakOptions {
  readonly sdk: Sdk;
  /** Default: `store`. With workers one user logs in and out: pages may have sessions of their own. */
  readonly keeping?: Keeping;
  readonly seed: number;
  /** No round begins after that many. */
  readonly seconds: number;
  /** Nor after that many. */
  readonly rounds?: number;
}

export interface SoakResult {
  readonly rounds: number;
  /** How often each thing was done; how often each fault struck. */
  readonly deeds: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
  readonly pages: number;
  readonly refreshes: number;
  readonly calls: number;
  /** Calls for a token that ended in an error, and those of them that may be made again. */
  readonly failed: number;
  readonly retryable: number;
  /** Sessions that began, and those that no client could have kept, by why. */
  readonly sessions: number;
  readonly ended: Readonly<Record<string, number>>;
  /** Sessions that were lost without a cause. */
  readonly lost: number;
  /** How often each invariant was judged. */
  readonly judged: Readonly<Record<Invariant, number>>;
  /** What did not hold, in which round; and what happened in those rounds. */
  readonly broken: readonly string[];
  readonly stories: readonly string[];
}

export type Invariant = keyof typeof invariants;
export const invariants = {
  I1: 'a refresh token is presented again only after an unknown outcome, and never by two at once',
  I2: 'a session ends with a cause, which every page is told once',
  I3: 'every call ends within its bound',
  I4: 'a token is of whoever is signed in, all tabs agree, and nobody is signed in after a logout',
  I5: 'no secret in an error, on a console, or in what a page has stored outside of custody',
} as const;

const everybody: readonly string[] = ['ada@example.com', 'grace@example.com'];
const mostTabs = 5;
const [second, minute] = [1000, 60_000];
const abandoned = 30 * second;

/** A machine that is busy with many pages takes its time; and localStorage reaches other tabs a little later. */
const slack = 3 * second;
const lag = second / 2;

/** What is done, and how often, compared with the others. */
const deeds = {
  storm: 6,
  get: 8,
  expire: 2,
  open: 4,
  close: 2,
  crash: 2,
  reload: 2,
  freeze: 3,
  wake: 3,
  offline: 1,
  online: 3,
  fault: 6,
  logout: 1,
  login: 2,
};
type Deed = keyof typeof deeds;

const refresh = { grant: 'refresh_token' } as const;
/** Those after which a session goes on, thrice; and those that lose an answer. */
const harmless: readonly Fault[] = [
  { ...refresh, kind: 'drop-request' },
  { ...refresh, kind: 'delay', ms: 100 },
  { ...refresh, kind: 'delay', ms: 700 },
  { ...refresh, kind: 'delay', ms: 3000 },
  { ...refresh, kind: 'delay', ms: 1500, when: 'before' },
  { ...refresh, kind: 'hang', ms: 1000 },
  { ...refresh, kind: 'hang', ms: 12_000 },
  { ...refresh, kind: 'status', status: 503, times: 2 },
  { ...refresh, kind: 'status', status: 500, body: 'html' },
  { ...refresh, kind: 'status', status: 429, retryAfter: 1 },
  { grant: 'authorization_code', kind: 'drop-response' },
  { grant: 'authorization_code', kind: 'status', status: 503 },
  { endpoint: '/oauth/revoke', kind: 'hang', ms: 5000 },
  { endpoint: '/oauth/revoke', kind: 'drop-request' },
];
const losing: readonly Fault[] = [
  { ...refresh, kind: 'drop-response' },
  { ...refresh, kind: 'drop-response', cut: 'start' },
  { ...refresh, kind: 'status', status: 502, when: 'after' },
  { ...refresh, kind: 'truncate' },
];
const faults = [...harmless, ...harmless, ...harmless, ...losing];

const pauses = [0, 0, 0, 0, 5, 20, 60, 150, 500];
const pause = (ms: number) => new Promise((later) => setTimeout(later, ms));

export async function soak({
  sdk,
  keeping = 'store',
  seed,
  seconds,
  rounds = Infinity,
}: SoakOptions): Promise<SoakResult> {
  const inMemory = keeping !== 'store';
  const random = seededBy(seed);
  const one = <T>(of: readonly T[]): T => of[random(of.length)] as T;
  const kinds = Object.entries(deeds).flatMap(([kind, weight]) => Array<Deed>(weight).fill(kind as Deed));
  const users = inMemory ? everybody.slice(0, 1) : everybody;
  const world = await openSoakWorld(sdk, { ready, settled, vaultBegan, note }, keeping);
  const userOf = new Map(world.tenant.users().map(({ user_id, email }) => [user_id, email ?? user_id]));

  const done: Record<string, number> = {};
  const struck: Record<string, number> = {};
  const ended: Record<string, number> = {};
  const judged = { I1: 0, I2: 0, I3: 0, I4: 0, I5: 0 };
  const broken: string[] = [];
  const stories: string[] = [];
  let [round, sessions, lost, failed, retryable, callCount] = [0, 0, 0, 0, 0, 0];

  /** Of this round. */
  let session: ExpectedSession = expectSession(now);
  let asked: TabCall<SoakPage>[] = [];
  let story: string[] = [];
  let roundAt = now();
  let reused = false;
  let isOffline = false;
  let login:
    | { readonly tab: SoakTab; readonly from: SoakPage; readonly change: Change; isCutOff?: boolean }
    | undefined;
  const logouts = new Map<Call, Change>();
  let seenEntry = '';

  /** In memory mode: the pages that have logged in, by when, and none of their refresh tokens has been lost since, by what is known. */
  const owners = new Map<SoakPage, number>();
  /** All that may lend, so that they may differ. */
  const lenders = new Set<SoakPage>();
  let hasVault = false;
  let [vaultAt, endedAt] = [0, 0];

  try {
    await world.openTab();
    const endAt = now() + seconds * second;
    let who: Who = 'nobody';
    while (round < rounds && now() < endAt) {
      const brokenBefore = broken.length;
      begin(who);
      if (who === 'nobody') await signIn(one(users));
      const steps = 8 + random(18);
      for (let step = 0; step < steps; step++) await take(one(kinds), random(60), one(pauses));
      who = await rest();
      if (broken.length > brokenBefore) stories.push(story.join('\n'));
    }
    return {
      rounds: round,
      deeds: done,
      faults: struck,
      pages: world.pages,
      refreshes: world.arrivals.length,
      calls: callCount,
      failed,
      retryable,
      sessions,
      ended,
      lost,
      judged,
      broken,
      stories,
    };
  } finally {
    await world.close();
  }

  function begin(who: Who): void {
    round += 1;
    roundAt = now();
    session = expectSession(now);
    session.begin(who).succeed();
    [asked, story, reused] = [[], [], false];
    logouts.clear();
    note(`round ${round}: ${who}`);
  }

  function note(text: string): void {
    story.push(`${((now() - roundAt) / second).toFixed(3)} ${text}`);
  }

  function breaks(invariant: Invariant, what: string): void {
    broken.push(`round ${round}, ${invariant}: ${what}`);
    note(`BROKEN, ${invariant}: ${what}`);
  }

  /** Draws nothing: what is drawn must not depend on what a machine's pace makes of the pages. */
  async function take(deed: Deed, number: number, wait: number): Promise<void> {
    const tab = world.tabs[number % world.tabs.length] as SoakTab;
    done[deed] = (done[deed] ?? 0) + 1;
    note(`${deed}: ${tab.page?.name ?? 'a tab that loads'}`);
    switch (deed) {
      case 'storm':
        await expire();
        for (const each of world.tabs) get(each);
        break;
      case 'get':
        get(tab, number % 2 === 0 ? 'on' : 'off');
        break;
      case 'expire':
        await expire();
        break;
      case 'open':
        if (world.tabs.length < mostTabs) await open();
        break;
      case 'close':
      case 'crash':
        if (login?.tab === tab) forgetLogin();
        tab[deed]();
        if (world.tabs.length === 0) await open();
        break;
      case 'reload':
        if (isOffline || !tab.page) break;
        if (login?.tab === tab) login.isCutOff = true;
        tab.reload();
        break;
      case 'freeze':
        if (tab.page?.ready && !isAsleep(tab)) await tab.freeze();
        break;
      case 'wake':
        if (isAsleep(tab)) await tab.wake();
        break;
      case 'offline':
        // A page that is on its way would be the browser's own, about the network.
        if (!login && world.tabs.every((each) => each.page?.ready)) await setOffline(true);
        break;
      case 'online':
        await setOffline(false);
        break;
      case 'fault':
        world.tenant.faults.add(faults[number % faults.length] as Fault);
        break;
      case 'logout':
        if (!isAsleep(tab)) leave(tab);
        break;
      case 'login':
        if (!isOffline && !isAsleep(tab)) await enter(tab, users[number % users.length] as string);
    }
    await pause(wait);
  }

  async function open(): Promise<void> {
    if (isOffline) await setOffline(false); // nothing loads without a network
    await world.openTab();
  }

  /** A login that takes hours comes to nothing, and is a thing of its own (docs/decisions/35-callbacks-and-loops.md). */
  async function expire(): Promise<void> {
    if (!login && world.tabs.every(({ page }) => page)) await world.expire(); // a tab that loads would not hear of it
  }

  async function setOffline(offline: boolean): Promise<void> {
    isOffline = offline;
    await Promise.all(world.tabs.map((tab) => tab.setOffline(offline)));
  }

  function isAsleep({ page }: SoakTab): boolean {
    const sleep = page?.sleeps.at(-1);
    return sleep !== undefined && sleep.until === undefined;
  }

  function get(tab: SoakTab, cacheMode: 'on' | 'off' = 'on'): Call | undefined {
    if (isAsleep(tab)) return undefined;
    const call = tab.call('getTokenSilently', { cacheMode });
    if (call) asked.push(call);
    return call;
  }

  function vaultBegan(): void {
    hasVault = true;
    vaultAt = now();
    owners.clear();
  }

  /** From now on nobody has to be signed in who is not signed in anew. */
  function noteEnd(): void {
    endedAt = now();
    owners.clear();
  }

  function leave(tab: SoakTab): void {
    const change = session.begin('nobody');
    noteEnd();
    const call = tab.call('logout', { openUrl: false });
    if (call) logouts.set(call, change);
    else change.vanish();
  }

  /** One login at a time: the tenant knows one user. */
  async function enter(tab: SoakTab, email: string): Promise<void> {
    if (login || !tab.page?.ready) return;
    await world.know(email);
    const from = tab.page;
    login = { tab, from, change: session.begin(email) };
    if (!tab.call('loginWithRedirect')) forgetLogin();
  }

  function forgetLogin(): void {
    login?.change.vanish();
    login = undefined;
  }

  function ready(page: SoakPage, callback: { readonly error?: Told } | undefined): void {
    note(`${page.name} is ready${callback ? `, login ${callback.error?.text ?? 'done'}` : ''}`);
    if (login?.tab !== page.tab || login.from === page) return;
    const { change, isCutOff } = login;
    login = undefined;
    if (callback) lenders.add(page);
    // A code that was sent, and whose answer nobody heard, is no failure for somebody who is signed in (docs/decisions/35).
    if (!callback || isCutOff) change.vanish();
    else if (callback.error) change.fail();
    else {
      const isContested = change.isContested();
      change.succeed();
      sessions += 1;
      if (!isContested) owners.set(page, now());
    }
  }

  function settled(call: Call): void {
    look();
    const error = call.error as Told | undefined;
    const took = Math.round((call.settled ?? 0) - call.begun);
    note(`${call.tab.name}: ${call.verb}, after ${took} ms ${error?.text.slice(0, 100) ?? 'done'}`);
    if (error) judge('I5', secretsIn([[`an error of ${call.verb}`, error.text]], world.secrets));
    switch (call.verb) {
      case 'getTokenSilently':
        judgeWait(call, waitBound({ useRefreshTokensFallback: false }));
        judgeToken(call);
        break;
      case 'logout':
        judgeWait(call, 3 * second);
        if (error) breaks('I4', `a logout failed: ${error.text}`);
        logouts.get(call)?.[error ? 'fail' : 'succeed']();
        logouts.delete(call);
        noteEnd(); // and of who has signed in meanwhile
        break;
      case 'loginWithRedirect':
      case 'getUser':
    }
  }

  function judge(invariant: Invariant, found: readonly string[], times = 1): void {
    judged[invariant] += times;
    for (const what of new Set(found)) breaks(invariant, what.replace(/^I\d: /, ''));
  }

  function judgeWait({ verb, tab, begun, settled = now() }: Call, bound: number): void {
    const slept = tab.sleeps.some(({ from, until = Infinity }) => from <= settled && until >= begun);
    const took = Math.round(settled - begun);
    if (!slept) judge('I3', took > bound + slack ? [`a ${verb} took ${took} ms`] : []);
  }

  /** As the model of the unit tests judges it. */
  function judgeToken({ value, error: thrown, askedAt }: Call): void {
    const error = thrown as Told | undefined;
    const may = session.mayHaveBeen(askedAt - lag, now());
    callCount += 1;
    if (!error) {
      const who = whoIn(value);
      judge(
        'I4',
        may.has(who) ? [] : [`a token of ${who}, and only ${[...may].join(', ')} may be signed in`],
      );
      return;
    }
    failed += 1;
    if (isRetryable(error)) {
      retryable += 1;
      return;
    }
    const cause = causeOf(error);
    const allowed =
      cause === undefined
        ? error.requiresLogin === true && (inMemory || may.has('nobody')) // see judgeHeaps
        : (cause === 'outcome_unknown' || cause === 'refused') && reused;
    judge('I2', allowed ? [] : [`${error.text.slice(0, 300)}; ${[...may].join(', ')} may be signed in`]);
  }

  function whoIn(token: unknown): Who {
    if (typeof token !== 'string') return 'nobody';
    const sub = String(decodeJwt(token).claims['sub']);
    return userOf.get(sub) ?? sub;
  }

  /** Reads on in the tenant's journal, which forgets what is old. */
  function look(): void {
    const { journal } = world.tenant;
    const at = journal.map(({ log_id }) => log_id).lastIndexOf(seenEntry);
    for (const { type, decision, description } of journal.slice(at + 1)) {
      if (type === 'fault') struck[decision] = (struck[decision] ?? 0) + 1;
      if (type === 'fault' || type === 'ferrt') note(`tenant: ${description}`);
      if (type !== 'ferrt') continue;
      reused = true;
      session.mayBecome('nobody');
      noteEnd();
    }
    seenEntry = journal.at(-1)?.log_id ?? '';
  }

  async function signIn(email: string): Promise<void> {
    const tab = world.tabs[0] as SoakTab;
    await until(() => tab.page?.ready === true, minute);
    await enter(tab, email);
    await until(() => login === undefined, minute);
    const may = session.may();
    if (may.size !== 1 || !may.has(email))
      throw new Error(`a login failed in a calm world: ${story.join('\n')}`);
  }

  async function until(isSo: () => boolean, limit: number): Promise<boolean> {
    const giveUpAt = now() + limit;
    while (!isSo() && now() < giveUpAt) await pause(20);
    return isSo();
  }

  /** All is well again, and everybody asks. @returns Who is signed in. */
  async function rest(): Promise<Who> {
    note('rest');
    world.tenant.faults.clear();
    await setOffline(false);
    for (const tab of world.tabs) if (isAsleep(tab)) await tab.wake();
    for (const tab of world.tabs)
      if (!(await until(() => tab.page?.ready === true, 15 * second))) {
        note('a tab comes back');
        await tab.comeBack();
        await until(() => tab.page?.ready === true, 45 * second);
      }
    if (!(await until(() => login === undefined, 45 * second))) {
      note('a login never came back');
      await login?.tab.comeBack();
      forgetLogin();
    }
    await until(() => world.open.size === 0, 45 * second);
    for (const call of world.open) judge('I3', [`a ${call.verb} never ended`]);
    await until(() => world.underWay === 0, 15 * second); // what a page sent that is gone may yet be found to be a reuse
    look();

    const sent = world.arrivals.length;
    const before = session.may();
    await world.expire();
    await askAll();
    const got = await askAll();
    look();
    const may = session.may();
    if (before.size === 1 && before.has('nobody') && world.arrivals.length > sent)
      judge('I4', ['a refresh token was sent after a logout']);

    const who = inMemory ? await judgeHeaps(got, may) : await judgeShared(got, may);
    judge('I1', brokenPresentations(world.presentations(roundAt), abandoned));
    judged.I1 += world.presentations(roundAt).length - 1;
    judge('I2', brokenEnds({ refreshes: () => world.presentations(roundAt) }, asked, !inMemory || hasVault));
    judge('I5', await leaks());
    return who;
  }

  /** One session for all tabs. */
  async function judgeShared(got: readonly Who[], may: ReadonlySet<Who>): Promise<Who> {
    const [first = 'nobody'] = got;
    const differ = new Set(got).size > 1;
    const who = differ ? 'nobody' : first;
    judge('I4', differ ? [`the tabs differ: ${got.join(', ')}`] : []);
    judgeEnd(who, may);
    await judgeShown(world.tabs.map(() => who));
    return who;
  }

  /**
   * What each tab has, or may borrow. A page that has logged in, with a refresh token that was never lost, is signed in; so is
   * one that was loaded since the last end beside a page that lends, or where all pages share a worker that has what was logged in.
   */
  async function judgeHeaps(got: readonly Who[], may: ReadonlySet<Who>): Promise<Who> {
    const [user = 'nobody'] = users;
    const tabs = [...world.tabs];
    const living = [...owners].filter(([page, at]) =>
      hasVault ? at > vaultAt : tabs.includes(page.tab) && page.tab.page === page,
    );
    const lending = tabs.filter(({ page }) => page && lenders.has(page)).length;
    const finds = living.length > 0 && (hasVault || lending === 1); // of more, the sessions differ at the tenant
    for (const [index, tab] of tabs.entries()) {
      const who = got[index] ?? 'nobody';
      const own = living.some(([page]) => page === tab.page);
      const must = may.has(user) && (own || (finds && (tab.page?.loadedAt ?? 0) > endedAt));
      if (must && who === 'nobody') lost += 1;
      judge(
        'I2',
        must && who === 'nobody'
          ? [`${tab.page?.name} should be signed in, ${own ? 'by itself' : 'by another page'}`]
          : [],
      );
      judge(
        'I4',
        who === 'nobody' || may.has(who)
          ? []
          : [`a token of ${who}, and only ${[...may].join(', ')} may be signed in`],
      );
    }
    const causes = countLosses();
    if (reused) judge('I2', causes.length > 0 ? [] : ['a reuse, and no answer was lost']);
    await judgeShown(got, may);
    return got.includes(user) ? user : 'nobody';
  }

  /** Whose token each tab gets; an error that says so is worth another try, for as long as an abandoned claim stands. */
  async function askAll(): Promise<Who[]> {
    const giveUpAt = now() + 45 * second;
    const ask = async (tab: SoakTab): Promise<Who> => {
      for (;;) {
        const call = get(tab);
        if (!call) return 'nobody';
        await until(() => call.settled !== undefined, minute);
        const { value, error } = call;
        if (call.settled === undefined) judge('I3', ['a getTokenSilently never ended']);
        if (error === undefined || !isRetryable(error)) return whoIn(value);
        if (now() > giveUpAt) {
          judge('I2', [`failed in a calm world: ${(error as Told).text.slice(0, 300)}`]);
          return 'nobody';
        }
        await pause(500);
      }
    };
    return Promise.all(world.tabs.map(ask));
  }

  /** By what answers were lost that no client could have had, of refresh tokens that were refused. */
  function countLosses(): readonly string[] {
    const causes = world.arrivals
      .filter(({ at, refused }) => at >= roundAt && refused)
      .flatMap(({ token }) => world.lossOf(token) ?? []);
    const [cause] = causes;
    if (cause !== undefined && reused) ended[cause] = (ended[cause] ?? 0) + 1;
    return causes;
  }

  /** A session that is over has a cause: a logout, or an answer that no client could have had. */
  function judgeEnd(who: Who, may: ReadonlySet<Who>): void {
    const causes = countLosses();
    if (may.has(who) && (who !== 'nobody' || !reused || causes.length > 0)) {
      judge('I2', []);
      return;
    }
    lost += 1;
    judge('I2', [
      `${[...may].join(' or ')} should be signed in, and ${who} is${reused ? ', after a reuse' : ''}`,
    ]);
  }

  /** @param may Whom a page that got no token may show as well: whose access token has expired, and nobody lends another. */
  async function judgeShown(got: readonly Who[], may?: ReadonlySet<Who>): Promise<void> {
    for (const [index, tab] of [...world.tabs].entries()) {
      const who = got[index] ?? 'nobody';
      const call = tab.call('getUser');
      if (!call || !(await until(() => call.settled !== undefined, 15 * second))) continue;
      const sub = (call.value as { sub?: string } | undefined)?.sub;
      const shown = sub === undefined ? 'nobody' : (userOf.get(sub) ?? sub);
      const isSo = shown === who || (who === 'nobody' && may?.has(shown) === true);
      judge('I4', isSo ? [] : [`a page shows ${shown}, and ${who} is signed in`]);
    }
  }

  async function leaks(): Promise<string[]> {
    const places = (await Promise.all(world.tabs.map((tab) => tab.places()))).flat();
    const said = world.said.splice(0).map((text): [string, string] => ['something said', text]);
    for (const [, text] of said) if (text.startsWith('not caught')) note(text);
    return secretsIn([...places, ...said], world.secrets);
  }
}
