/**
 * What auth0-spa-js has left in localStorage, in the layouts of v1 and v2, and how its refresh tokens are taken out.
 *
 *   <prefix>::<client id>::<audience>::<scope>   { body: { access_token, refresh_token, … }, expiresAt }, one per scope asked
 *   <prefix>::<client id>::@@user@@              { id_token, … }: v2 only; v1 keeps the ID token in each body
 *
 * Once an access token has expired, all that is left of a body is its refresh token, and in v2 its audience and scope.
 * The storage belongs to the page, not to us: whatever is not of these shapes is passed over.
 */
import type { Seconds } from '../clock.ts';
import type { Token } from '../core/cache.ts';
import { issuedAt } from '../core/issued-at.ts';
import { isSameIdentity, organizationOf, readSession, type Identity, type Session } from '../core/session.ts';
import type { TextStorage } from '../environment.ts';
import { parseJsonObject } from '../oauth/json.ts';
import { decodeJwt } from '../oauth/jwt.ts';
import { joinScopes } from '../oauth/scope.ts';
import { peerPrefix } from '../core/auth0-spa-js-names.ts';

/** What auth0-spa-js has left of one user's session with one client. */
export interface PeerSession {
  /** The newest by `iat` of those that can be decoded. Not validated. */
  readonly id_token: string | undefined;
  /** Whose session it is, as far as a token says. */
  readonly identity: Identity | undefined;
  /** One per distinct refresh token, newest first. */
  readonly families: readonly PeerFamily[];
}

/**
 * A refresh token and what stands beside it.
 *
 * An older one under the same audience may be an ancestor of the newer: v1 leaves the spent token in a wider entry when
 * it refreshes a narrower one. Nothing in the storage tells that apart from a second login, and presenting or revoking
 * an ancestor ends the family: only the newest of an audience is safe to spend.
 */
export interface PeerFamily {
  readonly refresh_token: string;
  /** `''` where no audience was asked for. Of a token for several audiences: that of its newest entry. */
  readonly audience: string;
  /** Asked for and granted, over all entries of this audience that carry the refresh token. */
  readonly scope: string;
  /** The ID token kept in these entries. v2 keeps one for the session instead. */
  readonly id_token: string | undefined;
  /** The newest access token; its end may have passed. */
  readonly token: Token | undefined;
  /** The storage names that carry this refresh token. */
  readonly keys: readonly string[];
}

/**
 * What auth0-spa-js has left for this client; `undefined` when nothing. Where entries of several users, or of several
 * organizations of one user, lie side by side, the newest ID token says which user is meant; entries that say nothing of
 * their user are taken for that user's. Newer, among entries, is what was issued later, as far as access tokens tell; else
 * what expires later. Never throws: a storage that does is an empty one.
 *
 * @param types The token types, in lower case, of what is read. What is bound to a key (`dpop`) can be spent by nobody without it.
 */
export function readPeerSession(
  storage: TextStorage,
  clientId: string,
  types: readonly string[] = ['bearer'],
): PeerSession | undefined {
  try {
    return sessionOf(readEntries(storage, clientId, types));
  } catch {
    return undefined;
  }
}

/**
 * Deletes the refresh tokens from the peer's entries, and leaves the rest of each entry as it is: an old tab goes on
 * serving its access token. An entry that by now holds another refresh token is not touched. Where an entry cannot be
 * written it is removed whole, because two holders of one token lose it. Never throws.
 */
export function removePeerRefreshTokens(storage: TextStorage, families: readonly PeerFamily[]): void {
  for (const { refresh_token, keys } of families)
    for (const name of keys) {
      try {
        removeRefreshToken(storage, name, refresh_token);
      } catch {
        // Neither written nor removed: the storage is out of reach, for an old tab too. The next name may do better.
      }
    }
}

/**
 * The names of the locks under which auth0-spa-js spends its refresh tokens, in the order in which to take them. v1, and
 * v2 before 2.8, know one for everybody; later ones have one per client and audience. Before 2.15 they are locks of
 * `browser-tabs-lock` even where there are Web Locks, so that both kinds must be held to keep every old tab out.
 * @param audiences as in `PeerFamily.audience`
 */
export function peerLockNames(clientId: string, audiences: readonly string[]): readonly string[] {
  const forEverybody = 'auth0.lock.getTokenSilently';
  const perAudience = audiences.map((audience) => `${forEverybody}.${clientId}.${audience || noAudience}`);
  return [forEverybody, ...new Set(perAudience.sort())];
}

// --- reading

/** What the peer calls the absence of an audience. */
const noAudience = 'default';

interface Entry {
  readonly name: string;
  readonly audience: string;
  readonly scope: string;
  readonly refresh_token: string | undefined;
  readonly id_token: string | undefined;
  readonly token: Token | undefined;
  readonly issuedAt: Seconds | undefined;
  readonly expiresAt: Seconds;
  readonly identity: Identity | undefined;
}

interface Leftovers {
  /** Newest first. */
  readonly entries: readonly Entry[];
  readonly idTokens: readonly string[];
}

function readEntries(storage: TextStorage, clientId: string, types: readonly string[]): Leftovers {
  const beginning = `${peerPrefix}${clientId}::`;
  const entries: Entry[] = [];
  const idTokens: string[] = [];
  for (const name of storage.names()) {
    if (!name.startsWith(beginning)) continue;
    const value = parseJsonObject(storage.get(name) ?? '');
    if (value === undefined) continue;
    const place = name.slice(beginning.length);
    if (place === '@@user@@') idTokens.push(...texts(value['id_token']));
    else entries.push(...readEntry(name, place, value, { clientId, types }));
  }
  return {
    entries: newestFirst(entries),
    idTokens: [...idTokens, ...entries.flatMap(({ id_token }) => texts(id_token))],
  };
}

/**
 * By when they expire, which is by the clock that the page had then. Those of one audience whose access tokens say when they were
 * issued, which is by the tenant's, take the places that they have together in that order.
 */
function newestFirst(entries: readonly Entry[]): Entry[] {
  const byEnd = [...entries].sort(
    (one, other) => other.expiresAt - one.expiresAt || (one.name < other.name ? -1 : 1),
  );
  const dated = byEnd
    .filter((entry) => entry.issuedAt !== undefined)
    .sort((one, other) => (other.issuedAt ?? 0) - (one.issuedAt ?? 0));
  return byEnd.map((entry) => {
    if (entry.issuedAt === undefined) return entry;
    const next = dated.findIndex(({ audience }) => audience === entry.audience);
    return dated.splice(next, 1)[0] ?? entry;
  });
}

function readEntry(
  name: string,
  place: string,
  value: Record<string, unknown>,
  { clientId, types }: { clientId: string; types: readonly string[] },
): Entry[] {
  const { body, expiresAt } = value;
  if (!isRecord(body)) return [];
  if (typeof body['client_id'] === 'string' && body['client_id'] !== clientId) return [];
  const token_type = text(body['token_type']) ?? 'Bearer';
  if (!types.includes(token_type.toLowerCase())) return [];
  const target = readTarget(place, body);
  if (target === undefined) return [];

  const scope = joinScopes(target.scope);
  const granted = joinScopes(text(body['oauthTokenScope']) ?? scope);
  const access_token = text(body['access_token']);
  const id_token = text(body['id_token']);
  const [one, other] = [identityOf(id_token), identityOf(access_token)];
  if (one && other && !isSameIdentity(one, other)) return []; // of two users
  const expires = typeof expiresAt === 'number' && Number.isFinite(expiresAt) ? expiresAt : undefined;
  return [
    {
      name,
      audience: target.audience === noAudience ? '' : target.audience,
      scope: joinScopes(scope, granted),
      refresh_token: text(body['refresh_token']),
      id_token,
      token:
        access_token === undefined || expires === undefined
          ? undefined
          : { access_token, token_type, scope: granted, requestedScope: scope, expires_at: expires },
      issuedAt: issuedAt(access_token),
      expiresAt: expires ?? 0,
      identity: one ?? other,
    },
  ];
}

/**
 * What an entry is for. Its body says so, but for v1's expired ones; then the name is read, in which both parts may
 * contain the separator: every scope of the peer's begins with `openid`, and no audience contains a space.
 */
function readTarget(
  place: string,
  { audience, scope }: Record<string, unknown>,
): { audience: string; scope: string } | undefined {
  if (typeof audience === 'string' && typeof scope === 'string')
    // An expired entry may stand under a narrower scope than it has; never under another audience.
    return `${place}::`.startsWith(`${audience}::`) ? { audience, scope } : undefined;
  const openid = /::openid(?= |$)/.exec(place)?.index ?? place.indexOf('::');
  return openid < 0 ? undefined : { audience: place.slice(0, openid), scope: place.slice(openid + 2) };
}

// --- grouping

function sessionOf({ entries, idTokens }: Leftovers): PeerSession | undefined {
  const newest = newestOf(idTokens);
  const identity = newest ?? entries.find((entry) => entry.identity)?.identity;
  const carriers = new Map<string, Entry[]>();
  for (const entry of entries)
    for (const refresh_token of texts(entry.refresh_token))
      carriers.set(refresh_token, [...(carriers.get(refresh_token) ?? []), entry]);
  const families = [...carriers]
    .filter(([, carrying]) =>
      carrying.every((entry) => !entry.identity || isSameIdentity(entry.identity, identity)),
    )
    .map(([refresh_token, carrying]) => familyOf(refresh_token, carrying));
  if (newest === undefined && families.length === 0) return undefined;
  return { id_token: newest?.id_token, identity, families };
}

/** @param carrying at least one, newest first */
function familyOf(refresh_token: string, carrying: readonly Entry[]): PeerFamily {
  const audience = carrying[0]?.audience ?? '';
  const entries = carrying.filter((entry) => entry.audience === audience);
  return {
    refresh_token,
    audience,
    scope: joinScopes(...entries.map((entry) => entry.scope)),
    id_token: newestOf(entries.flatMap(({ id_token }) => texts(id_token)))?.id_token,
    token: entries.find((entry) => entry.token !== undefined)?.token,
    keys: carrying.map((entry) => entry.name),
  };
}

function newestOf(idTokens: readonly string[]): Session | undefined {
  let newest: { session: Session; iat: Seconds } | undefined;
  for (const id_token of idTokens) {
    const session = readSession(id_token);
    if (!session) continue;
    const iat = typeof session.claims.iat === 'number' ? session.claims.iat : 0;
    if (!newest || iat > newest.iat) newest = { session, iat };
  }
  return newest?.session;
}

function identityOf(token: string | undefined): Identity | undefined {
  try {
    const { claims } = decodeJwt(token ?? '');
    const sub = text(claims['sub']);
    return sub === undefined ? undefined : { sub, org_id: organizationOf(claims) };
  } catch {
    return undefined; // opaque
  }
}

// --- removing

function removeRefreshToken(storage: TextStorage, name: string, refresh_token: string): void {
  const value = parseJsonObject(storage.get(name) ?? '');
  if (!isRecord(value?.['body']) || value['body']['refresh_token'] !== refresh_token) return;
  const { refresh_token: _, ...body } = value['body'];
  try {
    storage.set(name, JSON.stringify({ ...value, body }));
  } catch {
    storage.remove(name);
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A text that says something. */
const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** The same as a list of one or none. */
const texts = (value: unknown): string[] => [text(value) ?? []].flat();
