/**
 * @jest-environment ./__tests__/support/jsdom-environment.js
 * @jest-environment-options {"url": "http://localhost:3000/"}
 *
 * What auth0-spa-js 2.27.0 does badly, story by story, and what latchkey does instead: both play the same story, and each has to
 * come out as it is said. The numbers are those of docs/migrating-from-auth0-spa-js.md.
 */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
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
afterEach(closePage);

/** How a story ends, in words for the test's name, and what it returns then. */
type Ending = readonly [what: string, outcome: unknown];

function weakness(
  what: string,
  story: (stage: Stage, sdk: Sdk) => Promise<unknown>,
  endings: Readonly<Record<Sdk, Ending>>,
): void {
  describe(what, () => {
    it.each(sdks.map((sdk) => [sdk, endings[sdk][0]] as const))('%s: %s', async (sdk) => {
      expect(await story(aStage(sdk), sdk)).toEqual(endings[sdk][1]);
    });
  });
}

const off = { cacheMode: 'off' } as const;
const memory: ClientOptions = { cacheLocation: 'memory' };

/** Ada, signed in. */
async function signedIn(stage: Stage, options?: ClientOptions): Promise<Client> {
  stage.signIn(ada);
  const client = stage.open(options);
  expect(await stage.logIn(client)).toBe('done');
  return client;
}

const verdicts = ({ tenant }: Stage) => tenant.families().map(({ verdict }) => verdict);

/** The tenant's next answers at the token endpoint, changed. */
function alterAnswers(stage: Stage, alter: (answer: Record<string, unknown>) => Record<string, unknown>): void {
  stage.intercept = (request) =>
    stage.tenant.fetch(request).then(async (response) => {
      const answer = (await response.json()) as Record<string, unknown>;
      return new Response(JSON.stringify(alter(answer)), { status: response.status });
    });
}

/** Whatever `change` does to its claims, under a signature that neither SDK verifies. */
function withClaims(idToken: unknown, changes: Record<string, unknown>): string {
  const [header, , signature] = String(idToken).split('.');
  const claims = Buffer.from(JSON.stringify({ ...decodeJwt(String(idToken)).claims, ...changes }));
  return `${header}.${claims.toString('base64url')}.${signature}`;
}

describe('tokens of somebody else', () => {
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
        { callback: 'invalid_id_token', next: 'missing_refresh_token', org: undefined, families: ['revoked'] },
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
      return { token, families: verdicts(stage), isAuthenticated: await stage.settle(client.isAuthenticated()) };
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
});

describe('W5: parameters of the caller that only the SDK may set', () => {
  const evil = 'https://evil.example';
  /** By every name that they go by on the wire, in auth0-spa-js or here, with the worst value. */
  const worst: Readonly<Record<string, unknown>> = {
    ...Object.fromEntries(
      (
        'client_id grant_type refresh_token code code_verifier ' +
        'response_type response_mode state nonce code_challenge code_challenge_method ' +
        'baseUrl auth0Client dpop useMrrt preserveRefreshToken skipTokenStorage ' +
        'clientId domain domainUrl issuer token_endpoint authorization_endpoint url method headers body'
      )
        .split(' ')
        .map((name) => [name, evil]),
    ),
    useFormData: false,
  };
  const secrets = ['refresh_token', 'state', 'nonce', 'code_challenge'];

  /** What of a request is the SDK's alone; secrets are all alike, as long as nobody knows them. */
  const ownParts = (url: URL, parameters: URLSearchParams, headers = new Headers()): [string, string][] => [
    ['endpoint', url.origin + url.pathname],
    ...['content-type', 'auth0-client'].map((name): [string, string] => [name, headers.get(name) ?? '']),
    ...[...parameters]
      .filter(([name]) => name in worst)
      .map(([name, value]): [string, string] => [
        name,
        secrets.includes(name) && value !== evil ? 'a secret' : value,
      ]),
  ];

  /** The names that change such a part, at construction or per call. */
  async function overriding(
    ask: (options: ClientOptions, authorizationParams: object) => Promise<[string, string][]>,
  ): Promise<string[]> {
    const plain = await ask({}, {});
    const found: string[] = [];
    for (const [name, value] of Object.entries(worst)) {
      const params = { [name]: value };
      const shown = await Promise.all([await ask({ authorizationParams: params }, {}), await ask({}, params)]);
      for (const parts of shown) {
        const isChanged = plain.some(([part, value]) => new Map(parts).get(part) !== value);
        if (isChanged || parts.length !== new Map(parts).size) found.push(name);
      }
    }
    return found;
  }

  weakness(
    'W5: in a refresh',
    async (stage) => {
      await signedIn(stage);
      return overriding(async (options, authorizationParams) => {
        stage.sent.length = 0;
        await stage.comesTo(stage.open(options).getTokenSilently({ ...off, authorizationParams }));
        return stage.sent.flatMap(({ url, form, headers }) => ownParts(url, form, headers));
      });
    },
    {
      'auth0-spa-js': ['take effect', []],
      latchkey: ['change nothing', []],
    },
  );

  weakness(
    'W5: at the authorization endpoint',
    async (stage) =>
      overriding(async (options, authorizationParams) => {
        let sentTo = '';
        const openUrl = (url: string) => void (sentTo = url);
        await stage.settle(stage.open(options).loginWithRedirect({ openUrl, authorizationParams }));
        const url = new URL(sentTo);
        return ownParts(url, url.searchParams);
      }),
    {
      'auth0-spa-js': ['take effect', []],
      latchkey: ['change nothing', []],
    },
  );

  weakness(
    'W5: in a hidden iframe, and when its code is exchanged',
    async (stage) => {
      stage.signIn(ada);
      return overriding(async (options, authorizationParams) => {
        const client = stage.open({ ...options, ...memory, useRefreshTokens: false });
        stage.sent.length = 0;
        stage.frames.opened.length = 0;
        await stage.comesTo(client.getTokenSilently({ ...off, authorizationParams }));
        return [
          ...stage.frames.opened.flatMap((url) => ownParts(url, url.searchParams)),
          ...stage.sent.flatMap(({ url, form, headers }) => ownParts(url, form, headers)),
        ];
      });
    },
    {
      'auth0-spa-js': ['take effect', []],
      latchkey: ['change nothing', []],
    },
  );
});

void [api, app, oddApi, post, jest];
export type { ICache };
