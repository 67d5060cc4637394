/** What a client may know beforehand (OpenID Connect Discovery 1.0 §3, RFC 8414). Only what the tenant really does. */
import type { Context } from 'hono';
import { publicResponseModes } from '../authorization-request.ts';
import type { TenantContext } from '../context.ts';
import { dpopAlgorithms } from '../dpop.ts';
import { publishedKeys } from '../signing-keys.ts';
import { grantTypesOf } from './token.ts';

export function openidConfiguration(context: TenantContext, c: Context): Response {
  const { configuration, state } = context;
  const { baseUrl, issuer } = configuration;
  return c.json({
    issuer,
    authorization_endpoint: `${baseUrl}/authorize`,
    token_endpoint: `${baseUrl}/oauth/token`,
    device_authorization_endpoint: `${baseUrl}/oauth/device/code`,
    userinfo_endpoint: `${baseUrl}/userinfo`,
    mfa_challenge_endpoint: `${baseUrl}/mfa/challenge`,
    jwks_uri: `${baseUrl}/.well-known/jwks.json`,
    pushed_authorization_request_endpoint: `${baseUrl}/oauth/par`,
    end_session_endpoint: `${baseUrl}/oidc/logout`,
    revocation_endpoint: `${baseUrl}/oauth/revoke`,
    scopes_supported: ['openid', 'profile', 'email', 'address', 'phone', 'offline_access'],
    response_types_supported: ['code'],
    response_modes_supported: publicResponseModes,
    grant_types_supported: grantTypesOf(context),
    code_challenge_methods_supported: ['S256', 'plain'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    dpop_signing_alg_values_supported: dpopAlgorithms,
    token_endpoint_auth_methods_supported: ['none', 'client_secret_post', 'client_secret_basic'],
    claims_supported: [
      'address',
      'aud',
      'auth_time',
      'email',
      'email_verified',
      'exp',
      'family_name',
      'given_name',
      'iat',
      'iss',
      'name',
      'nickname',
      'phone_number',
      'phone_number_verified',
      'picture',
      'sid',
      'sub',
      'updated_at',
      ...(configuration.quirks.conformance ? ['at_hash'] : []),
    ],
    ...(state.settings[0].authorization_response_iss_parameter_supported && {
      authorization_response_iss_parameter_supported: true,
    }),
    claims_parameter_supported: false,
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
  });
}

export function jwks(context: TenantContext, c: Context): Response {
  c.header('Cache-Control', 'public, max-age=15');
  return c.json({ keys: publishedKeys(context).map(({ publicJwk }) => publicJwk) });
}
