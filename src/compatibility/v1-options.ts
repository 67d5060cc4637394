/** The spellings of auth0-spa-js v1, turned into v2's. They mean what they meant there. */
import type { Auth0ClientOptions, AuthorizationParams } from '../core/options.ts';
import { readText } from '../core/settings.ts';
import { InvalidConfigurationError } from '../errors.ts';
import { joinScopes } from '../oauth/scope.ts';

/** Options of v1's `createAuth0Client`: the client id by its wire name, authorization parameters at the top level. */
export interface V1ClientOptions
  extends
    Omit<Auth0ClientOptions, 'clientId' | 'authorizationParams'>,
    Pick<AuthorizationParams, (typeof flatParameters)[number]> {
  client_id: string;
  clientId?: string | undefined;
  authorizationParams?: AuthorizationParams | undefined;
}

const flatParameters = [
  'scope',
  'audience',
  'redirect_uri',
  'display',
  'prompt',
  'max_age',
  'ui_locales',
  'id_token_hint',
  'screen_hint',
  'login_hint',
  'acr_values',
  'connection',
  'organization',
  'invitation',
] as const;

/**
 * Options in v2's spelling. With `client_id`, v1's defaults hold: `openid profile email` is asked for besides any scope,
 * and the iframe is a declared fallback.
 * @throws {InvalidConfigurationError} when both spellings are given and differ.
 */
export function toV2Options(options: Auth0ClientOptions | V1ClientOptions): Auth0ClientOptions {
  if (typeof options !== 'object' || options === null || !('client_id' in options)) return options;
  const { client_id, ...rest } = options;
  if ((client_id as string | undefined) === undefined) return rest as Auth0ClientOptions; // says nothing
  if (rest.clientId !== undefined && rest.clientId !== client_id)
    throw new InvalidConfigurationError(
      '"client_id" and "clientId" are both given and differ.',
      'Pass one of them.',
    );
  const authorizationParams: AuthorizationParams = { ...rest.authorizationParams };
  for (const name of flatParameters) {
    const value = rest[name];
    delete rest[name];
    if (value === undefined) continue;
    if (authorizationParams[name] !== undefined && authorizationParams[name] !== value)
      throw new InvalidConfigurationError(
        `"${name}" and "authorizationParams.${name}" are both given and differ.`,
        'Pass one of them.',
      );
    authorizationParams[name] = value as never; // the same parameter, under the same name
  }
  authorizationParams.scope = joinScopes(
    'openid profile email',
    readText('scope', authorizationParams.scope ?? ''),
  );
  return { useRefreshTokensFallback: true, ...rest, clientId: client_id, authorizationParams };
}
