import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { calculateJwkThumbprint, decodeProtectedHeader, type JWK } from 'jose';
import type { Auth0ClientOptions, FetcherConfig } from '../../src/core/options.ts';
import type { Environment } from '../../src/environment.ts';
import { StorageError } from '../../src/errors.ts';
import { decodeJwt } from '../../src/oauth/jwt.ts';
import { ada, audience, billing, createWorld, grace, orders, type WorldOptions } from '../support/world.ts';

interface Received {
  readonly url: string;
  readonly method: string;
  readonly authorization: string | null;
  readonly proof: Record<string, unknown> | undefined;
  readonly jkt: string | undefined;
  readonly body: string;
}

type Answer = (received: Received, n: number) => Response | Promise<Response>;

const unauthorized = (challenge: string, headers: Record<string, string> = {}) =>
  new Response('no', { status: 401, headers: { 'www-authenticate': challenge, ...headers } });
const ok: Answer = () => new Response('fine');
const invalidToken = () => unauthorized('Bearer error="invalid_token"');

/** A signed-in tab, and an API that notes what it receives before it answers. */
async function aPage(
  answer: Answer = ok,
  options: Partial<Auth0ClientOptions> = {},
  given: WorldOptions = {},
  ports: Partial<Environment> = {},
) {
  const world = createWorld({ dpop: options.useDpop === true, ...given });
  const received: Received[] = [];
  const api = async (request: Request): Promise<Response> => {
    const dpop = request.headers.get('dpop');
    const it: Received = {
      url: request.url,
      method: request.method,
      authorization: request.headers.get('authorization'),
      proof: dpop === null ? undefined : decodeJwt(dpop).claims,
      jkt: dpop === null ? undefined : await calculateJwkThumbprint(decodeProtectedHeader(dpop).jwk as JWK),
      body: await request.text(),
    };
    received.push(it);
    return answer(it, received.length);
  };
  const tab = world.openTab(options, { fetch: api, ...ports });
  await tab.login();
  return { world, tab, client: tab.client, received, api };
}

const things = `${audience}/things`;
const tokenIn = (received: Received | undefined) => (received?.authorization ?? '').split(' ')[1];

describe('fetchWithAuth', () => {
  it('sends the token of getTokenSilently(), for the audience of the client', async () => {
    const { client, received } = await aPage();
    const response = await client
      .createFetcher()
      .fetchWithAuth(things, { headers: { accept: 'text/plain' } });
    await expect(response.text()).resolves.toBe('fine');
    expect(received).toMatchObject([
      { url: things, method: 'GET', authorization: `Bearer ${await client.getTokenSilently()}` },
    ]);
  });

  it.each([
    ['things', 'https://api.example/v1', 'https://api.example/v1/things'],
    ['/things?a=b', 'https://api.example/v1/', 'https://api.example/v1/things?a=b'],
    ['@evil.example/', 'https://api.example', 'https://api.example/@evil.example/'],
    ['https://api.example/other', 'https://api.example/v1', 'https://api.example/other'],
    ['/things', '/api', 'http://localhost:3000/api/things'],
  ])('joins %s to %s', async (info, baseUrl, whole) => {
    const { client, received } = await aPage();
    await client.createFetcher({ baseUrl }).fetchWithAuth(info);
    expect(received.map(({ url }) => url)).toEqual([whole]);
  });

  it.each<[string, RequestInfo | URL, Partial<FetcherConfig<Response>>]>([
    ['another origin than that of its baseUrl', 'https://evil.example/x', { baseUrl: audience }],
    ['another origin, in a Request', new Request('https://evil.example/x'), { baseUrl: audience }],
    ['another origin, in a URL', new URL('https://evil.example/x'), { baseUrl: audience }],
    ['another origin without a scheme', '//evil.example/x', { baseUrl: audience }],
    ['another port', 'https://api.example:8443/x', { baseUrl: audience }],
    ['another scheme', 'http://api.example/x', { baseUrl: audience }],
    ['a name that only begins alike', 'https://api.example.evil.example/', { baseUrl: audience }],
    ['another user’s part', 'https://api.example@evil.example/', { baseUrl: audience }],
    ['one that is not the audience’s, where none is named', 'https://evil.example/x', {}],
    ['the audience’s, where others are named', things, { allowedOrigins: [orders] }],
    ['a path without a baseUrl', '/things', {}],
    ['an allowed origin that is no whole one', things, { allowedOrigins: ['api.example'] }],
    ['what is no address', 'https://', { baseUrl: audience }],
    ['a Request for data', new Request('data:,x'), { baseUrl: audience, fetch: async () => new Response() }],
    ['a Request for a Blob', new Request(`blob:${things}`), { baseUrl: audience }],
    ['a Request of another scheme', new Request('ftp://evil.example/x'), { baseUrl: audience }],
    ['an address that names a user', 'https://ada:secret@api.example/', { baseUrl: audience }],
    ['a backslash, where the page is the base', '\\\\evil.example/x', { baseUrl: '/' }],
    ['a line break, where the page is the base', '/\n/evil.example/x', { baseUrl: '/' }],
    ['null for an address', null as never, {}],
    ['a symbol for an address', Symbol('x') as never, {}],
    ['a fetch that is none', things, { fetch: 'x' as never }],
    ['a function for tokens that is none', things, { getAccessToken: 'x' as never }],
  ])('sends nothing, and gets no token, for %s', async (_, info, config) => {
    const { client, received, world } = await aPage();
    world.sleep(3_600_000);
    const sent = world.requests.length;
    await expect(client.createFetcher(config).fetchWithAuth(info)).rejects.toMatchObject({
      error: 'invalid_configuration',
    });
    expect(received).toEqual([]);
    expect(world.requests).toHaveLength(sent);
  });

  it.each<[string, never]>([
    ['audience', { audience: Symbol('x') } as never],
    ['scope', { scope: [Symbol('x')] } as never],
  ])('of a call whose %s has no text sends nothing', async (_, params) => {
    const { client, received } = await aPage();
    await expect(client.createFetcher().fetchWithAuth(things, {}, params)).rejects.toMatchObject({
      error: 'invalid_configuration',
    });
    expect(received).toEqual([]);
  });

  it.each([null, 'https://api.example'])('is not to be had for %p', async (config) => {
    const { client } = createWorld().openTab();
    expect(() => client.createFetcher(config as never)).toThrow(
      expect.objectContaining({ error: 'invalid_configuration' }),
    );
  });

  it.each(['in the same page', 'in another tab'])(
    'that is answered 401 is not sent again as somebody else, who has signed in %s',
    async (where) => {
      let answer = () => {};
      const late = new Promise<void>((resolve) => (answer = resolve));
      const { client, received, tab, world } = await aPage(async () => {
        await late;
        return invalidToken();
      });
      const call = client.createFetcher().fetchWithAuth(things, { method: 'POST', body: 'Ada’s' });
      await world.rest();
      await (where === 'in the same page' ? tab : world.openTab()).login(grace);
      answer();
      expect((await call).status).toBe(401);
      expect(received).toHaveLength(1);
    },
  );

  it('sends tokens to the origins that the app names beside its baseUrl', async () => {
    const { client, received } = await aPage();
    const fetcher = client.createFetcher({ baseUrl: audience, allowedOrigins: ['https://cdn.example'] });
    await fetcher.fetchWithAuth('https://cdn.example/x');
    expect(received.map(({ url, authorization }) => [url, authorization?.slice(0, 7)])).toEqual([
      ['https://cdn.example/x', 'Bearer '],
    ]);
  });

  it('asks for the audience and scope that the call names', async () => {
    const { client, received } = await aPage(ok, {}, { multiResource: true });
    await client.loginWithCustomTokenExchange({
      subject_token: ada,
      subject_token_type: 'https://legacy.example/token',
      audience: orders,
    });
    const params = { audience: orders, scope: ['read:things'] };
    await client.createFetcher().fetchWithAuth(`${orders}/1`, undefined, params);
    expect(decodeJwt(tokenIn(received[0]) ?? '').claims['aud']).toContain(orders);
  });

  it('whose call names an audience of undefined keeps to the client’s', async () => {
    const { client, received } = await aPage();
    await client.createFetcher().fetchWithAuth(things, {}, { audience: undefined, scope: undefined });
    expect(decodeJwt(tokenIn(received[0]) ?? '').claims['aud']).toContain(audience);
  });

  it.each<[string, (body: string) => [RequestInfo, RequestInit?]]>([
    ['a text', (body) => [things, { method: 'POST', body }]],
    ['a form', (body) => [things, { method: 'POST', body: new URLSearchParams(body) }]],
    ['bytes', (body) => [things, { method: 'POST', body: new TextEncoder().encode(body) }]],
    ['a Blob', (body) => [things, { method: 'POST', body: new Blob([body]) }]],
    ['a Request', (body) => [new Request(things, { method: 'POST', body })]],
    [
      'a Request with other headers',
      (body) => [new Request(things, { method: 'POST', body }), { headers: { a: 'b' } }],
    ],
  ])('that is answered 401 gets one new token, and sends %s again whole', async (_, request) => {
    const { client, received, world } = await aPage((_received, n) =>
      n === 1 ? invalidToken() : new Response(),
    );
    const response = await client.createFetcher().fetchWithAuth(...request('a=b'));
    expect(response.status).toBe(200);
    expect(received.map(({ method, body }) => [method, body])).toEqual([
      ['POST', 'a=b'],
      ['POST', 'a=b'],
    ]);
    expect(tokenIn(received[1])).not.toBe(tokenIn(received[0]));
    expect(world.refreshes()).toHaveLength(1);
  });

  it('that is answered 401 again returns that: nothing is tried for ever', async () => {
    const { client, received, world } = await aPage(invalidToken);
    const response = await client.createFetcher().fetchWithAuth(things);
    expect(response.status).toBe(401);
    expect(received).toHaveLength(2);
    expect(world.refreshes()).toHaveLength(1);
  });

  it('never sends a stream twice: its 401 is returned, and costs no token', async () => {
    const { client, received, world } = await aPage(invalidToken);
    const body = new Blob(['a=b']).stream();
    const init = { method: 'POST', body, duplex: 'half' } as RequestInit;
    const response = await client.createFetcher().fetchWithAuth(things, init);
    expect(response.status).toBe(401);
    await expect(response.text()).resolves.toBe('no');
    expect(received.map((it) => it.body)).toEqual(['a=b']);
    expect(world.refreshes()).toEqual([]);
  });

  it('of many calls that are refused at once costs one refresh', async () => {
    const refused = new Set<string | undefined>();
    const { client, received, world } = await aPage((it, n) => {
      if (n === 1) refused.add(tokenIn(it));
      return refused.has(tokenIn(it)) ? invalidToken() : new Response();
    });
    const fetcher = client.createFetcher();
    const responses = await Promise.all(Array.from({ length: 5 }, () => fetcher.fetchWithAuth(things)));
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect((await fetcher.fetchWithAuth(things)).status).toBe(200);
    expect(received).toHaveLength(11);
    expect(world.refreshes()).toHaveLength(1);
  });

  it('that is refused once another call has renewed the token takes that one', async () => {
    let answer = () => {};
    const late = new Promise<void>((resolve) => (answer = resolve));
    const { client, world } = await aPage(async (_received, n) => {
      if (n === 1) await late;
      return n <= 2 ? invalidToken() : new Response();
    });
    const fetcher = client.createFetcher();
    const slow = fetcher.fetchWithAuth(things);
    await world.rest();
    await fetcher.fetchWithAuth(things);
    answer();
    expect((await slow).status).toBe(200);
    expect(world.refreshes()).toHaveLength(1);
  });

  it('whose new token cannot be had says why', async () => {
    const { client, world } = await aPage(invalidToken);
    world.online = false;
    await expect(client.createFetcher().fetchWithAuth(things)).rejects.toMatchObject({
      error: 'network_error',
      retryable: true,
    });
  });

  it('whose API asks for a stronger login tells what for, and sends nothing again', async () => {
    const { client, received } = await aPage(() =>
      unauthorized(
        'Bearer realm="a, error=\\"x\\"", error="insufficient_user_authentication", acr_values="urn:mfa urn:pin", max_age="5"',
      ),
    );
    await expect(client.createFetcher().fetchWithAuth(things)).rejects.toMatchObject({
      name: 'InsufficientUserAuthenticationError',
      error: 'insufficient_user_authentication',
      acr_values: 'urn:mfa urn:pin',
      max_age: 5,
      requiresLogin: true,
    });
    expect(received).toHaveLength(1);
  });

  it('reads no error out of what another parameter quotes', async () => {
    const description = String.raw`"a \", error=insufficient_user_authentication, b"`;
    const { client } = await aPage((_received, n) =>
      n === 1
        ? unauthorized(`Bearer error_description=${description}, error="invalid_token"`)
        : new Response(),
    );
    expect((await client.createFetcher().fetchWithAuth(things)).status).toBe(200);
  });

  it('is not kept busy by a challenge of any length', async () => {
    const challenge = 'a'.repeat(100_000); // whoever takes the square of that is late for this test
    const { client, received } = await aPage(() => unauthorized(challenge));
    expect((await client.createFetcher().fetchWithAuth(things)).status).toBe(401);
    expect(received).toHaveLength(2);
  });

  it('that is aborted while it waits for its token sends nothing', async () => {
    const { client, received } = await aPage();
    await expect(
      client.createFetcher().fetchWithAuth(things, { signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ error: 'aborted' });
    expect(received).toEqual([]);
  });
});

describe('a fetcher with a function for tokens', () => {
  it('sends what that brings, and asks it for a new one where that is refused', async () => {
    const { client, received } = await aPage((_received, n) => (n === 1 ? invalidToken() : new Response()));
    const asked: unknown[] = [];
    const fetcher = client.createFetcher({
      baseUrl: audience,
      async getAccessToken(...args) {
        asked.push(args);
        return `token-${asked.length}`;
      },
    });
    await fetcher.fetchWithAuth('x', {}, { audience: billing });
    expect(received.map(({ authorization }) => authorization)).toEqual(['Bearer token-1', 'Bearer token-2']);
    expect(asked).toEqual([
      [{ audience: billing }, { cacheMode: 'on' }],
      [{ audience: billing }, { cacheMode: 'off' }],
    ]);
  });

  it('that brings the same again returns the 401', async () => {
    const { client, received } = await aPage(invalidToken);
    const fetcher = client.createFetcher({ getAccessToken: async () => 'mine' });
    expect((await fetcher.fetchWithAuth(things)).status).toBe(401);
    expect(received).toHaveLength(1);
  });

  it('is not waited for by a call that was aborted', async () => {
    const { client, received } = await aPage();
    const fetcher = client.createFetcher({ getAccessToken: () => new Promise(() => {}) });
    const abort = new AbortController();
    const call = fetcher.fetchWithAuth(things, { signal: abort.signal });
    abort.abort();
    await expect(call).rejects.toMatchObject({ error: 'aborted' });
    expect(received).toEqual([]);
  });

  it('that brings a token without its type brings a bearer token', async () => {
    const { client, received } = await aPage();
    const getAccessToken = async () => ({ access_token: 'mine' }) as never;
    await client.createFetcher({ getAccessToken }).fetchWithAuth(things);
    expect(received).toMatchObject([{ authorization: 'Bearer mine' }]);
  });

  it('that brings what no header can hold is told so without a word of it', async () => {
    const { client, received } = await aPage();
    const fetcher = client.createFetcher({ getAccessToken: async () => 'secret\nfine' });
    const error: unknown = await fetcher.fetchWithAuth(things).catch((it: unknown) => it);
    expect(error).toMatchObject({ error: 'missing_access_token' });
    expect(inspect(error)).not.toContain('secret');
    expect(received).toEqual([]);
  });

  it.each([undefined, ''])('that brings %p is a missing_access_token', async (nothing) => {
    const { client, received } = await aPage();
    const fetcher = client.createFetcher({ getAccessToken: async () => nothing });
    await expect(fetcher.fetchWithAuth(things)).rejects.toMatchObject({ error: 'missing_access_token' });
    expect(received).toEqual([]);
  });
});

describe('a fetcher with a fetch of its own', () => {
  const headers: [string, [string, string][] | Record<string, string> | Headers][] = [
    ['Headers', new Headers({ 'www-authenticate': 'Bearer error="invalid_token"' })],
    ['pairs', [['WWW-Authenticate', 'Bearer error="invalid_token"']]],
    ['an object', { 'WWW-Authenticate': 'Bearer error="invalid_token"' }],
  ];
  it.each(headers)(
    'understands an answer with headers in %s, and returns it as it is',
    async (_, headers) => {
      const { client, received } = await aPage();
      const answers = [
        { status: 401, headers, data: 1 },
        { status: 200, headers, data: 2 },
      ];
      const requests: Request[] = [];
      const fetcher = client.createFetcher({
        async fetch(request) {
          requests.push(request);
          return answers.shift()!;
        },
      });
      await expect(fetcher.fetchWithAuth(things)).resolves.toMatchObject({ data: 2 });
      expect(requests).toHaveLength(2);
      expect(received).toEqual([]);
    },
  );
});

describe('a fetcher whose fetch tells headers in other ways', () => {
  it.each<[string, never]>([
    ['as a list', { 'www-authenticate': ['Bearer error="invalid_token"'] } as never],
    ['as a number', { 'www-authenticate': 5 } as never],
    ['not at all', undefined as never],
  ])('returns what that brings: %s', async (_, headers) => {
    const { client } = await aPage();
    const fetcher = client.createFetcher({ fetch: async () => ({ status: 401, headers, data: 1 }) });
    await expect(fetcher.fetchWithAuth(things)).resolves.toMatchObject({ data: 1 });
  });
});

describe('a fetcher with DPoP', () => {
  const nonces =
    (...wanted: string[]): Answer =>
    ({ proof }) => {
      const [nonce = ''] = wanted;
      if (proof?.['nonce'] === nonce) {
        if (wanted.length > 1) wanted.shift();
        return new Response('fine', { headers: { 'dpop-nonce': wanted[0] ?? '' } });
      }
      return unauthorized('DPoP error="use_dpop_nonce", algs="ES256"', { 'dpop-nonce': nonce });
    };

  it('proves each request: its method, its address without a query, its token, by the token’s key', async () => {
    const { client, received } = await aPage(ok, { useDpop: true });
    await client.createFetcher().fetchWithAuth(`${things}?a=b#c`, { method: 'PATCH' });
    const [it] = received;
    const hash = new Uint8Array(
      await crypto.subtle.digest('SHA-256', new TextEncoder().encode(tokenIn(it) ?? '')),
    );
    expect(it?.authorization).toMatch(/^DPoP /);
    expect(it?.proof).toMatchObject({
      htm: 'PATCH',
      htu: things,
      ath: Buffer.from(hash).toString('base64url'),
    });
    expect(decodeJwt(tokenIn(it) ?? '').claims['cnf']).toEqual({ jkt: it?.jkt });
  });

  it('sends a request with a body again, whole, with the nonce that the API wants', async () => {
    const { client, received } = await aPage(nonces('one'), { useDpop: true });
    const fetcher = client.createFetcher({ baseUrl: audience, dpopNonceId: 'things' });
    const request = new Request(things, { method: 'POST', body: 'a=b' });
    expect((await fetcher.fetchWithAuth(request)).status).toBe(200);
    expect(received.map(({ proof, body }) => [proof?.['nonce'], body])).toEqual([
      [undefined, 'a=b'],
      ['one', 'a=b'],
    ]);
    expect(new Set(received.map(({ proof }) => proof?.['jti'])).size).toBe(2);
    await expect(client.getDpopNonce('things')).resolves.toBe('one');
  });

  it('uses the nonce that an API wants even if no store takes it', async () => {
    const { keys } = createWorld().openTab().env;
    const isFull = (record: unknown) => ((record as { nonces?: unknown[] }).nonces?.length ?? 0) > 1;
    const update: typeof keys.update = (name, step) =>
      keys.update(name, (found) => {
        const [next, result] = step(found);
        if (next !== found && isFull(next)) throw new StorageError('full');
        return [next, result];
      });
    const { client, received } = await aPage(
      nonces('one'),
      { useDpop: true },
      {},
      { keys: { ...keys, update } },
    );
    expect((await client.createFetcher().fetchWithAuth(things)).status).toBe(200);
    expect(received.map(({ proof }) => proof?.['nonce'])).toEqual([undefined, 'one']);
  });

  it('keeps the nonce of each answer for the next request, also without a name for it', async () => {
    const { client, received } = await aPage(nonces('one', 'two', 'three'), { useDpop: true });
    const fetcher = client.createFetcher();
    for (let n = 0; n < 3; n++) expect((await fetcher.fetchWithAuth(things)).status).toBe(200);
    expect(received.map(({ proof }) => proof?.['nonce'])).toEqual([undefined, 'one', 'two', 'three']);
  });

  it.each([
    ['wants another nonce each time', { 'dpop-nonce': 'again' }, 2, 'again'],
    ['sends none', {}, 1, undefined],
  ])('whose API %s says so', async (_, headers, times, newDpopNonce) => {
    const { client, received } = await aPage(() => unauthorized('DPoP error="invalid_dpop_nonce"', headers), {
      useDpop: true,
    });
    await expect(client.createFetcher().fetchWithAuth(things)).rejects.toMatchObject({
      name: 'UseDpopNonceError',
      error: 'use_dpop_nonce',
      newDpopNonce,
    });
    expect(received).toHaveLength(times);
  });

  it('never sends a stream twice, whatever nonce is wanted; the next call has it', async () => {
    const { client, received } = await aPage(nonces('one'), { useDpop: true });
    const fetcher = client.createFetcher();
    const init = { method: 'POST', body: new Blob(['a=b']).stream(), duplex: 'half' } as RequestInit;
    expect((await fetcher.fetchWithAuth(things, init)).status).toBe(401);
    expect((await fetcher.fetchWithAuth(things)).status).toBe(200);
    expect(received).toHaveLength(2);
  });

  it('gets over a wrong nonce and a refused token in one call', async () => {
    const { client, received } = await aPage(
      ({ proof }, n) =>
        proof?.['nonce'] === undefined
          ? unauthorized('DPoP error="use_dpop_nonce"', { 'dpop-nonce': 'one' })
          : n === 2
            ? unauthorized('DPoP error="invalid_token"', { 'dpop-nonce': 'two' })
            : new Response(),
      { useDpop: true },
    );
    expect((await client.createFetcher().fetchWithAuth(things)).status).toBe(200);
    expect(received.map(({ proof }) => proof?.['nonce'])).toEqual([undefined, 'one', 'two']);
  });

  it('takes a mere text for a bound token only where it has a name for the nonce', async () => {
    const { client, received } = await aPage(ok, { useDpop: true });
    const getAccessToken = async () => 'mine';
    await client.createFetcher({ getAccessToken }).fetchWithAuth(things);
    await client.createFetcher({ getAccessToken, dpopNonceId: 'a' }).fetchWithAuth(things);
    expect(received.map(({ authorization, proof }) => [authorization, proof !== undefined])).toEqual([
      ['Bearer mine', false],
      ['DPoP mine', true],
    ]);
  });

  it('and DPoP off sends bearer tokens', async () => {
    const { client, received } = await aPage();
    await client.createFetcher({ dpopNonceId: 'a' }).fetchWithAuth(things);
    await client
      .createFetcher({ dpopNonceId: 'a', getAccessToken: async () => 'mine' })
      .fetchWithAuth(things);
    const bearer = { proof: undefined, authorization: expect.stringMatching(/^Bearer /) as unknown };
    expect(received).toMatchObject([bearer, bearer]);
  });

  it('reaches the tenant’s userinfo, which wants proofs and nonces itself', async () => {
    const world = createWorld({ dpop: true });
    const tab = world.openTab({
      useDpop: true,
      authorizationParams: { redirect_uri: 'http://localhost:3000' },
    });
    await tab.login();
    const { baseUrl } = world.tenant;
    const fetcher = tab.client.createFetcher({ baseUrl });
    const response = await fetcher.fetchWithAuth('/userinfo');
    await expect(response.json()).resolves.toMatchObject({ email: ada });
  });
});
