/** What every endpoint is given: the tenant's settings, its clock, its randomness and what it remembers. */
import type { Clock, Milliseconds } from '../clock.ts';
import type { Authenticator, OutboxMessage, PendingSecondFactor } from './authenticators.ts';
import type { AuthorizationCode } from './authorization-code.ts';
import {
  databaseConnection,
  type Client,
  type ClientGrant,
  type Configuration,
  type Connection,
  type Organization,
  type ResourceServer,
  type TenantSettings,
  type User,
} from './configuration.ts';
import type { DeviceAuthorization } from './device-authorization.ts';
import type { DpopNonce } from './dpop.ts';
import type { FamilyView } from './family-view.ts';
import type { Invitation } from './invitation.ts';
import type { Journal } from './journal.ts';
import type { LoginSession, RememberedBrowser } from './login-session.ts';
import type { LoginTransaction, PendingLogout } from './login-transaction.ts';
import type { Hooks } from './post-login.ts';
import type { PasswordlessCode } from './passwordless.ts';
import type { PushedRequest } from './pushed-request.ts';
import type { Randomness } from './randomness.ts';
import {
  headOf,
  tokenWithValue,
  transition,
  type FamilyEvent,
  type RefreshTokenFamily,
  type RotationPolicy,
} from './refresh-token-family.ts';
import { readRefreshTokenSettings, rotationPolicy } from './refresh-token-settings.ts';
import type { SigningKeys, SigningPeriod } from './signing-keys.ts';
import type { AccessGrant } from './token-issuance.ts';
import type { UserGrant } from './user-grant.ts';
import type { WrongPasswords } from './wrong-passwords.ts';

/** Everything the tenant remembers. The values are replaced, never written into. */
export interface TenantState {
  readonly clients: Map<string, Client>;
  /** APIs; by their identifier. */
  readonly resourceServers: Map<string, ResourceServer>;
  /** The one that there is. */
  readonly settings: [TenantSettings];
  /** What clients may do by `client_credentials`; by the grant's id. */
  readonly clientGrants: Map<string, ClientGrant>;
  /** Where users come from; by their id. */
  readonly connections: Map<string, Connection>;
  /** By their id. */
  readonly users: Map<string, User>;
  /** By their id. */
  readonly organizations: Map<string, Organization>;
  /** Those that were neither accepted nor deleted; by their id. */
  readonly invitations: Map<string, Invitation>;
  /** What users have let clients do; by the grant's id. */
  readonly grants: Map<string, UserGrant>;
  /** By the value of the session cookie. */
  readonly sessions: Map<string, LoginSession>;
  /** By the tenant's own `state`, which is not the client's. */
  readonly transactions: Map<string, LoginTransaction>;
  /** Questions whether to sign out; by the hidden token of the form. */
  readonly logouts: Map<string, PendingLogout>;
  /** Authorization requests that came by PAR; by their `request_uri`. */
  readonly pushedRequests: Map<string, PushedRequest>;
  /** By the `device_code`. */
  readonly devices: Map<string, DeviceAuthorization>;
  /** By the code. */
  readonly codes: Map<string, AuthorizationCode>;
  readonly families: Map<string, RefreshTokenFamily>;
  /** Which family a refresh token is of, by its value; superseded ones stay, or their reuse could not be told from garbage. */
  readonly refreshTokens: Map<string, string>;
  /** Families that are over for good, without any value of a token; the latest ones, oldest first. */
  readonly pastFamilies: FamilyView[];
  /** What `refresh_token_metadata` and `session_metadata` note; by the id of the family or the session. */
  readonly metadata: Map<string, Readonly<Record<string, unknown>>>;
  /** When each bucket of requests will be full; by the family of endpoints, and the user where each has one. */
  readonly rateLimits: Map<string, Milliseconds>;
  /** Access tokens without an audience, which are no JWTs; by their value. */
  readonly opaqueAccessTokens: Map<string, AccessGrant>;
  /** What users prove a second time with; by the user's id. */
  readonly authenticators: Map<string, readonly Authenticator[]>;
  /** What waits for a second factor; by the `mfa_token`. */
  readonly mfaTokens: Map<string, PendingSecondFactor>;
  /** At the token endpoint; by the user's id. */
  readonly wrongPasswords: Map<string, WrongPasswords>;
  /** Codes to sign in with; by where they were sent. */
  readonly passwordlessCodes: Map<string, PasswordlessCode>;
  /** Browsers that need give no second factor for a while; by the value of the cookie. */
  readonly rememberedBrowsers: Map<string, RememberedBrowser>;
  /** Codes that were sent, oldest first. */
  readonly outbox: OutboxMessage[];
  /** The latest three, oldest first; the last one signs. */
  readonly signingKeys: SigningPeriod[];
  /** Those that a proof may repeat, oldest first; two at most. */
  readonly dpopNonces: DpopNonce[];
  /** Proofs that were accepted and would still be young enough: until when; by key and `jti`. */
  readonly dpopProofs: Map<string, Milliseconds>;
}

export interface TenantContext {
  readonly configuration: Configuration;
  readonly clock: Clock;
  readonly random: Randomness;
  readonly keys: SigningKeys;
  readonly state: TenantState;
  readonly journal: Journal;
  /** When it was last looked for what is over. */
  readonly forgetting: { lastAt: Milliseconds };
  readonly onPostLogin: Hooks['onPostLogin'] | undefined;
  readonly onTokenExchange: Hooks['onTokenExchange'] | undefined;
  /** A user, from wherever accounts are kept. */
  findUser(userId: string): Promise<User | undefined>;
}

export const initialState = (
  { clients, resourceServers, clientGrants, users, authenticators, organizations, settings }: Configuration,
  now: Milliseconds,
): TenantState => ({
  clients: new Map(clients.map((client) => [client.client_id, client])),
  resourceServers: new Map(resourceServers.map((api) => [api.identifier, api])),
  clientGrants: new Map(clientGrants.map((grant) => [grant.id, grant])),
  settings: [settings],
  connections: new Map([
    [
      databaseConnection.id,
      { ...databaseConnection, enabled_clients: clients.map(({ client_id }) => client_id), metadata: {} },
    ],
  ]),
  users: new Map(users.map((user) => [user.user_id, user])),
  organizations: new Map(organizations.map((organization) => [organization.id, organization])),
  invitations: new Map(),
  grants: new Map(),
  sessions: new Map(),
  transactions: new Map(),
  logouts: new Map(),
  pushedRequests: new Map(),
  devices: new Map(),
  codes: new Map(),
  families: new Map(),
  refreshTokens: new Map(),
  pastFamilies: [],
  metadata: new Map(),
  rateLimits: new Map(),
  opaqueAccessTokens: new Map(),
  authenticators: new Map(authenticators),
  mfaTokens: new Map(),
  wrongPasswords: new Map(),
  passwordlessCodes: new Map(),
  rememberedBrowsers: new Map(),
  outbox: [],
  signingKeys: [{ rotations: 0, since: now, revokedAt: null }],
  dpopNonces: [],
  dpopProofs: new Map(),
});

/** Keeps a family as it is now and makes its newest token findable. */
export function keepFamily({ state }: TenantContext, family: RefreshTokenFamily): void {
  state.families.set(family.familyId, family);
  state.refreshTokens.set(headOf(family).value, family.familyId);
}

/** A refresh token that the tenant knows: the family that it is of, and which of its tokens it is. */
export interface HeldRefreshToken {
  readonly family: RefreshTokenFamily;
  readonly counter: number;
}

/** The token of that value. */
export function findRefreshToken({ state }: TenantContext, value: string): HeldRefreshToken | undefined {
  const family = state.families.get(state.refreshTokens.get(value) ?? '');
  const token = family && tokenWithValue(family, value);
  return token && { family, counter: token.counter };
}

/**
 * Ends every family that is chosen and has not ended yet.
 * @returns those, as they were until now
 */
export function endFamilies(
  context: TenantContext,
  end: Omit<FamilyEvent & { readonly kind: 'end' }, 'kind'>,
  chosen: (family: RefreshTokenFamily) => boolean,
): readonly RefreshTokenFamily[] {
  return [...context.state.families.values()].filter((family) => {
    if (!chosen(family)) return false;
    const [next, outcome] = transition(family, { kind: 'end', ...end }, familyPolicy(context, family));
    keepFamily(context, next);
    return outcome.kind === 'ended';
  });
}

/** Whether a family lives of an authorization: it is the one that the login began, or took its place in a migration. */
export const descendsFrom =
  (firstFamilyId: string) =>
  (family: RefreshTokenFamily): boolean =>
    family.firstFamilyId === firstFamilyId;

/** By its id, or by its name, which Auth0 compares in lower case. */
export const findOrganization = (
  { organizations }: Pick<TenantState, 'organizations'>,
  asked: string,
): Organization | undefined =>
  organizations.get(asked) ?? [...organizations.values()].find(({ name }) => name === asked.toLowerCase());

/** Whether a user is a member at this moment; everybody is where no organization is meant. */
export const isMember = ({ state }: TenantContext, organizationId: string | null, userId: string): boolean =>
  organizationId === null || state.organizations.get(organizationId)?.members.includes(userId) === true;

/** The rotation policy of a client as it is configured at this moment (R2). */
export const policyOf = ({ configuration }: TenantContext, client: Client): RotationPolicy =>
  rotationPolicy(client.refresh_token, configuration.quirks.forks);

/** The same for a family, whose client may be deleted by now. */
export function familyPolicy(context: TenantContext, family: RefreshTokenFamily): RotationPolicy {
  const client = context.state.clients.get(family.clientId);
  if (client) return policyOf(context, client);
  return rotationPolicy(readRefreshTokenSettings(null), context.configuration.quirks.forks);
}

/** E-mail addresses are compared without regard to case. */
export const userByEmail = ({ state }: TenantContext, email: string): User | undefined =>
  [...state.users.values()].find((user) => user.email?.toLowerCase() === email.trim().toLowerCase());
