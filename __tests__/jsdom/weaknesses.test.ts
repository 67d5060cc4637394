/**
 * @jest-environment ./__tests__/support/jsdom-environment.js
 * @jest-environment-options {"url": "http://localhost:3000/"}
 *
 * What auth0-spa-js 2.27.0 does badly, story by story, and what latchkey does instead: both play the same story, and each has to
 * come out as it is said. The numbers are those of docs/migrating-from-auth0-spa-js.md.
 */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { IDBFactory } from 'fake-indexeddb';
import { decodeProtectedHeader } from 'jose';
import type { ICache } from '../../src/core/cache.ts';
import { decodeJwt } from '../../src/oauth/jwt.ts';
import {
  ada,
  api,
  app,
  aStage,
  closePage,
  grace,
  oddApi,
  openPage,
  orders,
  post,
  sdks,
  type Client,
  type ClientOptions,
  type Sdk,
  type Stage,
} from '../support/two-sdks.ts';

beforeEach(openPage);
afterEach(() => {
  jest.restoreAllMocks();
  closePage();
});

/** How a story ends, in words for the test's name, and what it returns then. */
type Ending = readonly [what: string, outcome: unknown];

function weakness(
  what: string,
  story: (stage: Stage) => Promise<unknown>,
  endings: Readonly<Record<Sdk, Ending>>,
): void {
  describe(what, () => {
    it.each(sdks.map((sdk) => [sdk, endings[sdk][0]] as const))('%s: %s', async (sdk) => {
      expect(await story(aStage(sdk))).toEqual(endings[sdk][1]);
    });
  });
}

const off = { cacheMode: 'off' } as const;
const memory: ClientOptions = { cacheLocation: 'memory' };
const inFrame: ClientOptions = { ...memory, useRefreshTokens: false };

/** Ada, signed in. */
async function signedIn(stage: Stage, options?: ClientOptions): Promise<Client> {
  stage.signIn(ada);
  const client = stage.open(options);
  expect(await stage.logIn(client)).toBe('done');
  return client;
}

const verdicts = ({ tenant }: Stage) => tenant.families().map(({ verdict }) => verdict);

/** The tenant's next answers at the token endpoint, changed. */
function alterAnswers(
  stage: Stage,
  alter: (answer: Record<string, unknown>) => Record<string, unknown>,
): void {
  stage.intercept = (request) =>
    stage.tenant.fetch(request).then(async (response) => {
      const answer = (await response.json()) as Record<string, unknown>;
      return new Response(JSON.stringify(alter(answer)), { status: response.status });
    });
}

/** With other claims, under a signature that neither SDK verifies. */
function withClaims(idToken: unknown, changes: Record<string, unknown>): string {
  const [header, , signature] = String(idToken).split('.');
  const claims = Buffer.from(JSON.stringify({ ...decodeJwt(String(idToken)).claims, ...changes }));
  return `${header}.${claims.toString('base64url')}.${signature}`;
}

weakness(
  'W1: a refresh token whose ID token was refused for its nonce',
  async (stage) => {
    stage.signIn(ada);
    const client = stage.open(memory);
    const callback = await stage.logIn(client, {}, (url) => url.searchParams.set('nonce', 'injected'));
    const next = await stage.comesTo(client.getTokenSilently());
    return { callback, next, families: verdicts(stage) };
  },
  {
    'auth0-spa-js': [
      'is kept by the worker, and signs in at the next call',
      { callback: 'no code', next: 'done', families: ['live'] },
    ],
    latchkey: [
      'is revoked, and never used',
      { callback: 'invalid_id_token', next: 'missing_refresh_token', families: ['revoked'] },
    ],
  },
);

weakness(
  'W1: a refresh token whose ID token was refused for its organization',
  async (stage) => {
    stage.signIn(ada);
    const client = stage.open(memory);
    const callback = await stage.logIn(client, { organization: 'org_a' }, (url) =>
      url.searchParams.set('organization', 'org_b'),
    );
    const next = await stage.comesTo(client.getTokenSilently());
    const user = await stage.settle(client.getUser());
    return { callback, next, org: user?.['org_id'], families: verdicts(stage) };
  },
  {
    'auth0-spa-js': [
      'is kept by the worker, and signs in to that organization',
      { callback: 'no code', next: 'done', org: 'org_b', families: ['live'] },
    ],
    latchkey: [
      'is revoked, and never used',
      {
        callback: 'invalid_id_token',
        next: 'missing_refresh_token',
        org: undefined,
        families: ['revoked'],
      },
    ],
  },
);

weakness(
  'W2: when another user has signed in, the former user’s refresh token',
  async (stage) => {
    const client = await signedIn(stage, memory);
    stage.signIn(grace);
    expect(await stage.logIn(client, { audience: orders, scope: 'read:orders' })).toBe('done');
    const token = await stage.comesTo(client.getTokenSilently());
    const user = await stage.settle(client.getUser());
    return { token, user: user?.['name'] };
  },
  {
    'auth0-spa-js': ['is spent, and switches the session back', { token: 'done', user: 'Ada' }],
    latchkey: ['is gone', { token: 'missing_refresh_token', user: 'Grace' }],
  },
);

weakness(
  'W21: a refresh that brings the ID token of somebody else',
  async (stage) => {
    const client = await signedIn(stage);
    stage.fault({ kind: 'bad-sub' });
    const token = await stage.comesTo(client.getTokenSilently(off));
    return {
      token,
      families: verdicts(stage),
      isAuthenticated: await stage.settle(client.isAuthenticated()),
    };
  },
  {
    'auth0-spa-js': [
      'makes the session somebody else’s',
      { token: 'done', families: ['live'], isAuthenticated: true },
    ],
    latchkey: [
      'ends the session, and what came is revoked',
      { token: 'invalid_grant', families: ['revoked'], isAuthenticated: false },
    ],
  },
);

weakness(
  'W21: a refresh that brings the ID token of another organization',
  async (stage) => {
    stage.signIn(ada);
    const client = stage.open();
    expect(await stage.logIn(client, { organization: 'org_a' })).toBe('done');
    alterAnswers(stage, (answer) => ({
      ...answer,
      id_token: withClaims(answer['id_token'], { org_id: 'org_b' }),
    }));
    const token = await stage.comesTo(client.getTokenSilently(off));
    const user = await stage.settle(client.getUser());
    return { token, org: user?.['org_id'] };
  },
  {
    'auth0-spa-js': ['changes the organization', { token: 'done', org: 'org_b' }],
    latchkey: ['ends the session', { token: 'invalid_grant', org: undefined }],
  },
);

weakness(
  'RFC 9207: a callback that says that another issuer answers',
  async (stage) => {
    stage.signIn(ada);
    const client = stage.open();
    const back = await stage.leave(client);
    const callback = await stage.comesTo(client.handleRedirectCallback(`${back}&iss=https://evil.example/`));
    return { callback, sent: stage.sent.length };
  },
  {
    'auth0-spa-js': ['is taken for the tenant’s', { callback: 'done', sent: 1 }],
    latchkey: ['is refused before its code is sent', { callback: 'issuer_mismatch', sent: 0 }],
  },
);

const evil = 'https://evil.example';
/** By every name that they go by on the wire, in auth0-spa-js or here, with the worst value. */
const worst: Readonly<Record<string, unknown>> = {
  useFormData: false,
  ...Object.fromEntries(
    (
      'baseUrl client_id auth0Client dpop useMrrt preserveRefreshToken skipTokenStorage ' +
      'grant_type refresh_token code code_verifier ' +
      'response_type response_mode state nonce code_challenge code_challenge_method ' +
      'clientId domain domainUrl issuer token_endpoint authorization_endpoint url method headers body'
    )
      .split(' ')
      .map((name) => [name, evil]),
  ),
};
const secrets = ['refresh_token', 'state', 'nonce', 'code_challenge', 'code', 'code_verifier'];

/** What of a request is the SDK's alone; secrets are all alike, as long as nobody knows them. */
const ownParts = (url: URL, parameters: URLSearchParams, headers = new Headers()): [string, string][] => [
  [`${url.pathname} origin`, url.origin],
  ...['content-type', 'auth0-client'].map((name): [string, string] => [
    `${url.pathname} ${name}`,
    headers.get(name) ?? '',
  ]),
  ...[...parameters]
    .filter(([name]) => name in worst)
    .map(([name, value]): [string, string] => [
      `${url.pathname} ${name}`,
      secrets.includes(name) && value !== evil ? 'a secret' : value,
    ]),
];

/** The names that change such a part of what `call` sends, to the token endpoint and into windows. */
async function overriding(
  { sent, windows: { opened } }: Stage,
  call: (options: ClientOptions, params: Record<string, unknown>) => Promise<unknown>,
): Promise<readonly string[]> {
  const ask = async (options: ClientOptions, params: Record<string, unknown>) => {
    sent.length = opened.length = 0;
    await call(options, params);
    return [
      ...opened.flatMap((url) => ownParts(url, url.searchParams)),
      ...sent.flatMap(({ url, form, headers }) => ownParts(url, form, headers)),
    ];
  };
  const plain = await ask({}, {});
  expect(plain).not.toEqual([]);
  /** Each part has to be there as it was, and once. */
  const isChanged = (shown: [string, string][]) =>
    plain.some(([part, value]) => {
      const values = shown.filter(([name]) => name === part).map(([, other]) => other);
      return values.length !== 1 || values[0] !== value;
    });
  const some = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, worst[name]]));
  const search = async (names: readonly string[]): Promise<readonly string[]> => {
    if (!isChanged(await ask({ authorizationParams: some(names) }, some(names)))) return [];
    if (names.length === 1) return names;
    const middle = names.length / 2;
    return [...(await search(names.slice(0, middle))), ...(await search(names.slice(middle)))];
  };
  const atOnce = [await ask({ authorizationParams: worst }, {}), await ask({}, worst)];
  return atOnce.some(isChanged) ? search(Object.keys(worst)) : [];
}

weakness(
  'W5: in a refresh',
  async (stage) => {
    await signedIn(stage);
    return overriding(stage, (options, authorizationParams) =>
      stage.comesTo(stage.open(options).getTokenSilently({ ...off, authorizationParams })),
    );
  },
  {
    'auth0-spa-js': ['take effect', ['useFormData', 'baseUrl', 'client_id', 'auth0Client', 'dpop']],
    latchkey: ['change nothing', []],
  },
);

weakness(
  'W5: in a redirect, and when its code is exchanged',
  async (stage) => {
    stage.signIn(ada);
    const note = (url: URL) => void stage.windows.opened.push(url);
    return overriding(stage, (options, params) => stage.logIn(stage.open(options), params, note));
  },
  {
    'auth0-spa-js': ['take effect', ['client_id', 'auth0Client']],
    latchkey: ['change nothing', []],
  },
);

weakness(
  'W5: in a hidden iframe, and when its code is exchanged',
  async (stage) => {
    stage.signIn(ada);
    return overriding(stage, (options, authorizationParams) => {
      const client = stage.open({ ...options, ...inFrame });
      return stage.comesTo(client.getTokenSilently({ ...off, authorizationParams }));
    });
  },
  {
    'auth0-spa-js': ['take effect', ['useFormData', 'baseUrl', 'client_id', 'auth0Client', 'dpop']],
    latchkey: ['change nothing', []],
  },
);

weakness(
  'W5: in a popup, and when its code is exchanged',
  async (stage) => {
    stage.signIn(ada);
    stage.windows.posts = (answer, popup) => {
      answer();
      popup.closed = true; // where there was none, the user has enough
    };
    return overriding(stage, (options, authorizationParams) =>
      stage.comesTo(stage.open({ ...options, ...memory }).loginWithPopup({ authorizationParams }, {})),
    );
  },
  {
    'auth0-spa-js': ['take effect', ['client_id', 'auth0Client']],
    latchkey: ['change nothing', []],
  },
);

/** The headers of the next answer arrive, and its body never does. */
function stallBody(stage: Stage): void {
  stage.intercept = (request) =>
    Promise.resolve(
      new Response(
        new ReadableStream({
          start: (controller) =>
            request.signal.addEventListener('abort', () => controller.error(request.signal.reason)),
        }),
      ),
    );
}

for (const [where, options] of [
  ['the page', {}],
  ['the worker', memory],
] as const)
  weakness(
    `W6: an answer whose body never arrives, in ${where},`,
    async (stage) => {
      const client = await signedIn(stage, options);
      stallBody(stage);
      const stalled = await stage.comesTo(client.getTokenSilently(off));
      stage.intercept = () => undefined;
      await stage.pass(60);
      const next = await stage.comesTo(client.getTokenSilently(off));
      return { stalled, next };
    },
    {
      'auth0-spa-js': ['is waited for for ever', { stalled: 'never', next: 'timeout' }],
      latchkey: ['is given up in time', { stalled: 'timeout', next: 'done' }],
    },
  );

weakness(
  'W4: a worker whose script is not there',
  async (stage) => {
    stage.workers = 'missing';
    jest.spyOn(console, 'warn').mockImplementation(() => {});
    stage.signIn(ada);
    const client = stage.open(memory);
    const callback = await stage.logIn(client);
    const token = await stage.comesTo(client.getTokenSilently(off));
    const logout = await stage.comesTo(client.logout({ openUrl: false }));
    return { callback, token, logout };
  },
  {
    'auth0-spa-js': ['is waited for for ever', { callback: 'never', token: 'never', logout: 'never' }],
    latchkey: ['is done without', { callback: 'done', token: 'done', logout: 'done' }],
  },
);

weakness(
  'W4: a worker that has died',
  async (stage) => {
    const client = await signedIn(stage, memory);
    stage.workers = 'dead';
    const token = await stage.comesTo(client.getTokenSilently(off));
    const logout = await stage.comesTo(client.logout({ openUrl: false }));
    return { token, logout, isAuthenticated: await stage.settle(client.isAuthenticated()) };
  },
  {
    'auth0-spa-js': ['is waited for for ever', { token: 'never', logout: 'never', isAuthenticated: false }],
    latchkey: ['is given up in time', { token: 'timeout', logout: 'timeout', isAuthenticated: false }],
  },
);

weakness(
  'W7: a refresh of eight seconds, which two tabs wait for,',
  async (stage) => {
    const tabs = [await signedIn(stage), stage.open()];
    stage.fault({ kind: 'delay', ms: 8000 });
    const [first, second] = tabs.map((tab) => stage.comesTo(tab.getTokenSilently(off)));
    return [await first, await second];
  },
  {
    'auth0-spa-js': ['is a time-out for one of them', ['done', 'timeout']],
    latchkey: ['is enough for both', ['done', 'done']],
  },
);

weakness(
  'W23: a request that the platform aborts',
  async (stage) => {
    const client = await signedIn(stage);
    stage.intercept = () => Promise.reject(new DOMException('aborted', 'AbortError'));
    return stage.comesTo(client.getTokenSilently(off));
  },
  {
    'auth0-spa-js': ['is told as a lock that was not granted', 'timeout'],
    latchkey: ['is told as what it is', 'network_error'],
  },
);

for (const [what, fault] of [
  ['an error of the server', { kind: 'status', status: 500, times: 2 }],
  ['too many requests', { kind: 'status', status: 429 }],
  ['a wish for a second factor', { kind: 'mfa-required' }],
] as const)
  weakness(
    `W3: after ${what}, the worker`,
    async (stage) => {
      const client = await signedIn(stage, memory);
      stage.fault(fault);
      await stage.comesTo(client.getTokenSilently(off));
      stage.tenant.faults.clear();
      await stage.pass(60);
      return stage.comesTo(client.getTokenSilently(off));
    },
    {
      'auth0-spa-js': ['has dropped the refresh token', 'missing_refresh_token'],
      latchkey: ['still has the refresh token', 'done'],
    },
  );

weakness(
  'W8: a storage that is full when a refresh is answered',
  async (stage) => {
    const client = await signedIn(stage);
    const setItem = jest.spyOn(Storage.prototype, 'setItem');
    stage.intercept = (request) => {
      setItem.mockImplementation(() => {
        throw new DOMException('full', 'QuotaExceededError');
      });
      return stage.tenant.fetch(request);
    };
    const refresh = await stage.comesTo(client.getTokenSilently(off));
    setItem.mockRestore();
    stage.intercept = () => undefined;
    await stage.pass(5);
    const later = await stage.comesTo(stage.open().getTokenSilently(off));
    return { refresh, later, families: verdicts(stage) };
  },
  {
    'auth0-spa-js': [
      'loses the session',
      { refresh: 'no code', later: 'invalid_grant', families: ['revoked'] },
    ],
    latchkey: ['loses nothing', { refresh: 'done', later: 'done', families: ['live'] }],
  },
);

weakness(
  'W11: with one refresh token for all, an answer for the default audience that names no scope',
  async (stage) => {
    stage.signIn(ada);
    const client = stage.open({ useMrrt: true, authorizationParams: { audience: undefined } });
    expect(await stage.logIn(client)).toBe('done');
    stage.fault({ kind: 'omit', members: ['scope'] });
    return stage.comesTo(client.getTokenSilently(off));
  },
  {
    'auth0-spa-js': ['is taken for a refusal', 'missing_scopes'],
    latchkey: ['grants what was asked for', 'done'], // RFC 6749 §5.1
  },
);

weakness(
  'W12: a look into the cache, thirty seconds before a token expires,',
  async (stage) => {
    const client = await signedIn(stage);
    await stage.pass(3570);
    const before = JSON.stringify(localStorage);
    await stage.comesTo(client.getTokenSilently({ cacheMode: 'cache-only' }));
    const isChanged = JSON.stringify(localStorage) !== before;
    stage.fault({ kind: 'drop-request', times: Infinity });
    return { isChanged, offline: await stage.comesTo(client.getTokenSilently()) };
  },
  {
    'auth0-spa-js': ['throws it away', { isChanged: true, offline: 'no code' }],
    latchkey: ['leaves it, for when no other can be had', { isChanged: false, offline: 'done' }],
  },
);

for (const [what, alter] of [
  ['no expires_in', ({ expires_in: _, ...answer }: Record<string, unknown>) => answer],
  ['an expires_in that is a text', (answer: object) => ({ ...answer, expires_in: '3600' })],
] as const)
  weakness(
    `W13: a token with ${what}`,
    async (stage) => {
      stage.signIn(ada);
      const client = stage.open({ ...memory });
      alterAnswers(stage, alter);
      expect(await stage.logIn(client)).toBe('done');
      stage.intercept = () => undefined;
      await stage.pass(86_400);
      await stage.comesTo(client.getTokenSilently());
      return stage.sent.length;
    },
    {
      'auth0-spa-js': ['is served for ever', 1],
      latchkey: ['is renewed when it is needed a day later', 2],
    },
  );

weakness(
  'W30: of two tokens that cover what is wanted, the expired one',
  async (stage) => {
    stage.signIn(ada);
    expect(await stage.logIn(stage.open())).toBe('done');
    await stage.pass(1800);
    const other = { scope: 'openid profile offline_access write:things' };
    expect(await stage.logIn(stage.open({ authorizationParams: other }))).toBe('done');
    await stage.pass(1800);
    stage.sent.length = 0;
    const narrow = stage.open({ authorizationParams: { scope: 'openid profile offline_access' } });
    await stage.comesTo(narrow.getTokenSilently());
    return stage.sent.length;
  },
  {
    'auth0-spa-js': ['hides the other one', 1],
    latchkey: ['hides nothing', 0],
  },
);

weakness(
  'W31: a token for an audience with `::` in its name',
  async (stage) => {
    stage.signIn(ada);
    const odd = { audience: oddApi };
    expect(await stage.logIn(stage.open({ authorizationParams: odd }))).toBe('done');
    stage.sent.length = 0;
    const narrow = stage.open({ authorizationParams: { ...odd, scope: 'openid profile offline_access' } });
    return { token: await stage.comesTo(narrow.getTokenSilently()), sent: stage.sent.length };
  },
  {
    'auth0-spa-js': ['is not found for a narrower scope', { token: 'missing_refresh_token', sent: 0 }],
    latchkey: ['is found like any other', { token: 'done', sent: 0 }],
  },
);

weakness(
  'W33: a refresh token that the tenant has refused',
  async (stage) => {
    const client = await signedIn(stage);
    await stage.tenant.scenario('revoked-from-console', { client_id: stage.clientId });
    stage.sent.length = 0;
    const outcomes: string[] = [];
    for (const _ of [1, 2, 3]) outcomes.push(await stage.comesTo(client.getTokenSilently(off)));
    return { sent: stage.sent.length, outcomes };
  },
  {
    'auth0-spa-js': [
      'is sent again by every call',
      { sent: 3, outcomes: ['invalid_grant', 'invalid_grant', 'invalid_grant'] },
    ],
    latchkey: [
      'is sent once',
      { sent: 1, outcomes: ['invalid_grant', 'missing_refresh_token', 'missing_refresh_token'] },
    ],
  },
);

for (const [what, forged] of [
  ['a code', 'code=forged&state=forged'],
  ['an error', 'error=access_denied&state=forged'],
])
  weakness(
    `W14: a forged callback with ${what}`,
    async (stage) => {
      stage.signIn(ada);
      const client = stage.open();
      const back = await stage.leave(client);
      const first = await stage.comesTo(client.handleRedirectCallback(`${app}/?${forged}`));
      return { forged: first, own: await stage.comesTo(client.handleRedirectCallback(back)) };
    },
    {
      'auth0-spa-js': [
        'ends the login',
        { forged: what === 'a code' ? 'state_mismatch' : 'access_denied', own: 'missing_transaction' },
      ],
      latchkey: ['leaves the login as it is', { forged: 'state_mismatch', own: 'done' }],
    },
  );

weakness(
  'W15: a message of another window, while a hidden iframe is at work,',
  async (stage) => {
    stage.signIn(ada);
    const source = { close: jest.fn(), closed: false };
    stage.windows.posts = (answer) => {
      const data = { type: 'authorization_response', response: { code: 'foreign', state: 'foreign' } };
      post(data, { origin: stage.tenant.baseUrl, source });
      answer();
    };
    const token = await stage.comesTo(stage.open(inFrame).getTokenSilently());
    return { token, closed: source.close.mock.calls.length };
  },
  {
    'auth0-spa-js': [
      'is taken for the answer, and its window is closed',
      { token: 'state_mismatch', closed: 1 },
    ],
    latchkey: ['is not heard', { token: 'done', closed: 0 }],
  },
);

weakness(
  'W15: two clients of a page whose hidden iframes answer one after the other',
  async (stage) => {
    stage.signIn(ada);
    const answers: (() => void)[] = [];
    stage.windows.posts = (answer) => {
      answers.push(answer);
      if (answers.length === 2) for (const post of answers) post();
    };
    const calls = [stage.clientId, `${stage.clientId}2`].map((clientId) =>
      stage.comesTo(stage.open({ ...inFrame, clientId }).getTokenSilently()),
    );
    return (await Promise.all(calls)).sort();
  },
  {
    'auth0-spa-js': ['take each other’s answers', ['done', 'state_mismatch']],
    latchkey: ['keep apart', ['done', 'done']],
  },
);

/** How many look at a message of the page. */
function listeners(): number {
  let looks = 0;
  const event = new MessageEvent('message');
  Object.defineProperty(event, 'origin', { get: () => void looks++ });
  window.dispatchEvent(event);
  return looks;
}

weakness(
  'W15: a hidden iframe that somebody else removes from the page',
  async (stage) => {
    stage.signIn(ada);
    stage.windows.posts = (_, frame) => frame.remove?.();
    const before = listeners();
    await stage.comesTo(stage.open(inFrame).getTokenSilently());
    await stage.pass(60);
    return listeners() - before;
  },
  {
    'auth0-spa-js': ['leaves its listener behind', 1],
    latchkey: ['leaves nothing behind', 0],
  },
);

weakness(
  'W17: a logout of one of two clients of which one’s id begins with the other’s',
  async (stage) => {
    const client = await signedIn(stage);
    const options = { clientId: `${stage.clientId}2` };
    await signedIn(stage, options);
    await stage.settle(client.logout({ openUrl: false }));
    const other = stage.open(options);
    const isAuthenticated = await stage.settle(other.isAuthenticated());
    return { isAuthenticated, token: await stage.comesTo(other.getTokenSilently(off)) };
  },
  {
    'auth0-spa-js': ['ends both sessions', { isAuthenticated: false, token: 'missing_refresh_token' }],
    latchkey: ['ends its own session', { isAuthenticated: true, token: 'done' }],
  },
);

weakness(
  'W18: a cache of the app’s own that lists no keys, after two refreshes at a time and a logout,',
  async (stage) => {
    const entries = new Map<string, unknown>();
    const cache = slowCache(entries);
    stage.signIn(ada);
    const wide = stage.open({ cache, authorizationParams: { scope: 'openid profile email' } });
    for (const audience of [api, orders]) expect(await stage.logIn(wide, { audience })).toBe('done');
    const client = stage.open({ cache, authorizationParams: { scope: 'openid profile' } });
    const calls = [api, orders].map((audience) =>
      stage.comesTo(client.getTokenSilently({ ...off, authorizationParams: { audience } })),
    );
    expect(await Promise.all(calls)).toEqual(['done', 'done']);
    await stage.settle(client.logout({ openUrl: false }));
    return [...entries.values()].filter((entry) => /access_token|v1\.M/.test(JSON.stringify(entry))).length;
  },
  {
    'auth0-spa-js': ['still holds tokens', 1],
    latchkey: ['holds no token', 0],
  },
);

weakness(
  'W24: a session that the tenant does not know any more',
  async (stage) => {
    const client = await signedIn(stage, { ...inFrame, cache: slowCache(new Map()) });
    stage.signOut();
    const token = await stage.comesTo(client.getTokenSilently(off));
    return { token, isAuthenticated: await stage.settle(client.isAuthenticated()) };
  },
  {
    'auth0-spa-js': [
      'is still there when the caller is told',
      { token: 'login_required', isAuthenticated: true },
    ],
    latchkey: ['is gone when the caller is told', { token: 'login_required', isAuthenticated: false }],
  },
);

/** Ten milliseconds a call. */
function slowCache(entries: Map<string, unknown>): ICache {
  const slowly = <T>(action: () => T): Promise<T> =>
    new Promise((resolve) => setTimeout(() => resolve(action()), 10));
  return {
    get: <T>(key: string) => slowly(() => structuredClone(entries.get(key)) as T | undefined),
    set: (key, entry) => slowly(() => void entries.set(key, structuredClone(entry))),
    remove: (key) => slowly(() => void entries.delete(key)),
  };
}

weakness(
  'W21: a max_age that is asked for by one call',
  async (stage) => {
    stage.signIn(ada);
    await stage.pass(3600);
    return stage.logIn(stage.open(), { max_age: 60 }, (url) => url.searchParams.delete('max_age'));
  },
  {
    'auth0-spa-js': ['is not enforced', 'done'],
    latchkey: ['is enforced', 'invalid_id_token'],
  },
);

weakness(
  'W21: a leeway of zero, and an ID token that expired half a minute ago,',
  async (stage) => {
    stage.signIn(ada);
    alterAnswers(stage, ({ id_token, ...answer }) => {
      const { iat } = decodeJwt(String(id_token)).claims;
      return { ...answer, id_token: withClaims(id_token, { exp: Number(iat) - 30 }) };
    });
    return stage.logIn(stage.open({ leeway: 0 }));
  },
  {
    'auth0-spa-js': ['counts as a minute', 'done'],
    latchkey: ['counts', 'invalid_id_token'],
  },
);

weakness(
  'P22: a machine whose clock is eleven hours ahead',
  async (stage) => {
    stage.clock.behind = 11 * 3600;
    stage.signIn(ada);
    return stage.logIn(stage.open());
  },
  {
    'auth0-spa-js': ['lets nobody in, since ID tokens last ten', 'no code'],
    latchkey: ['lets them in', 'done'],
  },
);

weakness(
  'P22: a machine whose clock is five minutes ahead, of a login that is to be a minute old,',
  async (stage) => {
    stage.clock.behind = 300;
    stage.signIn(ada);
    return stage.logIn(stage.open({ authorizationParams: { max_age: 60 } }));
  },
  {
    'auth0-spa-js': ['takes for an older one', 'no code'],
    latchkey: ['takes for what the tenant says that it is', 'done'],
  },
);

weakness(
  'P22: an access token of a clock that was five hours ahead, and is put right,',
  async (stage) => {
    stage.clock.behind = 5 * 3600;
    const client = await signedIn(stage);
    const first = await stage.settle(client.getTokenSilently());
    jest.setSystemTime(Date.now() - 5 * 3_600_000);
    stage.clock.behind = 0;
    await stage.pass(2 * 3600);
    return (await stage.settle(client.getTokenSilently())) === first;
  },
  {
    'auth0-spa-js': ['is served for hours after its end', true],
    latchkey: ['is served for as long as it lives', false],
  },
);

weakness(
  'W21: a refresh that brings no ID token',
  async (stage) => {
    const client = await signedIn(stage);
    stage.fault({ kind: 'omit', members: ['id_token'] });
    const refresh = await stage.comesTo(client.getTokenSilently(off));
    const next = await stage.comesTo(client.getTokenSilently(off));
    return { refresh, next, families: verdicts(stage) };
  },
  {
    'auth0-spa-js': [
      'fails when its refresh token is spent, and the next one ends the session',
      { refresh: 'no code', next: 'invalid_grant', families: ['revoked'] },
    ],
    latchkey: ['is as good as any', { refresh: 'done', next: 'done', families: ['live'] }],
  },
);

weakness(
  'W25: the options of a popup',
  async (stage) => {
    const opened = jest.spyOn(window, 'open');
    stage.windows.posts = (_, popup) => void (popup.closed = true); // by the user
    const client = stage.open();
    const config = {};
    for (const _ of [1, 2]) await stage.comesTo(client.loginWithPopup({}, config));
    return { config: Object.keys(config), opened: opened.mock.calls.length };
  },
  {
    'auth0-spa-js': [
      'are written to, so that a closed window is used again',
      { config: ['popup'], opened: 1 },
    ],
    latchkey: ['are only read', { config: [], opened: 2 }],
  },
);

weakness(
  'W25: what the app’s router has noted of the page',
  async (stage) => {
    history.replaceState({ scrolled: 400 }, '', '/?token=transferred');
    try {
      const client = stage.open({ sessionTransferTokenQueryParamName: 'token' });
      await stage.settle(client.loginWithRedirect({ openUrl: () => {} }));
      return history.state as unknown;
    } finally {
      history.replaceState(null, '', '/');
    }
  },
  {
    'auth0-spa-js': ['is wiped out', {}],
    latchkey: ['stays', { scrolled: 400 }],
  },
);

weakness(
  'W26: a user that the app writes to',
  async (stage) => {
    const client = await signedIn(stage);
    const user = await stage.settle(client.getUser());
    try {
      Object.assign(user ?? {}, { name: 'Mallory' });
    } catch {
      // frozen
    }
    return (await stage.settle(client.getUser()))?.['name'];
  },
  {
    'auth0-spa-js': ['is another user for everybody', 'Mallory'],
    latchkey: ['cannot be written to', 'Ada'],
  },
);

weakness(
  'W26: a list or an object in the user that the app writes to',
  async (stage) => {
    stage.signIn(ada);
    const client = stage.open({ authorizationParams: { scope: 'openid profile address' } });
    expect(await stage.logIn(client)).toBe('done');
    const user = await stage.settle(client.getUser());
    try {
      Object.assign(user?.['address'] as object, { locality: 'Erewhon' });
    } catch {
      // frozen
    }
    return (await stage.settle(client.getUser()))?.['address'];
  },
  {
    'auth0-spa-js': ['is another one for everybody', { locality: 'Erewhon' }],
    latchkey: ['cannot be written to', { locality: 'London' }],
  },
);

weakness(
  'W27: a cookie that is no JSON',
  async (stage) => {
    document.cookie = `auth0.${stage.clientId}.is.authenticated={; path=/`;
    return stage.comesTo(stage.open().checkSession());
  },
  {
    'auth0-spa-js': ['makes checkSession() fail', 'no code'],
    latchkey: ['is no obstacle', 'done'],
  },
);

weakness(
  'W27: a damaged transaction',
  async (stage) => {
    stage.signIn(ada);
    const client = stage.open();
    const back = await stage.leave(client);
    for (const name of Object.keys(sessionStorage)) sessionStorage.setItem(name, '{');
    return stage.comesTo(client.handleRedirectCallback(back));
  },
  {
    'auth0-spa-js': ['is a syntax error', 'no code'],
    latchkey: ['is none', 'missing_transaction'],
  },
);

weakness(
  'W27: a localStorage that is blocked',
  async (stage) => {
    const refuse = function (this: Storage, ..._: unknown[]): never {
      throw new DOMException('blocked', 'SecurityError');
    };
    const { localStorage } = globalThis;
    const blocked = new Proxy(localStorage, { get: refuse, ownKeys: refuse });
    Object.defineProperty(globalThis, 'localStorage', { value: blocked, configurable: true });
    try {
      stage.signIn(ada);
      const client = stage.open();
      const login = await stage.logIn(client);
      return { login, token: await stage.comesTo(client.getTokenSilently()) };
    } finally {
      Object.defineProperty(globalThis, 'localStorage', { value: localStorage, configurable: true });
    }
  },
  {
    'auth0-spa-js': ['makes a login fail', { login: 'no code', token: 'no code' }],
    latchkey: ['is done without', { login: 'done', token: 'done' }],
  },
);

weakness(
  'W28: a domain with a slash at its end',
  async (stage) => {
    let sentTo = '';
    const client = stage.open({ domain: `${stage.tenant.baseUrl}/` });
    await stage.settle(client.loginWithRedirect({ openUrl: (url) => void (sentTo = url) }));
    return new URL(sentTo).pathname;
  },
  {
    'auth0-spa-js': ['is two slashes in every address', '//authorize'],
    latchkey: ['is the same domain', '/authorize'],
  },
);

weakness(
  'W29: a refusal in words of its own',
  async (stage) => {
    const client = await signedIn(stage, { useRefreshTokensFallback: true });
    await stage.tenant.scenario('revoked-from-console', { client_id: stage.clientId });
    alterAnswers(stage, (answer) => ('error' in answer ? { ...answer, error_description: 'Sorry' } : answer));
    return stage.comesTo(client.getTokenSilently(off));
  },
  {
    'auth0-spa-js': ['is not known as one, and the iframe is not tried', 'invalid_grant'],
    latchkey: ['is known by its code, and the iframe is tried', 'done'],
  },
);

weakness(
  'W29: what is told of an ID token that is refused, a tenant that cannot be reached, and one that is silent',
  async (stage) => {
    stage.signIn(ada);
    const client = stage.open();
    const refused = await stage.logIn(client, {}, (url) => url.searchParams.set('nonce', 'injected'));
    expect(await stage.logIn(client)).toBe('done');
    stage.fault({ kind: 'drop-request', times: 3 });
    const unreachable = await stage.comesTo(client.getTokenSilently(off));
    stage.tenant.faults.clear();
    await stage.pass(60);
    stage.fault({ kind: 'hang', ms: 60_000, times: 3 });
    const silent = await stage.comesTo(client.getTokenSilently(off));
    return { refused, unreachable, silent };
  },
  {
    'auth0-spa-js': ['has no code', { refused: 'no code', unreachable: 'no code', silent: 'no code' }],
    latchkey: [
      'has a code of its own',
      { refused: 'invalid_id_token', unreachable: 'network_error', silent: 'timeout' },
    ],
  },
);

weakness(
  'W9: a fetcher’s call that names no audience',
  async (stage) => {
    const client = await signedIn(stage);
    const fetcher = client.createFetcher({ baseUrl: api, fetch: async () => new Response() });
    return stage.comesTo(fetcher.fetchWithAuth('/things'));
  },
  {
    'auth0-spa-js': ['is for none, whatever the client’s is', 'missing_refresh_token'],
    latchkey: ['is for the client’s', 'done'],
  },
);

weakness(
  'W10: a scope for the client’s own audience, in a map',
  async (stage) => {
    stage.signIn(ada);
    const scope = { [api]: 'read:things', default: 'profile' };
    const client = stage.open({ authorizationParams: { audience: api, scope } });
    let asked = '';
    await stage.logIn(client, {}, (url) => (asked = url.searchParams.get('scope') ?? ''));
    return {
      asked: asked.split(' ').includes('read:things'),
      next: await stage.comesTo(client.getTokenSilently()),
    };
  },
  {
    'auth0-spa-js': [
      'is not asked for at the login, and missed afterwards',
      { asked: false, next: 'missing_refresh_token' },
    ],
    latchkey: ['is asked for at the login, too', { asked: true, next: 'done' }],
  },
);

weakness(
  'W22: a revocation that the worker will not send',
  async (stage) => {
    stage.signIn(ada);
    const client = stage.open({ ...memory, domain: `${stage.tenant.baseUrl}/` });
    await stage.logIn(client);
    const revocation = await stage.comesTo(client.revokeRefreshToken());
    return { revocation, families: verdicts(stage) };
  },
  {
    'auth0-spa-js': ['is told as done, and nothing was sent', { revocation: 'done', families: [] }],
    latchkey: ['is none: it is sent', { revocation: 'done', families: ['revoked'] }],
  },
);

weakness(
  'W20: a fetcher’s call to another origin than that of its baseUrl',
  async (stage) => {
    const client = await signedIn(stage);
    const received: string[] = [];
    const fetcher = client.createFetcher({
      baseUrl: api,
      async fetch({ url, headers }) {
        received.push(`${new URL(url).origin} ${(headers.get('authorization') ?? '').slice(0, 7)}`);
        return new Response();
      },
    });
    const call = await stage.comesTo(fetcher.fetchWithAuth(`${evil}/next`, {}, { audience: api }));
    return { call, received };
  },
  {
    'auth0-spa-js': ['takes the token there', { call: 'done', received: [`${evil} Bearer `] }],
    latchkey: ['is refused before anything is sent', { call: 'invalid_configuration', received: [] }],
  },
);

/** A story in a browser that has IndexedDB. */
const withDatabase =
  (story: (stage: Stage) => Promise<unknown>) =>
  async (stage: Stage): Promise<unknown> => {
    Object.defineProperty(globalThis, 'indexedDB', { value: new IDBFactory(), configurable: true });
    try {
      return await story(stage);
    } finally {
      Reflect.deleteProperty(globalThis, 'indexedDB');
    }
  };
const withDpop: ClientOptions = { useDpop: true };
const proofOf = ({ headers }: { headers: Headers }) => headers.get('dpop') ?? '';

weakness(
  'W20: a Request with a body, whose API wants another nonce in its proof,',
  withDatabase(async (stage) => {
    const client = stage.open(withDpop);
    const bodies: string[] = [];
    const fetcher = client.createFetcher({
      baseUrl: api,
      dpopNonceId: 'api',
      getAccessToken: async () => ({ access_token: 'bound', token_type: 'DPoP' }),
      async fetch(request) {
        bodies.push(await request.text());
        const headers = { 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': 'next' };
        return bodies.length === 1 ? new Response('', { status: 401, headers }) : new Response();
      },
    });
    const request = new Request(`${api}/things`, { method: 'POST', body: 'a=b' });
    const call = await stage.comesTo(fetcher.fetchWithAuth(request));
    return { call, bodies };
  }),
  {
    'auth0-spa-js': ['fails', { call: 'no code', bodies: ['a=b'] }],
    latchkey: ['is sent again, whole', { call: 'done', bodies: ['a=b', 'a=b'] }],
  },
);

weakness(
  'W19: two clients that need their key for the first time, at once,',
  withDatabase(async (stage) => {
    const clients = [1, 2].map(() => stage.open(withDpop));
    const params = { url: api, method: 'GET', accessToken: 'a' };
    const proofs = await stage.settle(Promise.all(clients.map((client) => client.generateDpopProof(params))));
    return new Set(proofs.map((proof) => decodeProtectedHeader(proof).jwk?.x)).size;
  }),
  {
    'auth0-spa-js': ['prove with two keys, of which one is kept', 2],
    latchkey: ['prove with one', 1],
  },
);

weakness(
  'W19: a refresh that is sent again, since its answer did not come,',
  withDatabase(async (stage) => {
    const client = await signedIn(stage, withDpop);
    stage.sent.length = 0;
    stage.fault({ kind: 'drop-request' });
    const call = await stage.comesTo(client.getTokenSilently(off));
    const proofs = new Set(stage.sent.map((sent) => decodeJwt(proofOf(sent)).claims['jti']));
    return { call, sent: stage.sent.length, proofs: proofs.size };
  }),
  {
    'auth0-spa-js': ['has the same proof again', { call: 'done', sent: 2, proofs: 1 }],
    latchkey: ['has a proof of its own', { call: 'done', sent: 2, proofs: 2 }],
  },
);

weakness(
  'W3: after a wish for another nonce, the worker',
  withDatabase(async (stage) => {
    const client = await signedIn(stage, { ...memory, ...withDpop });
    stage.fault({ kind: 'nonce-churn' });
    return stage.comesTo(client.getTokenSilently(off));
  }),
  {
    'auth0-spa-js': ['has dropped its refresh token', 'missing_refresh_token'],
    latchkey: ['sends it again, with that nonce', 'done'],
  },
);

weakness(
  'W32: what a login by token exchange brings',
  async (stage) => {
    const exchange = { subject_token: ada, subject_token_type: 'https://legacy.example/token' };
    const answer = await stage.settle(stage.open().loginWithCustomTokenExchange(exchange));
    return 'refresh_token' in answer;
  },
  {
    'auth0-spa-js': ['tells the app the refresh token', true],
    latchkey: ['tells it no refresh token', false],
  },
);
