/** What there is at each endpoint of the tenant, and the page that says so. */

/** `ignored`: the request is answered as if it were not there. `refused`: the request is refused because of it. */
export type Support = 'supported' | 'ignored' | 'refused';

export interface Endpoint {
  /** As the router has them; an endpoint may have several. */
  readonly routes: readonly string[];
  readonly what: string;
  /** Of the token endpoint, the grant that the parameters are for. */
  readonly grant?: string;
  /** Query or body; `:id` and its like are in the route. */
  readonly parameters?: Readonly<Record<string, Support>>;
  /** Under `__tests__/tenant/`, without `.test.ts`. */
  readonly tests: readonly string[];
}

const all = (support: Support, names: string): Record<string, Support> =>
  Object.fromEntries(names.split(' ').map((name) => [name, support]));
const supported = (names: string) => all('supported', names);

const lists = 'page per_page include_totals from take fields include_fields';
const clientMembers =
  'name description app_type callbacks web_origins allowed_origins allowed_logout_urls grant_types token_endpoint_auth_method ' +
  'client_metadata is_first_party require_proof_of_possession require_pushed_authorization_requests organization_usage ' +
  'organization_require_behavior oidc_conformant refresh_token';
const userMembers =
  'connection user_id password name nickname given_name family_name picture email_verified phone_number phone_verified blocked user_metadata app_metadata';

export const authorizeParameters: Readonly<Record<string, Support>> = {
  ...supported(
    'client_id response_type redirect_uri scope state nonce audience response_mode code_challenge code_challenge_method prompt ' +
      'max_age login_hint screen_hint id_token_hint acr_values organization invitation connection request_uri dpop_jkt',
  ),
  ...all('ignored', 'display ui_locales claims_locales claims auth0Client ext-example resource'),
  ...all('refused', 'request'),
};

export const endpoints: readonly Endpoint[] = [
  {
    routes: ['GET /authorize', 'POST /authorize'],
    what: 'Authorization (RFC 6749 §4.1.1, OIDC Core §3.1.2)',
    parameters: authorizeParameters,
    tests: [
      'login',
      'silent-authentication',
      'response-modes',
      'prompts',
      'pushed-requests',
      'organizations',
      'management-organizations',
      'management-connections',
      'second-factor',
      'dpop',
    ],
  },
  {
    routes: ['POST /oauth/par'],
    what: 'Pushed authorization requests (RFC 9126), with the parameters of `/authorize`',
    parameters: { ...supported('client_id client_secret'), ...all('refused', 'request_uri') },
    tests: ['pushed-requests', 'bad-input'],
  },
  {
    routes: ['GET /authorize/resume'],
    what: 'The way back from the pages',
    parameters: supported('state'),
    tests: ['login', 'bad-input'],
  },
  {
    routes: ['GET /u/login', 'POST /u/login'],
    what: 'Sign-in',
    parameters: supported('state csrf email password'),
    tests: ['login', 'bad-input'],
  },
  {
    routes: ['GET /u/signup', 'POST /u/signup'],
    what: 'Sign-up',
    parameters: supported('state csrf email password'),
    tests: ['prompts', 'bad-input'],
  },
  {
    routes: ['GET /u/organization', 'POST /u/organization'],
    what: 'Organization, before the login (`organization_require_behavior: "pre_login_prompt"`)',
    parameters: supported('state csrf organizationName action'),
    tests: ['organizations', 'bad-input'],
  },
  {
    routes: ['GET /u/organization/picker', 'POST /u/organization/picker'],
    what: 'Organization, after the login (`organization_require_behavior: "post_login_prompt"`)',
    parameters: supported('state csrf organization action'),
    tests: ['organizations', 'bad-input'],
  },
  {
    routes: ['GET /u/account', 'POST /u/account'],
    what: 'Account picker',
    parameters: supported('state csrf account'),
    tests: ['prompts', 'bad-input'],
  },
  {
    routes: ['GET /u/consent', 'POST /u/consent'],
    what: 'Consent',
    parameters: supported('state csrf decision'),
    tests: ['consent', 'bad-input'],
  },
  {
    routes: ['otp', 'sms', 'email', 'recovery-code'].flatMap((kind) => [
      `GET /u/mfa-${kind}-challenge`,
      `POST /u/mfa-${kind}-challenge`,
    ]),
    what: 'Second factor',
    parameters: supported('state csrf code remember'),
    tests: ['second-factor', 'bad-input'],
  },
  {
    routes: ['POST /oauth/token'],
    grant: 'authorization_code',
    what: 'A code for tokens (RFC 6749 §4.1.3), with PKCE (RFC 7636) and DPoP (RFC 9449)',
    parameters: supported('grant_type client_id client_secret code redirect_uri code_verifier'),
    tests: ['token-endpoint', 'dpop', 'published-clients', 'concurrency'],
  },
  {
    routes: ['POST /oauth/token'],
    grant: 'refresh_token',
    what: 'A refresh token for tokens (RFC 6749 §6); see docs/rotation-rules.md',
    parameters: {
      ...supported('grant_type client_id client_secret refresh_token scope audience'),
      ...all('ignored', 'redirect_uri'),
    },
    tests: [
      'leeway-and-reuse',
      'vectors',
      'multi-resource',
      'migration',
      'dpop',
      'second-factor',
      'token-endpoint',
    ],
  },
  {
    routes: ['POST /oauth/token'],
    grant: 'client_credentials',
    what: 'A token for the client itself (RFC 6749 §4.4)',
    parameters: supported('grant_type client_id client_secret audience scope'),
    tests: ['client-credentials', 'dpop'],
  },
  ...(
    [
      ['mfa-otp', 'otp'],
      ['mfa-oob', 'oob_code binding_code'],
      ['mfa-recovery-code', 'recovery_code'],
    ] as const
  ).map(([kind, names]) => ({
    routes: ['POST /oauth/token'],
    grant: `http://auth0.com/oauth/grant-type/${kind}`,
    what: 'Goes on with what waited for a second factor',
    parameters: supported(`grant_type client_id client_secret mfa_token ${names}`),
    tests: ['second-factor'],
  })),
  ...(
    [
      ['password', 'A user’s password for tokens (RFC 6749 §4.3)', 'username password', 'password-grant'],
      [
        'http://auth0.com/oauth/grant-type/password-realm',
        'The same, with the name of the connection',
        'username password realm',
        'password-grant',
      ],
      [
        'http://auth0.com/oauth/grant-type/passwordless/otp',
        'A code that was sent, for tokens',
        'username otp realm',
        'passwordless',
      ],
    ] as const
  ).map(([grant, what, names, test]) => ({
    routes: ['POST /oauth/token'],
    grant,
    what,
    parameters: {
      ...supported(`grant_type client_id client_secret ${names} scope audience`),
      ...all('refused', 'organization'),
    },
    tests: [test],
  })),
  {
    routes: ['POST /oauth/token'],
    grant: 'urn:ietf:params:oauth:grant-type:token-exchange',
    what: 'A token of somebody else’s for tokens (RFC 8693), by `hooks.onTokenExchange`',
    parameters: {
      ...supported('grant_type client_id client_secret subject_token subject_token_type scope audience'),
      ...all('refused', 'actor_token organization'),
    },
    tests: ['token-exchange'],
  },
  {
    routes: ['POST /oauth/token'],
    grant: 'urn:ietf:params:oauth:grant-type:device_code',
    what: 'Asks whether somebody has let the device in (RFC 8628 §3.4)',
    parameters: supported('grant_type client_id client_secret device_code'),
    tests: ['device', 'published-clients'],
  },
  {
    routes: ['POST /oauth/device/code'],
    what: 'Codes for a device (RFC 8628 §3.1)',
    parameters: supported('client_id client_secret scope audience'),
    tests: ['device', 'published-clients', 'bad-input'],
  },
  {
    routes: ['GET /activate', 'POST /activate'],
    what: 'Where a person types in the code that a device shows',
    parameters: supported('user_code csrf'),
    tests: ['device', 'bad-input'],
  },
  {
    routes: ['POST /passwordless/start'],
    what: 'Sends a code or a link to sign in with, to the outbox',
    parameters: supported('client_id client_secret connection email phone_number send authParams'),
    tests: ['passwordless', 'bad-input'],
  },
  {
    routes: ['GET /passwordless/verify_redirect'],
    what: 'The link, with the parameters of `/authorize` besides',
    parameters: supported('client_id connection email phone_number verification_code'),
    tests: ['passwordless', 'bad-input'],
  },
  {
    routes: ['POST /oauth/revoke'],
    what: 'Revocation (RFC 7009)',
    parameters: { ...supported('client_id client_secret token'), ...all('ignored', 'token_type_hint') },
    tests: ['revocation'],
  },
  {
    routes: ['POST /mfa/challenge'],
    what: 'Begins a second factor',
    parameters: supported('client_id client_secret mfa_token challenge_type authenticator_id'),
    tests: ['second-factor'],
  },
  {
    routes: ['GET /mfa/authenticators', 'DELETE /mfa/authenticators/:id'],
    what: 'What a user can prove a second time with; `Authorization: Bearer` with the `mfa_token`',
    tests: ['second-factor'],
  },
  {
    routes: ['POST /mfa/associate'],
    what: 'Enrols an authenticator; `Authorization: Bearer` with the `mfa_token`',
    parameters: supported('authenticator_types oob_channels phone_number email'),
    tests: ['second-factor'],
  },
  {
    routes: ['POST /dbconnections/signup'],
    what: 'An account from an application’s own form',
    parameters: supported(
      'client_id connection email password name nickname given_name family_name picture user_metadata',
    ),
    tests: ['prompts', 'management-connections', 'bad-input'],
  },
  {
    routes: ['POST /dbconnections/change_password'],
    what: 'Answers, and sends nothing',
    parameters: supported('client_id connection email'),
    tests: ['prompts', 'bad-input'],
  },
  {
    routes: ['GET /userinfo', 'POST /userinfo'],
    what: 'Claims about the user (OIDC Core §5.3), for bearer and bound tokens',
    parameters: supported('access_token'),
    tests: ['userinfo-and-discovery', 'dpop', 'conformance'],
  },
  {
    routes: [
      'GET /.well-known/openid-configuration',
      'GET /.well-known/oauth-authorization-server',
      'GET /.well-known/jwks.json',
    ],
    what: 'Discovery (RFC 8414) and keys (RFC 7517)',
    tests: ['userinfo-and-discovery', 'management-signing-keys', 'faults'],
  },
  {
    routes: ['GET /v2/logout'],
    what: 'Logout, in Auth0’s way',
    parameters: { ...supported('client_id returnTo'), ...all('ignored', 'federated auth0Client') },
    tests: ['logout'],
  },
  {
    routes: ['GET /oidc/logout', 'POST /oidc/logout', 'POST /u/logout'],
    what: 'Logout (OIDC RP-Initiated Logout), and its confirmation',
    parameters: {
      ...supported('id_token_hint logout_hint client_id post_logout_redirect_uri state'),
      ...all('ignored', 'ui_locales federated'),
    },
    tests: ['oidc-logout', 'conformance'],
  },
  {
    routes: ['GET /'],
    what: 'Says what this is',
    tests: ['bad-input'],
  },
  {
    routes: ['GET /api/v2/clients', 'POST /api/v2/clients'],
    what: 'Applications',
    parameters: supported(`${lists} app_type is_first_party ${clientMembers}`),
    tests: ['management-clients', 'bad-input-management'],
  },
  {
    routes: ['GET /api/v2/clients/:id', 'PATCH /api/v2/clients/:id', 'DELETE /api/v2/clients/:id'],
    what: 'An application',
    parameters: supported(`fields include_fields ${clientMembers} client_secret`),
    tests: ['management-clients', 'bad-input-management'],
  },
  {
    routes: ['POST /api/v2/clients/:id/rotate-secret'],
    what: 'A new secret',
    tests: ['management-clients', 'bad-input-management'],
  },
  {
    routes: [
      'GET /api/v2/resource-servers',
      'POST /api/v2/resource-servers',
      'GET /api/v2/resource-servers/:id',
      'PATCH /api/v2/resource-servers/:id',
      'DELETE /api/v2/resource-servers/:id',
    ],
    what: 'APIs',
    parameters: supported(
      `${lists} identifier name scopes signing_alg allow_offline_access token_lifetime proof_of_possession`,
    ),
    tests: ['management-apis', 'bad-input-management'],
  },
  {
    routes: [
      'GET /api/v2/client-grants',
      'POST /api/v2/client-grants',
      'GET /api/v2/client-grants/:id',
      'PATCH /api/v2/client-grants/:id',
      'DELETE /api/v2/client-grants/:id',
    ],
    what: 'Which APIs a client may ask a token of its own for',
    parameters: supported('page per_page include_totals from take client_id audience scope'),
    tests: ['management-apis', 'bad-input-management'],
  },
  {
    routes: ['GET /api/v2/users', 'POST /api/v2/users', 'GET /api/v2/users-by-email'],
    what: 'Users',
    parameters: supported(`page per_page include_totals fields include_fields sort q email ${userMembers}`),
    tests: ['management-users', 'bad-input-management'],
  },
  {
    routes: ['GET /api/v2/users/:id', 'PATCH /api/v2/users/:id', 'DELETE /api/v2/users/:id'],
    what: 'A user',
    parameters: supported(`fields include_fields ${userMembers}`),
    tests: ['management-users', 'bad-input-management'],
  },
  {
    routes: [
      'GET /api/v2/users/:id/refresh-tokens',
      'DELETE /api/v2/users/:id/refresh-tokens',
      'GET /api/v2/users/:id/sessions',
      'DELETE /api/v2/users/:id/sessions',
      'GET /api/v2/users/:id/organizations',
    ],
    what: 'What a user has',
    parameters: supported('from take'),
    tests: ['management-users', 'management-tokens', 'management-organizations', 'bad-input-management'],
  },
  {
    routes: ['POST /api/v2/users/:id/revoke-access'],
    what: 'Ends sessions and refresh tokens of a user',
    parameters: supported('session_id preserve_refresh_tokens'),
    tests: ['management-users', 'bad-input-management'],
  },
  {
    routes: [
      'GET /api/v2/refresh-tokens',
      'GET /api/v2/refresh-tokens/:id',
      'PATCH /api/v2/refresh-tokens/:id',
      'DELETE /api/v2/refresh-tokens/:id',
      'POST /api/v2/refresh-tokens/revoke',
    ],
    what: 'Refresh tokens: one for each family',
    parameters: supported('from take user_id client_id refresh_token_metadata ids'),
    tests: ['management-tokens', 'bad-input-management'],
  },
  {
    routes: [
      'GET /api/v2/sessions/:id',
      'PATCH /api/v2/sessions/:id',
      'DELETE /api/v2/sessions/:id',
      'POST /api/v2/sessions/:id/revoke',
    ],
    what: 'Sessions',
    parameters: supported('session_metadata'),
    tests: ['management-tokens', 'management-users', 'bad-input-management'],
  },
  {
    routes: ['GET /api/v2/device-credentials', 'DELETE /api/v2/device-credentials/:id'],
    what: 'Refresh tokens as devices',
    parameters: supported('page per_page include_totals user_id client_id type'),
    tests: ['management-tokens', 'bad-input-management'],
  },
  {
    routes: ['GET /api/v2/grants', 'DELETE /api/v2/grants', 'DELETE /api/v2/grants/:id'],
    what: 'What users let clients do',
    parameters: supported('page per_page include_totals user_id client_id audience'),
    tests: ['management-tokens', 'bad-input-management'],
  },
  {
    routes: ['GET /api/v2/users/:id/logs'],
    what: 'The entries of the journal that are a user’s',
    parameters: supported('page per_page include_totals from take sort fields include_fields'),
    tests: ['management-tokens', 'bad-input-management'],
  },
  {
    routes: ['GET /api/v2/tenants/settings', 'PATCH /api/v2/tenants/settings'],
    what: 'What holds for the tenant as a whole',
    parameters: supported(
      'fields include_fields friendly_name flags session_lifetime idle_session_lifetime session_cookie ' +
        'authorization_response_iss_parameter_supported pushed_authorization_requests_supported',
    ),
    tests: ['management-settings', 'bad-input-management'],
  },
  {
    routes: [
      'GET /api/v2/keys/signing',
      'GET /api/v2/keys/signing/:id',
      'POST /api/v2/keys/signing/rotate',
      'PUT /api/v2/keys/signing/:id/revoke',
    ],
    what: 'The keys that tokens are and were signed with',
    tests: ['management-signing-keys', 'bad-input-management'],
  },
  {
    routes: ['GET /api/v2/logs', 'GET /api/v2/logs/:id'],
    what: 'The journal as Auth0’s logs',
    parameters: supported('page per_page include_totals from take sort q fields include_fields'),
    tests: ['management-access', 'management-tokens', 'bad-input-management'],
  },
  {
    routes: [
      'GET /api/v2/connections',
      'POST /api/v2/connections',
      'GET /api/v2/connections/:id',
      'PATCH /api/v2/connections/:id',
      'DELETE /api/v2/connections/:id',
      'GET /api/v2/connections/:id/clients',
      'PATCH /api/v2/connections/:id/clients',
    ],
    what: 'Databases of users, and which clients may use them',
    parameters: supported(`${lists} name strategy display_name enabled_clients metadata client_id status`),
    tests: ['management-connections', 'bad-input-management'],
  },
  {
    routes: [
      'GET /api/v2/organizations',
      'POST /api/v2/organizations',
      'GET /api/v2/organizations/name/:name',
      'GET /api/v2/organizations/:id',
      'PATCH /api/v2/organizations/:id',
      'DELETE /api/v2/organizations/:id',
    ],
    what: 'Organizations',
    parameters: supported('page per_page include_totals from take name display_name metadata'),
    tests: ['management-organizations', 'bad-input-management'],
  },
  {
    routes: [
      'GET /api/v2/organizations/:id/members',
      'POST /api/v2/organizations/:id/members',
      'DELETE /api/v2/organizations/:id/members',
    ],
    what: 'Their members',
    parameters: supported('page per_page include_totals from take members'),
    tests: ['management-organizations', 'bad-input-management'],
  },
  {
    routes: [
      'GET /api/v2/organizations/:id/enabled_connections',
      'POST /api/v2/organizations/:id/enabled_connections',
      'DELETE /api/v2/organizations/:id/enabled_connections/:connection',
    ],
    what: 'Where their members come from',
    parameters: supported('page per_page include_totals connection_id assign_membership_on_login'),
    tests: ['management-organizations', 'bad-input-management'],
  },
  {
    routes: [
      'GET /api/v2/organizations/:id/invitations',
      'POST /api/v2/organizations/:id/invitations',
      'GET /api/v2/organizations/:id/invitations/:invitation',
      'DELETE /api/v2/organizations/:id/invitations/:invitation',
    ],
    what: 'Invitations',
    parameters: supported('page per_page include_totals client_id inviter invitee ttl_sec'),
    tests: ['management-organizations', 'bad-input-management'],
  },
  {
    routes: [
      'GET /__tenant/journal',
      'GET /__tenant/events',
      'GET /__tenant/families',
      'POST /__tenant/families/:id/replay',
      'POST /__tenant/explain',
      'PATCH /__tenant/clients/:id',
      'GET /__tenant/faults',
      'POST /__tenant/faults',
      'DELETE /__tenant/faults',
      'DELETE /__tenant/faults/:id',
      'POST /__tenant/outbox',
      'POST /__tenant/snapshot',
      'POST /__tenant/restore',
      'POST /__tenant/reset',
      'GET /__tenant/clock',
      'POST /__tenant/clock',
    ],
    what: 'The tenant’s own controls, which Auth0 does not have',
    parameters: supported('counter token refresh_token advance set'),
    tests: ['development-routes', 'bad-input-development', 'second-factor'],
  },
];

/** The page, in the order of `endpoints`. */
export function supportedPage(): string {
  const parts = endpoints.flatMap(({ routes, what, grant, parameters = {}, tests }) => {
    const forGrant = grant === undefined ? '' : `, grant \`${grant}\``;
    const line = (support: Support): string[] => {
      const names = Object.entries(parameters).flatMap(([name, found]) =>
        found === support ? [`\`${name}\``] : [],
      );
      return names.length === 0 ? [] : [`- ${support}: ${names.join(', ')}`];
    };
    return [
      `## ${routes.map((route) => `\`${route}\``).join(', ')}${forGrant}`,
      `${what}.`,
      [
        ...line('supported'),
        ...line('ignored'),
        ...line('refused'),
        `- tests: ${tests.map((name) => `[${name}](__tests__/tenant/${name}.test.ts)`).join(', ')}`,
      ].join('\n'),
    ];
  });
  return `${[
    '# What the tenant supports',
    '<!-- generated from __tests__/tenant/supported.ts, which is held against the router, the source and the tests -->',
    'Endpoint by endpoint, with its parameters. What is not here is not there. `LATCHKEY_WRITE_DOCS=1 npm run unit -- supported` writes this page anew.',
    ...parts,
  ].join('\n\n')}\n`;
}
