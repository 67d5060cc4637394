import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isPeerEntry } from '../../src/flows/keep-session.ts';
import {
  peerLockNames,
  readPeerSession,
  removePeerRefreshTokens,
  type PeerFamily,
} from '../../src/compatibility/auth0-spa-js-session.ts';
import type { TextStorage } from '../../src/environment.ts';
import { encodeBase64url } from '../../src/oauth/base64url.ts';
import { createTextStorage } from '../support/world.ts';

const clientId = 'shop';
const things = 'https://things.example';
const orders = 'https://orders.example';
const noon = 2_000_000_000;

// --- what the packages wrote

const folder = new URL('../fixtures/auth0-spa-js/', import.meta.url);
const fixtures = readdirSync(folder).flatMap((file) => (file.endsWith('.json') ? [file.slice(0, -5)] : []));

type Stored = Record<string, { body?: Record<string, unknown>; id_token?: string; expiresAt?: number }>;

function fixture(name: string): Stored {
  const text = readFileSync(new URL(`${name}.json`, folder), 'utf8');
  return (JSON.parse(text) as { localStorage: Stored }).localStorage;
}

function storageOf(stored: Readonly<Record<string, unknown>>): TextStorage {
  const storage = createTextStorage();
  for (const [name, value] of Object.entries(stored))
    storage.set(name, typeof value === 'string' ? value : JSON.stringify(value));
  return storage;
}

const textsOf = (storage: TextStorage) => storage.names().map((name) => [name, storage.get(name)]);

/** Without the tokens themselves: of each family, what it is for and how long its access token lasts. */
const outline = (families: readonly PeerFamily[] = []) =>
  families.map(({ audience, scope, token, keys }) => [
    audience,
    scope,
    token && token.expires_at - noon,
    keys.length,
  ]);

const asked = 'openid profile email offline_access';

describe('a session stored by auth0-spa-js', () => {
  it.each([
    ['v1-no-audience', [['', asked, 36_000, 1]]], // v1: an access token lasts no longer than the ID token
    ['v2-no-audience', [['', asked, 86_400, 1]]],
    ['v1-one-audience', [[things, 'openid profile email read:things offline_access', 3600, 1]]],
    ['v2-one-audience', [[things, 'openid read:things offline_access', 3600, 1]]],
    [
      'v1-two-audiences',
      [
        [orders, `${asked} read:orders`, 3660, 1],
        [things, asked, 3600, 1],
      ],
    ],
    [
      'v2-two-audiences',
      [
        [orders, `${asked} read:orders`, 3660, 1],
        [things, asked, 3600, 1],
      ],
    ],
    ['v2-one-token-for-two-audiences', [[orders, `${asked} read:orders`, 3660, 2]]],
    ['v1-wider-scope', [[things, 'openid profile email read:things offline_access write:things', 3600, 1]]],
    ['v2-wider-scope', [[things, 'openid read:things offline_access write:things', 3600, 1]]],
    ['v1-expired', [[things, asked, undefined, 1]]],
    ['v2-expired', [[things, asked, undefined, 1]]],
    // Both versions refreshed the narrower of two scopes. v2 has changed the token in both entries; v1 has left the
    // spent one in the wider entry.
    [
      'v1-wider-scope-refreshed',
      [
        [things, 'openid profile email read:things offline_access write:things', 10_800, 1],
        [things, 'openid profile email read:things offline_access write:things', 3600, 1],
      ],
    ],
    ['v2-wider-scope-refreshed', [[things, 'openid read:things offline_access write:things', 10_800, 2]]],
    ['v1-no-refresh-token', []],
    ['v2-no-refresh-token', []],
    ['v2-after-v1', [[things, asked, 3600, 1]]],
  ])('is read: %s', (name, families) => {
    const session = readPeerSession(storageOf(fixture(name)), clientId);
    expect(outline(session?.families)).toEqual(families);
    expect(session?.identity?.sub).toBe(name === 'v1-expired' ? undefined : 'auth0|ada'); // v1 forgets whose token it is
  });

  it('is known in every layout that was captured', () => {
    expect(fixtures).toHaveLength(16);
  });

  it.each(fixtures)('is given with every token as it was stored: %s', (name) => {
    const stored = fixture(name);
    const { id_token, families } = readPeerSession(storageOf(stored), clientId) ?? { families: [] };
    for (const { refresh_token, token, keys } of families) {
      expect(keys.map((key) => stored[key]?.body?.['refresh_token'])).toEqual(keys.map(() => refresh_token));
      const body = stored[keys[0] ?? '']?.body;
      expect(token?.access_token).toBe(body?.['access_token']);
      expect(token?.scope).toBe(body?.['oauthTokenScope']);
      expect(token?.requestedScope).toBe(token && body?.['scope']);
    }
    const idTokens = Object.values(stored).map(({ id_token, body }) => id_token ?? body?.['id_token']);
    expect(idTokens).toContain(id_token);
  });

  it.each(fixtures)('is noticed by its names alone, and belongs to one client: %s', (name) => {
    const storage = storageOf(fixture(name));
    expect(storage.names().some((name) => isPeerEntry(name, clientId))).toBe(true);
    expect(readPeerSession(storage, 'sho')).toBeUndefined();
    expect(readPeerSession(storage, 'shop2')).toBeUndefined();
  });

  it('has the ID token that v1 kept beside the access token, and the newest of several', () => {
    const [newest, other] = readPeerSession(storageOf(fixture('v1-two-audiences')), clientId)?.families ?? [];
    const session = readPeerSession(storageOf(fixture('v1-two-audiences')), clientId);
    expect(newest?.id_token).not.toBe(other?.id_token);
    expect(session?.id_token).toBe(newest?.id_token);
  });
});

describe('taking the refresh tokens out', () => {
  it.each(fixtures)('leaves everything else as it was: %s', (name) => {
    const stored = fixture(name);
    const storage = storageOf(stored);
    removePeerRefreshTokens(storage, readPeerSession(storage, clientId)?.families ?? []);

    const withoutThem = Object.entries(stored).map(([key, { body, ...rest }]) => {
      const { refresh_token: _, ...others } = body ?? {};
      return [key, JSON.stringify(body ? { body: others, ...rest } : rest)];
    });
    expect(textsOf(storage)).toEqual(withoutThem);
    expect(readPeerSession(storage, clientId)?.families ?? []).toEqual([]);
  });

  it('leaves an entry alone that by now has another refresh token', () => {
    const [name, stored] = entry({ refresh_token: 'old' });
    const storage = storageOf({ [name]: stored });
    const families = readPeerSession(storage, clientId)?.families ?? [];
    storage.set(name, JSON.stringify(entry({ refresh_token: 'late' })[1]));
    const before = textsOf(storage);
    removePeerRefreshTokens(storage, families);
    expect(textsOf(storage)).toEqual(before);
  });

  it('creates no entry where one has gone', () => {
    const storage = storageOf(Object.fromEntries([entry({ refresh_token: 'old' })]));
    const families = readPeerSession(storage, clientId)?.families ?? [];
    for (const name of storage.names()) storage.remove(name);
    removePeerRefreshTokens(storage, families);
    expect(storage.names()).toEqual([]);
  });

  it('removes an entry whole that cannot be written', () => {
    const storage = storageOf(Object.fromEntries([entry({ refresh_token: 'old' })]));
    const families = readPeerSession(storage, clientId)?.families ?? [];
    removePeerRefreshTokens({ ...storage, set: full }, families);
    expect(storage.names()).toEqual([]);
  });

  it('goes on to the next entry when one is out of reach', () => {
    const [first, one] = entry({ refresh_token: 'one' });
    const [second, two] = entry({ refresh_token: 'two', audience: orders });
    const storage = storageOf({ [first]: one, [second]: two });
    const families = readPeerSession(storage, clientId)?.families ?? [];
    const get = (name: string) => (name === first ? full() : storage.get(name));
    removePeerRefreshTokens({ ...storage, get }, families);
    expect(readPeerSession(storage, clientId)?.families.map((family) => family.refresh_token)).toEqual([
      'one',
    ]);
  });
});

function full(): never {
  throw new Error('QuotaExceededError');
}

// --- entries made here

const jwt = (claims: object) =>
  ['{"alg":"RS256"}', JSON.stringify(claims), 'signature']
    .map((part) => encodeBase64url(new TextEncoder().encode(part)))
    .join('.');

interface Made {
  readonly audience?: string;
  readonly scope?: string;
  readonly expiresAt?: unknown;
  readonly [member: string]: unknown;
}

/** A v2 entry; members of its body may be changed, or taken out by `undefined`. */
function entry({ expiresAt = noon, ...changes }: Made = {}): [name: string, value: { body: object }] {
  const { audience = things, scope = 'openid offline_access' } = changes;
  const body = {
    access_token: 'opaque',
    token_type: 'Bearer',
    audience,
    scope,
    client_id: clientId,
    ...changes,
  };
  const value = { body, expiresAt };
  return [`@@auth0spajs@@::${clientId}::${audience}::${scope}`, value];
}

const read = (...entries: readonly (readonly [string, unknown])[]) =>
  readPeerSession(storageOf(Object.fromEntries(entries)), clientId);

const user = (claims: object): [string, unknown] => [
  `@@auth0spajs@@::${clientId}::@@user@@`,
  { id_token: jwt(claims), decodedToken: {} },
];

const tokensOf = (session: ReturnType<typeof readPeerSession>) =>
  session?.families.map(({ refresh_token }) => refresh_token) ?? [];

describe('the reader of such sessions', () => {
  it('finds nothing in a storage of others', () => {
    expect(readPeerSession(createTextStorage(), clientId)).toBeUndefined();
    expect(isPeerEntry('@@auth0', clientId)).toBe(false);
  });

  it('takes a storage that throws for an empty one', () => {
    const storage = storageOf(fixture('v2-one-audience'));
    expect(readPeerSession({ ...storage, names: full }, clientId)).toBeUndefined();
    expect(readPeerSession({ ...storage, get: full }, clientId)).toBeUndefined();
  });

  it.each([
    ['not JSON', '{"body":{'],
    ['an array', '[]'],
    ['a text', '"body"'],
    ['null', 'null'],
    ['no body', '{"expiresAt":2000000000}'],
    ['a body that is a list', '{"body":["refresh_token"],"expiresAt":2000000000}'],
    ['a refresh token that is no text', '{"body":{"refresh_token":7},"expiresAt":2000000000}'],
    ['an empty refresh token', '{"body":{"refresh_token":""},"expiresAt":2000000000}'],
    ['a body by way of __proto__', '{"__proto__":{"body":{"refresh_token":"x"}}}'],
    ['a token by way of __proto__', '{"body":{"__proto__":{"refresh_token":"x"}}}'],
    ['depth', '{"body":'.repeat(50_000)],
  ])('passes over %s', (_, text) => {
    const name = `@@auth0spajs@@::${clientId}::${things}::openid`;
    const [other, value] = entry({ refresh_token: 'good', scope: 'openid email' });
    expect(read([name, text])).toBeUndefined();
    expect(tokensOf(read([name, text], [other, value]))).toEqual(['good']);
  });

  it('reads a huge entry, and an ordinary one beside it', () => {
    const name = `@@auth0spajs@@::${clientId}::default::${'openid '.repeat(100_000)}`;
    const body = { refresh_token: 'r'.repeat(2_000_000) };
    expect(tokensOf(read([name, { body, expiresAt: 1 }], entry({ refresh_token: 'good' })))).toEqual([
      'good',
      body.refresh_token,
    ]);
  });

  it.each([
    ['nothing', undefined],
    ['a text', '2000000000'],
    ['a number that JSON has not', null],
  ])('keeps a refresh token whose entry says %s of its end, and no access token', (_, expiresAt) => {
    const [name, { body }] = entry({ refresh_token: 'undated' });
    const session = read([name, { body, expiresAt }], entry({ refresh_token: 'dated', audience: orders }));
    expect(session?.families).toMatchObject([
      { refresh_token: 'dated', token: { expires_at: noon } },
      { refresh_token: 'undated', token: undefined },
    ]);
  });

  it('takes the newer of two refresh tokens for one audience first, whatever their order in the storage', () => {
    const older = entry({ refresh_token: 'older', scope: 'openid a' });
    const newer = entry({ refresh_token: 'newer', scope: 'openid b', expiresAt: noon + 1 });
    expect(tokensOf(read(older, newer))).toEqual(['newer', 'older']);
    expect(tokensOf(read(newer, older))).toEqual(['newer', 'older']);
  });

  it('takes the one whose access token was issued later, though a clock that was put back since says otherwise', () => {
    const issued = (iat: number, refresh_token: string, changes: Made) =>
      entry({ access_token: jwt({ sub: 'ada', iat }), refresh_token, scope: `openid ${iat}`, ...changes });
    const older = issued(1, 'older', { expiresAt: noon + 86_400 });
    const newer = issued(2, 'newer', {});
    expect(tokensOf(read(older, newer))).toEqual(['newer', 'older']);
    const expired = entry({ refresh_token: 'newest', access_token: undefined, expiresAt: noon + 86_401 });
    expect(tokensOf(read(older, newer, expired))).toEqual(['newest', 'newer', 'older']);
    const others = issued(3, 'other', { audience: orders, expiresAt: noon - 1 });
    expect(tokensOf(read(older, newer, others))).toEqual(['newer', 'older', 'other']);
  });

  it('gives a refresh token once, with all that its entries for one audience ask for', () => {
    const session = read(
      entry({ refresh_token: 'shared', scope: 'openid a', access_token: undefined, expiresAt: noon + 1 }),
      entry({ refresh_token: 'shared', scope: 'openid b', oauthTokenScope: 'openid b c' }),
      entry({ refresh_token: 'shared', scope: 'openid d', audience: orders, expiresAt: 1 }),
    );
    expect(session?.families).toMatchObject([
      { audience: things, scope: 'openid a b c', token: { requestedScope: 'openid b', scope: 'openid b c' } },
    ]);
    expect(session?.families[0]?.keys).toHaveLength(3);
  });

  it.each([
    ['urn::things', 'openid a::b'],
    ['urn::openid::x', 'openid'],
    ['default', 'openid x::openid y'],
  ])('tells audience "%s" from scope "%s" in a name', (audience, scope) => {
    const name = `@@auth0spajs@@::${clientId}::${audience}::${scope}`;
    const of = (body: object) => outline(read([name, { body, expiresAt: 1 }])?.families);
    const expected = [[audience === 'default' ? '' : audience, scope, undefined, 1]];
    expect(of({ refresh_token: 'v1' })).toEqual(expected);
    expect(of({ refresh_token: 'v2', audience, scope })).toEqual(expected);
  });

  it('believes an expired entry that it had a wider scope than its name has', () => {
    const name = `@@auth0spajs@@::${clientId}::${things}::openid`;
    const body = { refresh_token: 'r', audience: things, scope: 'openid a' };
    expect(outline(read([name, { body, expiresAt: 1 }])?.families)).toEqual([
      [things, 'openid a', undefined, 1],
    ]);
  });

  it.each([
    ['names another client', { client_id: 'other' }],
    ['names another audience than its name', { audience: 'https://other.example' }],
    ['is bound to a key', { token_type: 'DPoP' }],
  ])('passes over an entry that %s', (_, changes) => {
    const [name, { body }] = entry({ refresh_token: 'r' });
    expect(read([name, { body: { ...body, ...changes }, expiresAt: noon }])).toBeUndefined();
  });

  it('passes over anonymous sessions, and over names with no scope', () => {
    const value = { body: { refresh_token: 'r' }, sessionToken: 'x' };
    expect(read([`@@auth0spajs@@::${clientId}::anonymous`, value])).toBeUndefined();
    expect(read([`@@auth0spajs@@::${clientId}`, { keys: ['x'] }])).toBeUndefined();
  });

  it('gives one user: the one of the newest ID token', () => {
    const of = (sub: string, iat: number) => ({
      id_token: jwt({ sub, iat }),
      refresh_token: sub,
      scope: `openid ${sub}`,
      expiresAt: noon - iat, // what expires later is not what was issued later
    });
    const session = read(entry(of('bob', 1)), entry(of('ada', 2)));
    expect(session).toMatchObject({ identity: { sub: 'ada' }, id_token: jwt({ sub: 'ada', iat: 2 }) });
    expect(tokensOf(session)).toEqual(['ada']);
    expect(tokensOf(read(entry(of('bob', 3)), entry(of('ada', 2))))).toEqual(['bob']);
  });

  it('gives one user where only access tokens say whose they are', () => {
    const [one, another] = ['ada', 'bob'].map((sub) =>
      entry({ access_token: jwt({ sub }), refresh_token: sub, scope: `openid ${sub}` }),
    ) as [[string, unknown], [string, unknown]];
    expect(tokensOf(read(user({ sub: 'bob', iat: 1 }), one, another))).toEqual(['bob']);
    expect(read(one, another)).toMatchObject({ id_token: undefined, identity: { sub: 'ada' } });
    expect(tokensOf(read(one, another))).toEqual(['ada']);
  });

  it('gives one organization of a user: the one of the newest ID token', () => {
    const inOrganization = (org_id: string | undefined, iat: number) =>
      entry({
        id_token: jwt({ sub: 'ada', org_id, iat }),
        access_token: jwt({ sub: 'ada', org_id }),
        refresh_token: org_id,
        scope: `openid ${org_id}`,
      });
    const session = read(inOrganization('acme', 1), inOrganization('umbrella', 2));
    expect(session?.identity).toMatchObject({ sub: 'ada', org_id: 'umbrella' });
    expect(tokensOf(session)).toEqual(['umbrella']);
    expect(tokensOf(read(user({ sub: 'ada', iat: 3 }), inOrganization('acme', 1)))).toEqual([]);
  });

  it('takes an entry that says nothing of its user for the session’s', () => {
    expect(read(user({ sub: 'ada', iat: 1 }), entry({ refresh_token: 'r' }))).toMatchObject({
      identity: { sub: 'ada' },
      families: [{ refresh_token: 'r', id_token: undefined }],
    });
  });

  it('passes over an ID token that cannot be decoded or names nobody', () => {
    expect(read(user({ iat: 9 }))).toBeUndefined();
    const broken = entry({ refresh_token: 'r', id_token: 'a.b.c' });
    expect(read(user({ sub: 'ada' }), broken)).toMatchObject({
      id_token: jwt({ sub: 'ada' }),
      identity: { sub: 'ada' },
    });
  });

  it('keeps apart two versions that wrote side by side', () => {
    const session = readPeerSession(
      storageOf({ ...fixture('v1-no-audience'), ...fixture('v2-two-audiences') }),
      clientId,
    );
    expect(outline(session?.families).map(([audience]) => audience)).toEqual(['', orders, things]);
  });
});

describe('the names of its locks', () => {
  it('are those of every version, the one for everybody first, in an order that all tabs share', () => {
    expect(peerLockNames(clientId, [things, '', orders, things])).toEqual([
      'auth0.lock.getTokenSilently',
      'auth0.lock.getTokenSilently.shop.default',
      'auth0.lock.getTokenSilently.shop.https://orders.example',
      'auth0.lock.getTokenSilently.shop.https://things.example',
    ]);
  });
});

describe('whatever is in the storage', () => {
  const text = fc.oneof(
    fc.constantFrom(
      'openid',
      'default',
      '@@user@@',
      '',
      '__proto__',
      'constructor',
      things,
      'openid a',
      '::',
    ),
    fc.string({ maxLength: 12 }),
  );
  const piece = fc.array(text, { maxLength: 3 }).map((pieces) => pieces.join('::'));
  const idToken = fc.oneof(
    fc.record({ sub: fc.constantFrom('ada', 'bob'), iat: fc.nat(9) }).map(jwt),
    fc.constant(undefined),
    fc.string(),
  );
  /** A body of client `owner`, whose refresh tokens begin with its name. */
  const bodyOf = (owner: string) =>
    fc.record(
      {
        refresh_token: fc.nat(4).map((number) => `${owner}-${number}`),
        access_token: fc.oneof(idToken, fc.string()),
        id_token: idToken,
        audience: text,
        scope: text,
        oauthTokenScope: fc.oneof(text, fc.jsonValue()),
        token_type: fc.constantFrom('Bearer', 'bearer', 'DPoP', 1),
      },
      { requiredKeys: ['refresh_token'] },
    );
  const valueOf = (owner: string) =>
    fc
      .record({ body: bodyOf(owner), expiresAt: fc.oneof(fc.nat(9), fc.jsonValue()) })
      .map((value) => value as unknown);
  const ours = fc.tuple(
    piece.map((rest) => `@@auth0spajs@@::${clientId}::${rest}`),
    fc.oneof(
      valueOf(clientId),
      fc.record({ id_token: idToken }),
      fc.jsonValue(),
      fc.record({ body: fc.jsonValue() }),
    ),
  );
  const foreign = fc.constantFrom('other', 'sho', 'shop2', 'SHOP', '__proto__').chain((owner) =>
    fc.tuple(
      piece.map((rest) => `@@auth0spajs@@::${owner}::${rest}`),
      valueOf(owner),
    ),
  );
  /** A name like ours, which only its body tells from ours. */
  const imposter = fc.tuple(
    piece.map((rest) => `@@auth0spajs@@::${clientId}::${rest}`),
    bodyOf('imposter').map((body) => ({ body: { ...body, client_id: 'imposter' }, expiresAt: 9 })),
  );
  const unrelated = fc.tuple(fc.string(), fc.jsonValue());
  const stored = fc
    .array(fc.oneof({ weight: 3, arbitrary: ours }, foreign, imposter, unrelated), { maxLength: 12 })
    .chain((entries) =>
      fc.tuple(
        ...entries.map(([name, value]) => fc.tuple(fc.constant(name), cutShort(JSON.stringify(value) ?? ''))),
      ),
    );
  function cutShort(whole: string) {
    return fc.oneof(
      { weight: 9, arbitrary: fc.constant(whole) },
      fc.nat(whole.length).map((length) => whole.slice(0, length)),
    );
  }
  const storageFrom = (entries: readonly (readonly [string, string])[]) => {
    const storage = createTextStorage();
    for (const [name, value] of entries) storage.set(name, value);
    return storage;
  };

  it('never throws, gives each token once, and never another client’s or two users’', () => {
    fc.assert(
      fc.property(stored, (entries) => {
        const session = readPeerSession(storageFrom(entries), clientId);
        const tokens = tokensOf(session);
        expect(new Set(tokens).size).toBe(tokens.length);
        expect(tokens.filter((token) => !token.startsWith(`${clientId}-`))).toEqual([]);
        const claims =
          session?.families.flatMap(({ id_token, token }) => [id_token, token?.access_token]) ?? [];
        const others = ['ada', 'bob'].filter((sub) => sub !== session?.identity?.sub);
        for (const sub of others)
          expect(claims.filter((jwt) => jwt?.includes(encodedSub(sub)) ?? false)).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  it('is left as it was but for the refresh tokens that were read', () => {
    fc.assert(
      fc.property(stored, (entries) => {
        const storage = storageFrom(entries);
        const before = new Map(textsOf(storage) as [string, string][]);
        const families = readPeerSession(storage, clientId)?.families ?? [];
        removePeerRefreshTokens(storage, families);
        expect(tokensOf(readPeerSession(storage, clientId))).toEqual([]);
        const touched = new Set(families.flatMap(({ keys }) => keys));
        for (const [name, text] of before) {
          const after = storage.get(name);
          if (!touched.has(name)) expect(after).toBe(text);
          else expect(JSON.parse(after ?? '')).toEqual(withoutRefreshToken(text));
        }
        expect(storage.names()).toHaveLength(before.size);
      }),
      { numRuns: 500 },
    );
  });

  const withoutRefreshToken = (text: string) => {
    const value = JSON.parse(text) as { body: { refresh_token?: unknown } };
    delete value.body.refresh_token;
    return value;
  };
  /** How a JWT made here spells its user. */
  const encodedSub = (sub: string) => jwt({ sub }).split('.')[1]?.slice(0, 14) ?? '';
});
