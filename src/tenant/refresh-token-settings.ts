/** A client's `refresh_token` settings, in Auth0's words, and the policy that follows from them. */
import type { Seconds } from '../clock.ts';
import { TenantConfigurationError } from './configuration-error.ts';
import type { ForkPolicy, RotationPolicy } from './refresh-token-family.ts';

/** `refresh_token` of a client as people write it. Lifetimes and leeway in seconds. */
export interface RefreshTokenConfiguration {
  readonly rotation_type: 'rotating' | 'non-rotating';
  readonly expiration_type: 'expiring' | 'non-expiring';
  /** How long a spent token is forgiven, counted from its first exchange. Default 0: not at all. */
  readonly leeway?: Seconds;
  readonly token_lifetime?: Seconds;
  readonly infinite_token_lifetime?: boolean;
  readonly idle_token_lifetime?: Seconds;
  readonly infinite_idle_token_lifetime?: boolean;
  /** Multi-resource refresh tokens: further audiences that a token may be exchanged for, and with which scopes. */
  readonly policies?: readonly RefreshTokenPolicy[];
}

/** A further API that a multi-resource refresh token may be swapped for, and the scopes of it (`refresh_token.policies`). */
export interface RefreshTokenPolicy {
  readonly audience: string;
  readonly scope: readonly string[];
}

/** The same with every default filled in. */
export type RefreshTokenSettings = Required<RefreshTokenConfiguration>;

const thirtyDays: Seconds = 2_592_000;
const oneYear: Seconds = 31_557_600;
const longestLifetime: Seconds = 157_788_000; // five years, Auth0's schema

/** What `refresh_token` may be by Auth0's schema; combinations are judged by `readRefreshTokenSettings`. */
export const refreshTokenSchema = {
  type: ['object', 'null'],
  description: 'Refresh token configuration',
  required: ['rotation_type', 'expiration_type'],
  additionalProperties: false,
  properties: {
    rotation_type: {
      type: 'string',
      enum: ['rotating', 'non-rotating'],
      description: 'Refresh token rotation types, one of: `non-rotating`, `rotating`',
    },
    expiration_type: {
      type: 'string',
      enum: ['expiring', 'non-expiring'],
      description: 'Refresh token expiration types, one of: `non-expiring`, `expiring`',
    },
    leeway: {
      type: 'integer',
      minimum: 0,
      description: 'Period (in seconds) in which the previous refresh token is still accepted',
    },
    token_lifetime: {
      type: 'integer',
      minimum: 1,
      maximum: longestLifetime,
      description: 'Period (in seconds) for which refresh tokens will remain valid',
    },
    infinite_token_lifetime: { type: 'boolean', description: 'Refresh tokens remain valid for ever' },
    idle_token_lifetime: {
      type: 'integer',
      minimum: 1,
      maximum: longestLifetime,
      description: 'Period (in seconds) for which refresh tokens remain valid without use',
    },
    infinite_idle_token_lifetime: {
      type: 'boolean',
      description: 'Refresh tokens remain valid without use',
    },
    policies: {
      type: ['array', 'null'],
      minItems: 1,
      description: 'Further audiences that a refresh token may be exchanged for',
      items: {
        type: 'object',
        required: ['audience', 'scope'],
        additionalProperties: false,
        properties: {
          audience: { type: 'string', minLength: 1, maxLength: 600 },
          scope: { type: 'array', items: { type: 'string', minLength: 1, maxLength: 280 } },
        },
      },
    },
  },
} as const;

/** What a client has that says nothing about refresh tokens. */
const defaultRefreshTokenSettings: RefreshTokenSettings = {
  rotation_type: 'non-rotating',
  expiration_type: 'non-expiring',
  leeway: 0,
  token_lifetime: oneYear,
  infinite_token_lifetime: true,
  idle_token_lifetime: thirtyDays,
  infinite_idle_token_lifetime: true,
  policies: [],
};

/**
 * Checks settings that came from outside and fills in the defaults.
 * @param field where the value stands, for the message
 * @throws {TenantConfigurationError} for an unknown key, a wrong type, a limit exceeded, or a combination that Auth0 refuses
 */
export function readRefreshTokenSettings(value: unknown, field = 'refresh_token'): RefreshTokenSettings {
  if (value === undefined || value === null) return defaultRefreshTokenSettings;
  if (typeof value !== 'object') throw new TenantConfigurationError(field, 'an object', value);
  const given = new Map<string, unknown>(Object.entries(value));
  const known = new Set(Object.keys(defaultRefreshTokenSettings));
  for (const name of given.keys())
    if (!known.has(name)) throw new TenantConfigurationError(`${field}.${name}`, 'no such key', name);

  const rotation_type = given.get('rotation_type');
  if (rotation_type !== 'rotating' && rotation_type !== 'non-rotating')
    throw new TenantConfigurationError(
      `${field}.rotation_type`,
      '"rotating" or "non-rotating"',
      rotation_type,
    );
  const expiration_type = given.get('expiration_type');
  if (expiration_type !== 'expiring' && expiration_type !== 'non-expiring')
    throw new TenantConfigurationError(
      `${field}.expiration_type`,
      '"expiring" or "non-expiring"',
      expiration_type,
    );

  const seconds = (
    name: 'leeway' | 'token_lifetime' | 'idle_token_lifetime',
    otherwise: Seconds,
  ): Seconds => {
    const { minimum: least, maximum: most } = {
      maximum: Number.MAX_SAFE_INTEGER,
      ...refreshTokenSchema.properties[name],
    };
    const found = given.get(name);
    if (found === undefined) return otherwise;
    if (typeof found !== 'number' || !Number.isInteger(found) || found < least || found > most)
      throw new TenantConfigurationError(`${field}.${name}`, `whole seconds from ${least} to ${most}`, found);
    return found;
  };
  const flag = (name: string, otherwise: boolean): boolean => {
    const found = given.get(name);
    if (found === undefined) return otherwise;
    if (typeof found !== 'boolean')
      throw new TenantConfigurationError(`${field}.${name}`, 'true or false', found);
    return found;
  };

  const endless = expiration_type === 'non-expiring';
  const token_lifetime = seconds('token_lifetime', rotation_type === 'rotating' ? thirtyDays : oneYear);
  const settings: RefreshTokenSettings = {
    rotation_type,
    expiration_type,
    leeway: seconds('leeway', 0),
    token_lifetime,
    infinite_token_lifetime: flag('infinite_token_lifetime', endless),
    idle_token_lifetime: seconds('idle_token_lifetime', Math.min(thirtyDays, token_lifetime)),
    infinite_idle_token_lifetime: flag('infinite_idle_token_lifetime', endless),
    policies: readPolicies(given.get('policies') ?? [], `${field}.policies`),
  };
  checkCombination(settings, field);
  return settings;
}

/** What the family's rules need to know, as it is now. */
export function rotationPolicy(settings: RefreshTokenSettings, forks: ForkPolicy): RotationPolicy {
  const endless = settings.expiration_type === 'non-expiring';
  return {
    rotating: settings.rotation_type === 'rotating',
    leeway: settings.leeway,
    tokenLifetime: endless || settings.infinite_token_lifetime ? null : settings.token_lifetime,
    idleTokenLifetime: endless || settings.infinite_idle_token_lifetime ? null : settings.idle_token_lifetime,
    forks,
  };
}

function readPolicies(value: unknown, field: string): readonly RefreshTokenPolicy[] {
  if (!Array.isArray(value)) throw new TenantConfigurationError(field, 'a list', typeof value);
  return value.map((item: unknown, index) => {
    const { audience, scope, ...others } = (item ?? {}) as Readonly<Record<string, unknown>>;
    const at = `${field}[${index}]`;
    for (const name of Object.keys(others))
      throw new TenantConfigurationError(`${at}.${name}`, 'no such key', name);
    if (typeof audience !== 'string' || audience === '')
      throw new TenantConfigurationError(`${at}.audience`, 'the identifier of an API', audience);
    if (!Array.isArray(scope) || !scope.every((name) => typeof name === 'string'))
      throw new TenantConfigurationError(`${at}.scope`, 'a list of scope names', scope);
    return { audience, scope };
  });
}

function checkCombination(settings: RefreshTokenSettings, field: string): void {
  const rotating = settings.rotation_type === 'rotating';
  if (rotating && settings.expiration_type === 'non-expiring')
    throw new TenantConfigurationError(
      `${field}.expiration_type`,
      '"expiring": a rotating token must expire',
      'non-expiring',
    );
  if (rotating && settings.infinite_token_lifetime && settings.infinite_idle_token_lifetime)
    throw new TenantConfigurationError(
      `${field}.infinite_token_lifetime`,
      'one finite lifetime at least: a rotating token must expire',
      true,
    );
  const finite = !settings.infinite_token_lifetime && !settings.infinite_idle_token_lifetime;
  if (finite && settings.idle_token_lifetime > settings.token_lifetime)
    throw new TenantConfigurationError(
      `${field}.idle_token_lifetime`,
      `at most token_lifetime (${settings.token_lifetime})`,
      settings.idle_token_lifetime,
    );
}
