/** What a tenant is made of: the shape people write, and the checked shape the endpoints read. */
import type { Milliseconds, Seconds } from '../clock.ts';
import { scopeNames } from '../oauth/scope.ts';
import { newOob, newOtp, newRecoveryCode, type Authenticator, type OobChannel } from './authenticators.ts';
import { TenantConfigurationError } from './configuration-error.ts';
import { canonicalAudience, managementAudience } from './management/system-api.ts';
import { decodeBase32 } from './one-time-password.ts';
import type { Hooks } from './post-login.ts';
import { impliedByConformance, quirkFlags, type QuirkFlag, type Quirks } from './quirks.ts';
import { randomness, type Randomness } from './randomness.ts';
import { rateLimitPresets, type RateLimits } from './rate-limits.ts';
import {
  readRefreshTokenSettings,
  type RefreshTokenConfiguration,
  type RefreshTokenSettings,
} from './refresh-token-settings.ts';

/** What kind of application a client is, in Auth0's words: the first two are public, `non_interactive` has no users. */
export type AppType = 'spa' | 'native' | 'regular_web' | 'non_interactive';
/** Whether the users of a client log in as members of an organization. */
export type OrganizationUsage = 'deny' | 'allow' | 'require';
/** What becomes of a login that may name an organization and does not. */
export type OrganizationRequireBehavior = 'no_prompt' | 'pre_login_prompt' | 'post_login_prompt';
/** How a client proves who it is at the token endpoint (RFC 7591 §2). */
export type TokenEndpointAuthMethod = 'none' | 'client_secret_post' | 'client_secret_basic';

/** An application, in Auth0's words. */
export interface ClientConfiguration {
  readonly client_id: string;
  /** Shown on the login page. Default: the client id. */
  readonly name?: string;
  readonly description?: string;
  /** Whatever the client's makers want to note. */
  readonly client_metadata?: Readonly<Record<string, unknown>>;
  /** Default `spa`. */
  readonly app_type?: AppType;
  /** Default true. Somebody else's application asks its users for consent first. */
  readonly is_first_party?: boolean;
  /** Default false. True: it gets no token that is not bound to a key by DPoP. */
  readonly require_proof_of_possession?: boolean;
  readonly client_secret?: string;
  /** Default: `none` for `spa` and `native`, otherwise `client_secret_post`. */
  readonly token_endpoint_auth_method?: TokenEndpointAuthMethod;
  /** Redirect URIs: exact, or with `*` as the left-most label of the host. */
  readonly callbacks?: readonly string[];
  /** Origins that may receive a `web_message` answer, and may call the token endpoint. */
  readonly web_origins?: readonly string[];
  /** Further origins that may call the token endpoint. */
  readonly allowed_origins?: readonly string[];
  readonly allowed_logout_urls?: readonly string[];
  /** Its authorization requests must come by `/oauth/par` (RFC 9126). Default false. */
  readonly require_pushed_authorization_requests?: boolean;
  /** Default: `client_credentials` for `non_interactive`, otherwise `authorization_code` and `refresh_token`. */
  readonly grant_types?: readonly string[];
  /** Whether its users log in as members of an organization. Default `allow`. */
  readonly organization_usage?: OrganizationUsage;
  /**
   * What becomes of a login that may name an organization and does not. `pre_login_prompt`: the user names one first;
   * `post_login_prompt`: chooses, after the login, one that they are a member of. Default `no_prompt`: a login that must name
   * one is refused.
   */
  readonly organization_require_behavior?: OrganizationRequireBehavior;
  /** Default: not rotating, not expiring. A client in a browser then gets no refresh token at all, as on Auth0. */
  readonly refresh_token?: RefreshTokenConfiguration | null;
}

/** Whether access tokens may, or must, be bound to a key (RFC 9449), in Auth0's words. */
export interface ProofOfPossession {
  readonly mechanism: 'dpop';
  readonly required: boolean;
  /** For whom it is required. Default `all_clients`. */
  readonly required_for?: 'public_clients' | 'all_clients';
}

/** An API, in Auth0's words. */
export interface ResourceServerConfiguration {
  /** The audience. */
  readonly identifier: string;
  readonly name?: string;
  readonly scopes?: readonly { readonly value: string; readonly description?: string }[];
  /** Default false, as on Auth0: without it no refresh token is issued for this audience. */
  readonly allow_offline_access?: boolean;
  /** Of access tokens, in seconds. Default 86400. */
  readonly token_lifetime?: Seconds;
  /**
   * Default `null`, as on Auth0: a DPoP proof is passed over, and the token is a bearer token. Otherwise a token for a proof is
   * bound to its key, and with `required` there is none without a proof.
   */
  readonly proof_of_possession?: ProofOfPossession | null;
}

/** That a client may get access tokens for an API by `client_credentials`, in Auth0's words. */
export interface ClientGrantConfiguration {
  readonly client_id: string;
  /** The identifier of an API, or `<baseUrl>/api/v2/` for the Management API. */
  readonly audience: string;
  /** The names that its tokens may carry. */
  readonly scope: readonly string[];
}

/** Someone who can sign in. */
export interface UserConfiguration {
  readonly email: string;
  readonly password: string;
  readonly user_id?: string;
  readonly name?: string;
  readonly nickname?: string;
  readonly given_name?: string;
  readonly family_name?: string;
  readonly picture?: string;
  readonly email_verified?: boolean;
  /** What the scope `phone` is for. `phone_number_verified`: default false. */
  readonly phone_number?: string;
  readonly phone_number_verified?: boolean;
  /** What the scope `address` is for. */
  readonly address?: Address;
  /** A blocked user can neither sign in nor refresh. */
  readonly blocked?: boolean;
  /** What the user, and what the application noted; no token carries it. */
  readonly user_metadata?: Readonly<Record<string, unknown>>;
  readonly app_metadata?: Readonly<Record<string, unknown>>;
  /** What the user proves a second time with. Default: nothing. */
  readonly authenticators?: readonly AuthenticatorConfiguration[];
}

/** A postal address (OIDC Core §5.1.1). */
export interface Address {
  readonly formatted?: string;
  readonly street_address?: string;
  readonly locality?: string;
  readonly region?: string;
  readonly postal_code?: string;
  readonly country?: string;
}

const addressMembers = [
  'formatted',
  'street_address',
  'locality',
  'region',
  'postal_code',
  'country',
] as const satisfies readonly (keyof Address)[];

/** A second factor, in Auth0's words. */
export type AuthenticatorConfiguration =
  /** An app that shows codes. `secret`: base32. */
  | { readonly authenticator_type: 'otp'; readonly secret: string }
  /** Codes that are sent, to the outbox. `name`: the telephone number or the e-mail address. */
  | { readonly authenticator_type: 'oob'; readonly oob_channel: OobChannel; readonly name: string }
  | { readonly authenticator_type: 'recovery-code'; readonly recovery_code: string };

/** `always`: nobody signs in without a second factor. Refreshes are not asked for one, as on Auth0. */
export type MfaPolicy = 'never' | 'always';

/** A group of users that a client may ask to log in with, in Auth0's words. */
export interface OrganizationConfiguration {
  /** Default: `org_` and random text. */
  readonly id?: string;
  /** Lower case. */
  readonly name: string;
  /** E-mail addresses of users. */
  readonly members?: readonly string[];
}

/** Switches of the tenant's settings, in Auth0's words. */
export interface TenantFlags {
  /** Who revokes a refresh token revokes the whole grant: every token of the same user, client and API. Default false. */
  readonly revoke_refresh_token_grant?: boolean;
}

/** Whether the cookie of a sign-in outlives the browser's run. */
export type SessionCookieMode = 'persistent' | 'non-persistent';

/** What `createTenant` takes. */
export interface TenantConfiguration {
  /** Where the tenant is reached; its issuer is this with a trailing slash. Default `http://localhost:4400`. */
  readonly baseUrl?: string;
  /** Same seed, same ids, keys and tokens. Without one they are random. */
  readonly seed?: string;
  readonly clients: readonly ClientConfiguration[];
  readonly resource_servers?: readonly ResourceServerConfiguration[];
  readonly client_grants?: readonly ClientGrantConfiguration[];
  readonly users: readonly UserConfiguration[];
  readonly organizations?: readonly OrganizationConfiguration[];
  /** What apps that show codes call the tenant. Default: its host. */
  readonly friendly_name?: string;
  /** Default `never`. */
  readonly mfa_policy?: MfaPolicy;
  readonly flags?: TenantFlags;
  /** Every answer to an authorization request says who answers: `iss` (RFC 9207). Default false, as on Auth0. */
  readonly authorization_response_iss_parameter_supported?: boolean;
  /** How long a session lasts at most, in hours. Default 168, or 72 where its cookie is not persistent. */
  readonly session_lifetime?: number;
  /** How long a session lasts without a sign of life, in hours. Default 72, or 24 where its cookie is not persistent. */
  readonly idle_session_lifetime?: number;
  /** Whether the session's cookie outlives the browser. Default `persistent`. */
  readonly session_cookie?: { readonly mode: SessionCookieMode };
  /** How often the tenant may be called before it answers 429: as Auth0 limits tenants of that kind. Default `none`. */
  readonly rate_limits?: RateLimits;
  readonly quirks?: Quirks;
  /** The clock that ticks under the tenant's own, in milliseconds. Default `Date.now`. */
  readonly now?: () => Milliseconds;
  /** How a fault waits. Default `setTimeout`. */
  readonly wait?: (span: Milliseconds) => Promise<void>;
  /**
   * Waited for whenever a refresh looks its user up, as where accounts are kept elsewhere; other requests pass meanwhile.
   * Default: nothing to wait for.
   */
  readonly userLookup?: (user_id: string) => Promise<void>;
  readonly hooks?: Hooks;
}

export interface Client {
  readonly client_id: string;
  readonly name: string;
  readonly description?: string;
  readonly client_metadata: Readonly<Record<string, unknown>>;
  readonly app_type: AppType;
  readonly is_first_party: boolean;
  readonly require_proof_of_possession: boolean;
  readonly client_secret: string | null;
  readonly token_endpoint_auth_method: TokenEndpointAuthMethod;
  readonly callbacks: readonly string[];
  readonly web_origins: readonly string[];
  readonly allowed_origins: readonly string[];
  readonly allowed_logout_urls: readonly string[];
  readonly require_pushed_authorization_requests: boolean;
  readonly grant_types: readonly string[];
  readonly organization_usage: OrganizationUsage;
  readonly organization_require_behavior: OrganizationRequireBehavior;
  readonly refresh_token: RefreshTokenSettings;
}

export interface ResourceServer {
  readonly id: string;
  readonly identifier: string;
  readonly name: string;
  readonly scopes: NonNullable<ResourceServerConfiguration['scopes']>;
  readonly allow_offline_access: boolean;
  readonly token_lifetime: Seconds;
  readonly proof_of_possession: ProofOfPossession | null;
}

export interface ClientGrant extends ClientGrantConfiguration {
  readonly id: string;
}

export interface User {
  readonly user_id: string;
  /** Where the account comes from; the name of a connection. */
  readonly connection: string;
  /** Whoever signs in by telephone may have none. */
  readonly email?: string | undefined;
  readonly email_verified?: boolean | undefined;
  /** `null`: signs in by a code that is sent. */
  readonly password: string | null;
  readonly name: string;
  readonly nickname: string;
  readonly given_name?: string;
  readonly family_name?: string;
  readonly picture?: string;
  readonly phone_number?: string;
  readonly phone_number_verified?: boolean;
  readonly address?: Address;
  readonly user_metadata: Readonly<Record<string, unknown>>;
  readonly app_metadata: Readonly<Record<string, unknown>>;
  readonly created_at: string;
  readonly updated_at: string;
  readonly blocked: boolean;
}

export interface Organization {
  readonly id: string;
  readonly name: string;
  readonly display_name: string;
  readonly branding?: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Ids of users. */
  readonly members: readonly string[];
  /** Where its members come from; without any nobody can log in to it. */
  readonly enabled_connections: readonly OrganizationConnection[];
}

export interface OrganizationConnection {
  readonly connection_id: string;
  /** Whoever logs in to the organization becomes a member of it. */
  readonly assign_membership_on_login: boolean;
}

/** An account comes from one. */
export interface Connection {
  readonly id: string;
  readonly name: string;
  readonly strategy: 'auth0';
  readonly display_name?: string;
  /** Ids of clients: whose users may come from it. */
  readonly enabled_clients: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Where the users of a configuration come from. It is the same in every tenant, so that no seed is spent on its id. */
export const databaseConnection: Pick<Connection, 'id' | 'name' | 'strategy'> = {
  id: 'con_0000000000000001',
  name: 'Username-Password-Authentication',
  strategy: 'auth0',
};

/** What the Management API changes about the tenant as a whole. */
export interface TenantSettings {
  readonly friendly_name?: string;
  readonly flags: Required<TenantFlags>;
  readonly authorization_response_iss_parameter_supported: boolean;
  /** In hours; where nothing is said the mode of the cookie decides. */
  readonly session_lifetime?: number;
  /** The same. */
  readonly idle_session_lifetime?: number;
  readonly session_cookie: { readonly mode: SessionCookieMode };
}

export interface Configuration {
  /** Without a trailing slash. */
  readonly baseUrl: string;
  /** With one. */
  readonly issuer: string;
  readonly clients: readonly Client[];
  readonly resourceServers: readonly ResourceServer[];
  readonly clientGrants: readonly ClientGrant[];
  readonly users: readonly User[];
  readonly organizations: readonly Organization[];
  /** By the user's id. */
  readonly authenticators: readonly (readonly [string, readonly Authenticator[]])[];
  readonly mfaPolicy: MfaPolicy;
  readonly settings: TenantSettings;
  readonly rate_limits: RateLimits;
  readonly quirks: Required<Quirks>;
}

/**
 * Checks a configuration and fills in its defaults.
 * @throws {TenantConfigurationError} naming the field
 */
export function readConfiguration(source: unknown, random: Randomness, now: Milliseconds): Configuration {
  const tenant = readObject('configuration', source, [
    'baseUrl',
    'seed',
    'clients',
    'resource_servers',
    'client_grants',
    'users',
    'organizations',
    'friendly_name',
    'mfa_policy',
    'flags',
    'authorization_response_iss_parameter_supported',
    'session_lifetime',
    'idle_session_lifetime',
    'session_cookie',
    'rate_limits',
    'quirks',
    'now',
    'wait',
    'userLookup',
    'hooks',
  ]);
  readHooks(tenant.get('hooks') ?? {});
  const baseUrl = readBaseUrl(tenant.get('baseUrl'));
  const clients = readList('clients', tenant.get('clients'), readClient);
  const resourceServers = readList('resource_servers', tenant.get('resource_servers') ?? [], (field, value) =>
    readResourceServer(field, value, random),
  );
  const users = readList('users', tenant.get('users'), (field, value) => readUser(field, value, random, now));
  refuseTwins(
    'clients',
    'client_id',
    clients.map((client) => client.client_id),
  );
  refuseTwins('resource_servers', 'identifier', [
    ...resourceServers.map((api) => canonicalAudience(baseUrl, api.identifier)),
    managementAudience(baseUrl),
  ]);
  refuseTwins(
    'users',
    'email',
    users.flatMap(({ email }) => email?.toLowerCase() ?? []),
  );
  refuseTwins(
    'users',
    'user_id',
    users.map((user) => user.user_id),
  );
  const organizations = readList('organizations', tenant.get('organizations') ?? [], (field, value) =>
    readOrganization(field, value, random, users),
  );
  refuseTwins(
    'organizations',
    'name',
    organizations.map(({ name }) => name),
  );
  return {
    organizations,
    baseUrl,
    issuer: `${baseUrl}/`,
    clients,
    resourceServers,
    clientGrants: readList('client_grants', tenant.get('client_grants') ?? [], (field, value) =>
      readClientGrant(field, value, { random, baseUrl, clients, resourceServers }),
    ),
    users,
    authenticators: users.flatMap((user, index) => {
      const held = readAuthenticators(`users[${index}].authenticators`, tenant.get('users'), index, random);
      return held.length > 0 ? [[user.user_id, held] as const] : [];
    }),
    mfaPolicy: readChoice('mfa_policy', tenant.get('mfa_policy') ?? 'never', ['never', 'always']),
    settings: readTenantSettings(tenant),
    rate_limits: readChoice('rate_limits', tenant.get('rate_limits') ?? 'none', rateLimitPresets),
    quirks: readQuirks(tenant.get('quirks') ?? {}),
  };
}

/** The randomness a configuration asks for. */
export function readSeed(source: { readonly seed?: unknown }): {
  seed: string | undefined;
  random: Randomness;
} {
  if (typeof source !== 'object' || source === null)
    throw new TenantConfigurationError('the configuration', 'an object with clients and users', source);
  const { seed } = source;
  if (seed !== undefined && typeof seed !== 'string')
    throw new TenantConfigurationError('seed', 'a text', seed);
  return { seed, random: randomness(seed) };
}

/** @throws {TenantConfigurationError} naming the field */
export function readClient(field: string, value: unknown): Client {
  const client = readObject(field, value, [
    'client_id',
    'name',
    'description',
    'client_metadata',
    'app_type',
    'is_first_party',
    'require_proof_of_possession',
    'client_secret',
    'token_endpoint_auth_method',
    'callbacks',
    'web_origins',
    'allowed_origins',
    'allowed_logout_urls',
    'require_pushed_authorization_requests',
    'grant_types',
    'organization_usage',
    'organization_require_behavior',
    'refresh_token',
  ]);
  const client_id = readText(`${field}.client_id`, client.get('client_id'));
  const description = readOptionalText(`${field}.description`, client.get('description'));
  const app_type = readChoice(`${field}.app_type`, client.get('app_type') ?? 'spa', [
    'spa',
    'native',
    'regular_web',
    'non_interactive',
  ]);
  const isPublic = app_type === 'spa' || app_type === 'native';
  const token_endpoint_auth_method = readChoice(
    `${field}.token_endpoint_auth_method`,
    client.get('token_endpoint_auth_method') ?? (isPublic ? 'none' : 'client_secret_post'),
    ['none', 'client_secret_post', 'client_secret_basic'],
  );
  const client_secret = readOptionalText(`${field}.client_secret`, client.get('client_secret')) ?? null;
  if (token_endpoint_auth_method !== 'none' && client_secret === null)
    throw new TenantConfigurationError(
      `${field}.client_secret`,
      `a secret, because the client authenticates by ${token_endpoint_auth_method}`,
      undefined,
    );
  return {
    client_id,
    name: readOptionalText(`${field}.name`, client.get('name')) ?? client_id,
    ...(description !== undefined && { description }),
    client_metadata: readMetadata(`${field}.client_metadata`, client.get('client_metadata')),
    app_type,
    is_first_party: readOptionalFlag(`${field}.is_first_party`, client.get('is_first_party')) ?? true,
    require_proof_of_possession:
      readOptionalFlag(`${field}.require_proof_of_possession`, client.get('require_proof_of_possession')) ??
      false,
    client_secret,
    token_endpoint_auth_method,
    callbacks: readList(`${field}.callbacks`, client.get('callbacks') ?? [], readCallback),
    web_origins: readList(`${field}.web_origins`, client.get('web_origins') ?? [], readOrigin),
    allowed_origins: readList(`${field}.allowed_origins`, client.get('allowed_origins') ?? [], readOrigin),
    allowed_logout_urls: readList(
      `${field}.allowed_logout_urls`,
      client.get('allowed_logout_urls') ?? [],
      readCallback,
    ),
    require_pushed_authorization_requests:
      readOptionalFlag(
        `${field}.require_pushed_authorization_requests`,
        client.get('require_pushed_authorization_requests'),
      ) ?? false,
    grant_types: readList(
      `${field}.grant_types`,
      client.get('grant_types') ??
        (app_type === 'non_interactive' ? ['client_credentials'] : ['authorization_code', 'refresh_token']),
      readText,
    ),
    organization_usage: readChoice(
      `${field}.organization_usage`,
      client.get('organization_usage') ?? 'allow',
      ['deny', 'allow', 'require'],
    ),
    organization_require_behavior: readChoice(
      `${field}.organization_require_behavior`,
      client.get('organization_require_behavior') ?? 'no_prompt',
      ['no_prompt', 'pre_login_prompt', 'post_login_prompt'],
    ),
    refresh_token: readRefreshTokenSettings(client.get('refresh_token'), `${field}.refresh_token`),
  };
}

/** @throws {TenantConfigurationError} naming the field */
export function readResourceServer(field: string, value: unknown, random: Randomness): ResourceServer {
  const api = readObject(field, value, [
    'identifier',
    'name',
    'scopes',
    'allow_offline_access',
    'token_lifetime',
    'proof_of_possession',
  ]);
  const token_lifetime = api.get('token_lifetime') ?? 86_400;
  if (typeof token_lifetime !== 'number' || !Number.isInteger(token_lifetime) || token_lifetime < 1)
    throw new TenantConfigurationError(`${field}.token_lifetime`, 'whole seconds from 1', token_lifetime);
  const identifier = readText(`${field}.identifier`, api.get('identifier'));
  return {
    id: random.hex(24),
    identifier,
    name: readOptionalText(`${field}.name`, api.get('name')) ?? identifier,
    scopes: readList(`${field}.scopes`, api.get('scopes') ?? [], readScope),
    allow_offline_access:
      readOptionalFlag(`${field}.allow_offline_access`, api.get('allow_offline_access')) ?? false,
    token_lifetime,
    proof_of_possession: readProofOfPossession(
      `${field}.proof_of_possession`,
      api.get('proof_of_possession') ?? null,
    ),
  };
}

function readProofOfPossession(field: string, value: unknown): ProofOfPossession | null {
  if (value === null) return null;
  const policy = readObject(field, value, ['mechanism', 'required', 'required_for']);
  const required = readOptionalFlag(`${field}.required`, policy.get('required'));
  if (required === undefined)
    throw new TenantConfigurationError(`${field}.required`, 'true or false', undefined);
  const required_for = readChoice(`${field}.required_for`, policy.get('required_for') ?? 'all_clients', [
    'public_clients',
    'all_clients',
  ]);
  const mechanism = readChoice(`${field}.mechanism`, policy.get('mechanism'), ['dpop']);
  return { mechanism, required, required_for };
}

function readClientGrant(
  field: string,
  value: unknown,
  known: {
    random: Randomness;
    baseUrl: string;
    clients: readonly Client[];
    resourceServers: readonly ResourceServer[];
  },
): ClientGrant {
  const grant = readObject(field, value, ['client_id', 'audience', 'scope']);
  const client_id = readText(`${field}.client_id`, grant.get('client_id'));
  if (!known.clients.some((client) => client.client_id === client_id))
    throw new TenantConfigurationError(`${field}.client_id`, 'a client of this tenant', client_id);
  const audience = canonicalAudience(known.baseUrl, readText(`${field}.audience`, grant.get('audience')));
  const isManagement = audience === managementAudience(known.baseUrl);
  if (!isManagement && !known.resourceServers.some(({ identifier }) => identifier === audience))
    throw new TenantConfigurationError(`${field}.audience`, 'an API of this tenant', audience);
  const scope = readList(`${field}.scope`, grant.get('scope'), readText);
  return { id: `cgr_${known.random.hex(16)}`, client_id, audience, scope };
}

function readScope(field: string, value: unknown): ResourceServer['scopes'][number] {
  const scope = readObject(field, value, ['value', 'description']);
  const name = readText(`${field}.value`, scope.get('value'));
  const description = readOptionalText(`${field}.description`, scope.get('description'));
  if (scopeNames(name).length !== 1)
    throw new TenantConfigurationError(`${field}.value`, 'one scope name', name);
  return { value: name, ...(description !== undefined && { description }) };
}

/** Somebody with an e-mail address and a password. @throws {TenantConfigurationError} naming the field */
export function readUser(
  field: string,
  value: unknown,
  random: Randomness,
  now: Milliseconds,
  connection = databaseConnection.name,
): User {
  const user = readObject(field, value, accountNames);
  readText(`${field}.email`, user.get('email'));
  const password = user.get('password');
  if (typeof password !== 'string' || password === '')
    throw new TenantConfigurationError(`${field}.password`, 'a text that is not empty', typeof password);
  return readProfile(field, value, random, now, connection);
}

const accountNames = [
  'email',
  'password',
  'user_id',
  'name',
  'nickname',
  'given_name',
  'family_name',
  'picture',
  'email_verified',
  'phone_number',
  'phone_number_verified',
  'address',
  'blocked',
  'user_metadata',
  'app_metadata',
  'authenticators', // read apart: they are no part of a profile
];

/** Anybody, also one who signs in by a code. @throws {TenantConfigurationError} naming the field */
export function readProfile(
  field: string,
  value: unknown,
  random: Randomness,
  now: Milliseconds,
  connection: string,
): User {
  const user = readObject(field, value, accountNames);
  const text = (name: string) => readOptionalText(`${field}.${name}`, user.get(name));
  const flag = (name: string) => readOptionalFlag(`${field}.${name}`, user.get(name));
  const [email, phone_number] = [text('email'), text('phone_number')];
  const named = email ?? readText(`${field}.phone_number`, phone_number);
  return {
    user_id: text('user_id') ?? `auth0|${random.hex(24)}`,
    connection,
    ...(email !== undefined && { email, email_verified: flag('email_verified') ?? false }),
    password: user.get('password') === null ? null : readText(`${field}.password`, user.get('password')),
    name: text('name') ?? named,
    nickname: text('nickname') ?? named.split('@')[0] ?? named,
    given_name: text('given_name'),
    family_name: text('family_name'),
    picture: text('picture'),
    phone_number,
    phone_number_verified: flag('phone_number_verified'),
    address: readAddress(`${field}.address`, user.get('address')),
    user_metadata: readMetadata(`${field}.user_metadata`, user.get('user_metadata')),
    app_metadata: readMetadata(`${field}.app_metadata`, user.get('app_metadata')),
    created_at: new Date(now).toISOString(),
    updated_at: new Date(now).toISOString(),
    blocked: flag('blocked') ?? false,
  };
}

function readAddress(field: string, value: unknown): Address | undefined {
  if (value === undefined) return undefined;
  const members = [...readObject(field, value, addressMembers)];
  return Object.fromEntries(members.map(([name, part]) => [name, readText(`${field}.${name}`, part)]));
}

function readAuthenticators(
  field: string,
  users: unknown,
  index: number,
  random: Randomness,
): readonly Authenticator[] {
  const { authenticators = [] } = (users as readonly { authenticators?: unknown }[])[index] ?? {}; // a user, as was checked
  return readList(field, authenticators, (at, value) => readAuthenticator(at, value, random));
}

function readAuthenticator(field: string, value: unknown, random: Randomness): Authenticator {
  const held = readObject(field, value, [
    'authenticator_type',
    'secret',
    'oob_channel',
    'name',
    'recovery_code',
  ]);
  const text = (name: string) => readText(`${field}.${name}`, held.get(name));
  const type = readChoice(`${field}.authenticator_type`, held.get('authenticator_type'), [
    'otp',
    'oob',
    'recovery-code',
  ]);
  switch (type) {
    case 'otp': {
      const secret = held.get('secret');
      if (typeof secret !== 'string' || !decodeBase32(secret))
        throw new TenantConfigurationError(`${field}.secret`, 'base32 text', typeof secret);
      return newOtp(random, secret);
    }
    case 'oob':
      return newOob(
        random,
        readChoice(`${field}.oob_channel`, held.get('oob_channel'), ['sms', 'email']),
        text('name'),
      );
    case 'recovery-code':
      return newRecoveryCode(random, text('recovery_code'));
  }
}

function readOrganization(
  field: string,
  value: unknown,
  random: Randomness,
  users: readonly User[],
): Organization {
  const organization = readObject(field, value, ['id', 'name', 'members']);
  const id = readOptionalText(`${field}.id`, organization.get('id')) ?? `org_${random.hex(16)}`;
  if (!id.startsWith('org_'))
    throw new TenantConfigurationError(`${field}.id`, 'an id that begins with "org_"', id);
  const name = readText(`${field}.name`, organization.get('name'));
  if (name !== name.toLowerCase()) throw new TenantConfigurationError(`${field}.name`, 'lower case', name);
  const members = readList(`${field}.members`, organization.get('members') ?? [], (at, email) => {
    const user = users.find((candidate) => candidate.email === email);
    if (!user) throw new TenantConfigurationError(at, 'the e-mail address of a user', email);
    return user.user_id;
  });
  return {
    id,
    name,
    display_name: name,
    metadata: {},
    members,
    enabled_connections: [{ connection_id: databaseConnection.id, assign_membership_on_login: false }],
  };
}

function readBaseUrl(value: unknown): string {
  const text = readText('baseUrl', value ?? 'http://localhost:4400');
  if (!URL.canParse(text)) throw new TenantConfigurationError('baseUrl', 'an http or https origin', text);
  const url = new URL(text);
  const isOrigin = url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '';
  if (!['http:', 'https:'].includes(url.protocol) || !isOrigin)
    throw new TenantConfigurationError('baseUrl', 'an http or https origin, without a path', text);
  return url.origin;
}

/** An absolute URL without a fragment (RFC 6749 §3.1.2) that a browser would not run as a script. */
function readCallback(field: string, value: unknown): string {
  const text = readText(field, value);
  const isUsable = URL.canParse(text) && !text.includes('#');
  if (!isUsable || ['javascript:', 'data:', 'vbscript:', 'blob:'].includes(new URL(text).protocol))
    throw new TenantConfigurationError(field, 'an absolute URL without a fragment', text);
  refuseOddWildcard(field, text);
  return text;
}

function readOrigin(field: string, value: unknown): string {
  const text = readText(field, value);
  if (!URL.canParse(text))
    throw new TenantConfigurationError(field, 'an origin such as "http://localhost:3000"', text);
  const url = new URL(text);
  if (url.origin === 'null' || url.pathname !== '/' || url.search !== '' || url.hash !== '')
    throw new TenantConfigurationError(field, 'an origin such as "http://localhost:3000"', text);
  refuseOddWildcard(field, text);
  return url.origin;
}

function refuseOddWildcard(field: string, url: string): void {
  if (url.includes('*') && !/^[a-z][a-z0-9+.-]*:\/\/\*\.[^*]+$/i.test(url))
    throw new TenantConfigurationError(field, 'a "*" only as the left-most label of the host', url);
}

function readHooks(value: unknown): void {
  for (const [name, hook = () => {}] of readObject('hooks', value, ['onPostLogin', 'onTokenExchange']))
    if (typeof hook !== 'function')
      throw new TenantConfigurationError(`hooks.${name}`, 'a function', typeof hook);
}

function readFlags(value: unknown): Required<TenantFlags> {
  const name = 'revoke_refresh_token_grant';
  const flags = readObject('flags', value, [name]);
  return { [name]: readOptionalFlag(`flags.${name}`, flags.get(name)) ?? false };
}

/** @throws {TenantConfigurationError} naming the field */
export function readTenantSettings(tenant: ReadonlyMap<string, unknown>): TenantSettings {
  const friendly_name = tenant.get('friendly_name');
  const cookie = readObject('session_cookie', tenant.get('session_cookie') ?? {}, ['mode']);
  const readHours = (name: 'session_lifetime' | 'idle_session_lifetime') => {
    const hours = tenant.get(name);
    if (hours === undefined) return {};
    if (typeof hours !== 'number' || !(hours > 0) || hours > 8760)
      throw new TenantConfigurationError(name, 'hours, more than 0 and no more than a year', hours);
    return { [name]: hours };
  };
  const iss = 'authorization_response_iss_parameter_supported';
  return {
    ...(friendly_name !== undefined && { friendly_name: readText('friendly_name', friendly_name) }),
    flags: readFlags(tenant.get('flags') ?? {}),
    [iss]: readOptionalFlag(iss, tenant.get(iss)) ?? false,
    ...readHours('session_lifetime'),
    ...readHours('idle_session_lifetime'),
    session_cookie: {
      mode: readChoice('session_cookie.mode', cookie.get('mode') ?? 'persistent', [
        'persistent',
        'non-persistent',
      ]),
    },
  };
}

function readQuirks(value: unknown): Required<Quirks> {
  const quirks = readObject('quirks', value, ['forks', 'openerPolicy', 'thirdPartyCookies', ...quirkFlags]);
  const choice = <T extends string>(name: string, choices: readonly [T, ...T[]]) =>
    readChoice(`quirks.${name}`, quirks.get(name) ?? choices[0], choices);
  const flag = (name: QuirkFlag) => readOptionalFlag(`quirks.${name}`, quirks.get(name));
  const usual: readonly QuirkFlag[] = flag('conformance') ? impliedByConformance : [];
  const flags = quirkFlags.map((name) => [name, flag(name) ?? usual.includes(name)]);
  return {
    forks: choice('forks', ['last-issued', 'all-siblings']),
    openerPolicy: choice('openerPolicy', ['unsafe-none', 'same-origin']),
    thirdPartyCookies: choice('thirdPartyCookies', ['allow', 'block']),
    ...(Object.fromEntries(flags) as Record<QuirkFlag, boolean>), // one for every name
  };
}

/** The members of an object, none of them unknown: a misspelt name is found here and not an hour later. */
function readObject(field: string, value: unknown, known: readonly string[]): ReadonlyMap<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TenantConfigurationError(field, 'an object', Array.isArray(value) ? 'a list' : typeof value);
  for (const name of Object.keys(value))
    if (!known.includes(name))
      throw new TenantConfigurationError(
        field === 'configuration' ? name : `${field}.${name}`,
        `one of ${known.join(', ')}`,
        name,
      );
  return new Map(Object.entries(value));
}

function readList<T>(
  field: string,
  value: unknown,
  read: (field: string, value: unknown) => T,
): readonly T[] {
  if (!Array.isArray(value)) throw new TenantConfigurationError(field, 'a list', value && typeof value);
  return value.map((item: unknown, index) => read(`${field}[${index}]`, item));
}

function readText(field: string, value: unknown): string {
  if (typeof value !== 'string' || value === '')
    throw new TenantConfigurationError(field, 'a text that is not empty', value);
  return value;
}

function readOptionalText(field: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw new TenantConfigurationError(field, 'a text', typeof value);
  return value;
}

function readMetadata(field: string, value: unknown): Readonly<Record<string, unknown>> {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TenantConfigurationError(field, 'an object', typeof value);
  return { ...value };
}

function readOptionalFlag(field: string, value: unknown): boolean | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'boolean') throw new TenantConfigurationError(field, 'true or false', value);
  return value;
}

function readChoice<T extends string>(field: string, value: unknown, choices: readonly T[]): T {
  const choice = choices.find((known) => known === value);
  if (choice === undefined)
    throw new TenantConfigurationError(field, choices.map((known) => `"${known}"`).join(' or '), value);
  return choice;
}

function refuseTwins(list: string, name: string, values: readonly string[]): void {
  const twin = values.findIndex((value, index) => values.indexOf(value) !== index);
  if (twin >= 0)
    throw new TenantConfigurationError(`${list}[${twin}].${name}`, 'a value of its own', values[twin]);
}
