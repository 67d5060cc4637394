import { InvalidConfigurationError } from '../errors.ts';
import { joinScopes } from '../oauth/scope.ts';
import type { AuthorizationParams } from './options.ts';
import { readParams, type Settings } from './settings.ts';

/** What an access token is for. */
export interface Target {
  /** `''` where no API was named: the token is good at the userinfo endpoint only. */
  readonly audience: string;
  /** Normalised: every name once. */
  readonly scope: string;
  /** Further parameters for the authorization endpoint. */
  readonly params: AuthorizationParams;
}

/**
 * The target of a call: the client's own parameters with the call's over them; scopes add up, the client's being that of the
 * audience, wherever that comes from. `undefined` overrides nothing. One rule for logins and silent calls.
 *
 * @throws {InvalidConfigurationError} for a parameter that has no text.
 */
export function targetOf(settings: Settings, params?: AuthorizationParams): Target {
  if (typeof params?.scope === 'object' && (params.scope as unknown) !== null)
    throw new InvalidConfigurationError('"scope" is no text.');
  const given = readParams(params);
  const merged: AuthorizationParams = { ...settings.authorizationParams, ...given };
  const audience = merged.audience ?? ''; // `null` leaves it out
  return {
    audience,
    scope: joinScopes(settings.scopes.get(audience) ?? settings.authorizationParams.scope, given.scope),
    params: merged,
  };
}
