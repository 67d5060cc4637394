import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { tenantBrowser } from '../support/tenant-browser.ts';
import { ada, aTenant, app, authorizeUrl, codeGrant, configuration, refresh } from './a-tenant.ts';
import {
  changed,
  encoded,
  expectHarmless,
  expectToBearAnything,
  form,
  html,
  json,
  large,
  oddIds,
  pairs,
  putToUse,
  remembered,
  send,
  type Sent,
} from './bad-requests.ts';

/** Those that bring a user themselves. */
const signInGrants = [
  'password',
  'http://auth0.com/oauth/grant-type/password-realm',
  'http://auth0.com/oauth/grant-type/passwordless/otp',
  'urn:ietf:params:oauth:grant-type:device_code',
  'urn:ietf:params:oauth:grant-type:token-exchange',
];

/** A tenant in use, and what an honest client would send. */
async function inUse() {
  const [first, ...others] = configuration.users;
  const authenticators = [{ authenticator_type: 'otp', secret: 'JBSWY3DPEHPK3PXP' }] as const;
  const device = { client_id: 'device', app_type: 'native', grant_types: signInGrants } as const;
  const [spa] = configuration.clients;
  const asking = [
    ['first', 'pre_login_prompt'],
    ['after', 'post_login_prompt'],
  ] as const;
  const clients = [
    ...configuration.clients,
    device,
    ...asking.map(([client_id, organization_require_behavior]) => ({
      ...spa,
      client_id,
      organization_usage: 'require' as const,
      organization_require_behavior,
    })),
  ];
  const organizations = [
    ...['acme', 'umbrella'].map((name) => ({ id: `org_${name}`, name, members: [ada.email] })),
    { id: 'org_other', name: 'other' },
  ];
  const users = [{ ...first, authenticators }, ...others];
  const used = await putToUse(aTenant({ clients, users, organizations }));
  const { code, refreshToken, accessToken, page } = used;
  const authorization = Object.fromEntries(new URL(authorizeUrl(), app).searchParams);
  const loginPage = {
    path: '/u/login',
    query: [['state', page.state]],
    headers: { cookie: page.cookie },
  } as const;
  const asked = tenantBrowser(used.tenant);
  asked.setCookie(used.tenant.signIn(ada.email, { client_id: 'spa' }).cookie);
  const question = await asked.visit(authorizeUrl({ prompt: 'consent' }));
  const consentPage = {
    path: question.url.pathname,
    query: [['state', question.url.searchParams.get('state') ?? '']],
    headers: { cookie: [...asked.cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
  } as const;
  const csrfOf = (body: string) => /name="csrf" value="([^"]*)"/.exec(body)?.[1] ?? '';
  const csrf = csrfOf(question.body);
  const acr_values = 'http://schemas.openid.net/pape/policies/2007/06/multi-factor';
  const second = await asked.visit(authorizeUrl({ acr_values }));
  const codePage = {
    path: second.url.pathname,
    query: [['state', second.url.searchParams.get('state') ?? '']],
    headers: { cookie: [...asked.cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
  } as const;
  used.tenant.faults.add({ kind: 'mfa-required' });
  const { body: waiting } = await refresh(used.tenant, refreshToken);
  const mfa_token = String(waiting['mfa_token']);
  const bearing = { authorization: `Bearer ${mfa_token}` };
  const accounts = await asked.visit(authorizeUrl({ prompt: 'select_account' }));
  const accountPage = {
    path: accounts.url.pathname,
    query: [['state', accounts.url.searchParams.get('state') ?? '']],
    headers: { cookie: [...asked.cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
  } as const;
  const accountCsrf = csrfOf(accounts.body);
  const named = await asked.visit(authorizeUrl({ client_id: 'first' }));
  const picker = await asked.visit(authorizeUrl({ client_id: 'after' }));
  const pageAt = ({ url }: { url: URL }) =>
    ({
      path: url.pathname,
      query: [['state', url.searchParams.get('state') ?? '']],
      headers: { cookie: [...asked.cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
    }) as const;
  const organizationPage = pageAt(named);
  const pickerPage = pageAt(picker);
  const account = {
    client_id: 'spa',
    connection: 'Username-Password-Authentication',
    email: 'new@example.com',
  };
  const { device_code } = (await (
    await send(used.tenant, {
      method: 'POST',
      path: '/oauth/device/code',
      type: form,
      body: 'client_id=device',
    })
  ).json()) as { device_code: string };
  const activation = tenantBrowser(used.tenant);
  const activateCsrf = csrfOf((await activation.visit('/activate')).body);
  return {
    ...used,
    secrets: [...used.secrets, device_code, mfa_token, 'JBSWY3DPEHPK3PXP'],
    honest: {
      codePage,
      codeForm: {
        ...codePage,
        method: 'POST',
        type: form,
        body: encoded(pairs({ csrf: csrfOf(second.body), code: '000000' })),
      },
      challenge: {
        method: 'POST',
        path: '/mfa/challenge',
        type: form,
        body: encoded(pairs({ client_id: 'spa', mfa_token, challenge_type: 'otp' })),
      },
      associate: {
        method: 'POST',
        path: '/mfa/associate',
        type: json,
        body: '{"authenticator_types":["otp"]}',
        headers: bearing,
      },
      authenticators: { path: '/mfa/authenticators', headers: bearing },
      authenticator: { method: 'DELETE', path: '/mfa/authenticators/nobody', headers: bearing },
      secondFactor: {
        method: 'POST',
        path: '/oauth/token',
        type: form,
        body: encoded(
          pairs({
            grant_type: 'http://auth0.com/oauth/grant-type/mfa-otp',
            client_id: 'spa',
            mfa_token,
            otp: '000000',
          }),
        ),
      },
      consentPage,
      consentForm: {
        ...consentPage,
        method: 'POST',
        type: form,
        body: encoded(pairs({ csrf, decision: 'accept' })),
      },
      accountPage,
      accountForm: {
        ...accountPage,
        method: 'POST',
        type: form,
        body: encoded(pairs({ csrf: accountCsrf, account: 'this' })),
      },
      organizationPage,
      organizationForm: {
        ...organizationPage,
        method: 'POST',
        type: form,
        body: encoded(pairs({ csrf: csrfOf(named.body), organizationName: 'acme' })),
      },
      pickerPage,
      pickerForm: {
        ...pickerPage,
        method: 'POST',
        type: form,
        body: encoded(pairs({ csrf: csrfOf(picker.body), organization: 'org_acme' })),
      },
      signUpPage: { ...loginPage, path: '/u/signup' },
      signUpForm: {
        ...loginPage,
        path: '/u/signup',
        method: 'POST',
        type: form,
        body: encoded(pairs({ email: 'new@example.com', password: 'x', csrf: page.csrf })),
      },
      appSignUp: {
        method: 'POST',
        path: '/dbconnections/signup',
        type: form,
        body: encoded(pairs({ ...account, password: 'x' })),
      },
      newPassword: {
        method: 'POST',
        path: '/dbconnections/change_password',
        type: form,
        body: encoded(pairs(account)),
      },
      authorize: { path: '/authorize', query: pairs(authorization) },
      loginPage,
      loginForm: {
        ...loginPage,
        method: 'POST',
        type: form,
        body: encoded(pairs({ ...ada, csrf: page.csrf })),
      },
      code: { method: 'POST', path: '/oauth/token', type: form, body: encoded(pairs(codeGrant(code))) },
      refresh: {
        method: 'POST',
        path: '/oauth/token',
        type: form,
        body: encoded(pairs({ grant_type: 'refresh_token', client_id: 'spa', refresh_token: refreshToken })),
      },
      device: {
        method: 'POST',
        path: '/oauth/device/code',
        type: form,
        body: encoded(pairs({ client_id: 'device', scope: 'openid' })),
      },
      activateForm: {
        method: 'POST',
        path: '/activate',
        type: form,
        headers: { cookie: [...activation.cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
        body: encoded(pairs({ csrf: activateCsrf, user_code: 'AAAA-AAAA' })),
      },
      deviceCode: {
        method: 'POST',
        path: '/oauth/token',
        type: form,
        body: encoded(pairs({ grant_type: signInGrants[3] ?? '', client_id: 'device', device_code: 'x' })),
      },
      tokenExchange: {
        method: 'POST',
        path: '/oauth/token',
        type: form,
        body: encoded(
          pairs({
            grant_type: signInGrants[4] ?? '',
            client_id: 'device',
            subject_token: 'x',
            subject_token_type: 'https://legacy.example/session',
          }),
        ),
      },
      passwordlessStart: {
        method: 'POST',
        path: '/passwordless/start',
        type: form,
        body: encoded(
          pairs({ client_id: 'device', connection: 'email', email: 'new@example.com', send: 'code' }),
        ),
      },
      passwordlessLink: {
        path: '/passwordless/verify_redirect',
        query: pairs({
          client_id: 'spa',
          connection: 'email',
          email: 'nobody@example.com',
          verification_code: '000000',
        }),
      },
      passwordlessCode: {
        method: 'POST',
        path: '/oauth/token',
        type: form,
        body: encoded(
          pairs({
            grant_type: signInGrants[2] ?? '',
            client_id: 'device',
            username: 'nobody@example.com',
            otp: '000000',
            realm: 'email',
          }),
        ),
      },
      password: {
        method: 'POST',
        path: '/oauth/token',
        type: form,
        body: encoded(
          pairs({
            grant_type: 'password',
            client_id: 'device',
            username: 'nobody@example.com',
            password: ada.password,
          }),
        ),
      },
      revoke: {
        method: 'POST',
        path: '/oauth/revoke',
        type: form,
        body: encoded(pairs({ client_id: 'spa', token: refreshToken })),
      },
      par: { method: 'POST', path: '/oauth/par', type: form, body: encoded(pairs(authorization)) },
      openIdLogout: {
        path: '/oidc/logout',
        query: pairs({ client_id: 'spa', post_logout_redirect_uri: app }),
      },
      logoutForm: {
        method: 'POST',
        path: '/u/logout',
        type: form,
        headers: { cookie: page.cookie },
        body: encoded(pairs({ csrf: 'x', decision: 'accept' })),
      },
      logout: { path: '/v2/logout', query: pairs({ client_id: 'spa', returnTo: app }) },
      userinfo: { path: '/userinfo', headers: { authorization: `Bearer ${accessToken}` } },
    } satisfies Record<string, Sent>,
  };
}
type InUse = Awaited<ReturnType<typeof inUse>>;
type Endpoint = keyof InUse['honest'];

/** The redirect of an error to a registered address, which carries no code. */
async function expectErrorRedirect(used: InUse, sent: Sent): Promise<string | null> {
  const before = remembered(used.tenant);
  const response = await send(used.tenant, sent);
  expect(response.status).toBe(302);
  const location = new URL(response.headers.get('location') ?? '');
  expect(location.origin + location.pathname).toBe(`${app}/`);
  expect(location.searchParams.get('code')).toBeNull();
  expect(remembered(used.tenant)).toBe(before);
  return location.searchParams.get('error');
}

let used: InUse;
beforeAll(async () => {
  used = await inUse();
});

describe.each<[Endpoint, readonly [string, (sent: Sent) => Sent][]]>([
  [
    'authorize',
    [
      ['no client', (sent) => changed(sent, { client_id: null })],
      ['an unknown client', (sent) => changed(sent, { client_id: 'nobody' })],
      ['markup for a client', (sent) => changed(sent, { client_id: html })],
      ['two clients', (sent) => changed(sent, { client_id: ['spa', 'other'] })],
      ['two redirect URIs', (sent) => changed(sent, { redirect_uri: [app, 'https://evil.example'] })],
      ['a redirect URI of nobody', (sent) => changed(sent, { redirect_uri: 'https://evil.example' })],
      [
        'a redirect URI of another client',
        (sent) => changed(sent, { redirect_uri: 'https://other.example/cb' }),
      ],
      ['a redirect URI that begins alike', (sent) => changed(sent, { redirect_uri: `${app}.evil.example` })],
      [
        'a redirect URI with a user',
        (sent) => changed(sent, { redirect_uri: 'http://localhost:3000@evil.example' }),
      ],
      ['a script for a redirect URI', (sent) => changed(sent, { redirect_uri: 'javascript:alert(1)' })],
      ['markup for a redirect URI', (sent) => changed(sent, { redirect_uri: app + html })],
      ['a body that is no form', (sent) => ({ ...sent, method: 'POST', type: 'text/plain', body: 'x' })],
      [
        'a body that is too large',
        (sent) => ({ ...sent, method: 'POST', type: form, body: `state=${large}` }),
      ],
      ['DELETE', (sent) => ({ ...sent, method: 'DELETE' })],
    ],
  ],
  [
    'loginPage',
    [
      ['no login that was begun', (sent) => ({ ...sent, query: [] })],
      ['a login of nobody', (sent) => ({ ...sent, query: [['state', html]] })],
      ['a login of another browser', (sent) => ({ ...sent, headers: {} })],
    ],
  ],
  [
    'loginForm',
    [
      ['no hidden token', (sent) => changed(sent, { csrf: null })],
      ['a wrong hidden token', (sent) => changed(sent, { csrf: 'x' })],
      ['the hidden token twice', (sent) => changed(sent, { csrf: ['x', 'y'] })],
      ['a form of another browser', (sent) => ({ ...sent, headers: {} })],
      ['no login that was begun', (sent) => ({ ...sent, query: [] })],
      ['a wrong password', (sent) => changed(sent, { password: 'wrong' })],
      ['no password', (sent) => changed(sent, { password: null })],
      ['two addresses', (sent) => changed(sent, { email: [ada.email, 'grace@example.com'] })],
      ['markup for an address', (sent) => changed(sent, { email: html })],
      ['JSON', (sent) => ({ ...sent, type: json, body: '{}' })],
      ['a form under another name', (sent) => ({ ...sent, type: 'text/plain' })],
      ['a body that is too large', (sent) => ({ ...sent, body: `${sent.body}&more=${large}` })],
      ['PUT', (sent) => ({ ...sent, method: 'PUT' })],
    ],
  ],
  ...(['accountPage', 'signUpPage', 'organizationPage', 'pickerPage'] as const).map(
    (name): [Endpoint, [string, (sent: Sent) => Sent][]] => [
      name,
      [
        ['no login that was begun', (sent) => ({ ...sent, query: [] })],
        ['a login of nobody', (sent) => ({ ...sent, query: [['state', html]] })],
        ['a login of another browser', (sent) => ({ ...sent, headers: {} })],
      ],
    ],
  ),
  ...(['accountForm', 'signUpForm', 'organizationForm', 'pickerForm'] as const).map(
    (name): [Endpoint, [string, (sent: Sent) => Sent][]] => [
      name,
      [
        ['no hidden token', (sent) => changed(sent, { csrf: null })],
        ['a wrong hidden token', (sent) => changed(sent, { csrf: html })],
        ['the hidden token twice', (sent) => changed(sent, { csrf: ['x', 'y'] })],
        ['a form of another browser', (sent) => ({ ...sent, headers: {} })],
        ['no login that was begun', (sent) => ({ ...sent, query: [] })],
        ['JSON', (sent) => ({ ...sent, type: json, body: '{}' })],
        ['a form under another name', (sent) => ({ ...sent, type: 'text/plain' })],
        ['a body that is too large', (sent) => ({ ...sent, body: `${sent.body}&more=${large}` })],
        ['PUT', (sent) => ({ ...sent, method: 'PUT' })],
      ],
    ],
  ),
  [
    'organizationForm',
    [
      ['no name', (sent) => changed(sent, { organizationName: null })],
      ['a name of nobody', (sent) => changed(sent, { organizationName: 'nobody' })],
      ['markup for a name', (sent) => changed(sent, { organizationName: html })],
      ['what every object has', (sent) => changed(sent, { organizationName: 'constructor' })],
      ['two names', (sent) => changed(sent, { organizationName: ['acme', 'umbrella'] })],
      ['none, where there must be one', (sent) => changed(sent, { organizationName: null, action: 'skip' })],
    ],
  ],
  [
    'pickerForm',
    [
      ['no choice', (sent) => changed(sent, { organization: null })],
      ['an organization of others', (sent) => changed(sent, { organization: 'org_other' })],
      ['an organization of nobody', (sent) => changed(sent, { organization: 'org_nobody' })],
      ['markup for an organization', (sent) => changed(sent, { organization: html })],
      ['two organizations', (sent) => changed(sent, { organization: ['org_acme', 'org_umbrella'] })],
      ['none, where there must be one', (sent) => changed(sent, { organization: null, action: 'skip' })],
    ],
  ],
  [
    'signUpForm',
    [
      ['an address that is taken', (sent) => changed(sent, { email: ada.email })],
      ['no password', (sent) => changed(sent, { password: null })],
      ['markup for an address', (sent) => changed(sent, { email: html })],
      ['two addresses', (sent) => changed(sent, { email: [ada.email, 'new@example.com'] })],
    ],
  ],
  [
    'appSignUp',
    [
      ['an address that is taken', (sent) => changed(sent, { email: ada.email })],
      ['no password', (sent) => changed(sent, { password: null })],
      [
        'members that are no texts',
        (sent) => ({
          ...sent,
          type: json,
          body: '{"client_id":"spa","connection":"Username-Password-Authentication","email":{},"password":[]}',
        }),
      ],
    ],
  ],
  ...(['appSignUp', 'newPassword'] as const).map((name): [Endpoint, [string, (sent: Sent) => Sent][]] => [
    name,
    [
      ['no client', (sent) => changed(sent, { client_id: null })],
      ['an unknown client', (sent) => changed(sent, { client_id: html })],
      ['a connection of nobody', (sent) => changed(sent, { connection: html })],
      ['no address', (sent) => changed(sent, { email: null })],
      ['a foreign origin', (sent) => ({ ...sent, headers: { origin: 'https://evil.example' } })],
      ['JSON that is a list', (sent) => ({ ...sent, type: json, body: '[]' })],
      ['a body that is no form', (sent) => ({ ...sent, type: 'text/plain' })],
      ['a body that is too large', (sent) => ({ ...sent, body: `${sent.body}&more=${large}` })],
      ['GET', ({ path }) => ({ path })],
    ],
  ]),
  [
    'consentPage',
    [
      ['no login that was begun', (sent) => ({ ...sent, query: [] })],
      ['a login of nobody', (sent) => ({ ...sent, query: [['state', html]] })],
      ['a login of another browser', (sent) => ({ ...sent, headers: {} })],
    ],
  ],
  [
    'consentForm',
    [
      ['no hidden token', (sent) => changed(sent, { csrf: null })],
      ['a wrong hidden token', (sent) => changed(sent, { csrf: html })],
      ['the hidden token twice', (sent) => changed(sent, { csrf: ['x', 'y'] })],
      ['a form of another browser', (sent) => ({ ...sent, headers: {} })],
      ['no login that was begun', (sent) => ({ ...sent, query: [] })],
      ['two answers', (sent) => changed(sent, { decision: ['accept', 'decline'] })],
      ['JSON', (sent) => ({ ...sent, type: json, body: '{"decision":"accept"}' })],
      ['a form under another name', (sent) => ({ ...sent, type: 'text/plain' })],
      ['a body that is too large', (sent) => ({ ...sent, body: `${sent.body}&more=${large}` })],
      ['PUT', (sent) => ({ ...sent, method: 'PUT' })],
    ],
  ],
  [
    'codePage',
    [
      ['no login that was begun', (sent) => ({ ...sent, query: [] })],
      ['a login of nobody', (sent) => ({ ...sent, query: [['state', html]] })],
      ['a login of another browser', (sent) => ({ ...sent, headers: {} })],
      ['a page for what the user has not', (sent) => ({ ...sent, path: '/u/mfa-sms-challenge' })],
    ],
  ],
  [
    'codeForm',
    [
      ['no hidden token', (sent) => changed(sent, { csrf: null })],
      ['a wrong hidden token', (sent) => changed(sent, { csrf: html })],
      ['the hidden token twice', (sent) => changed(sent, { csrf: ['x', 'y'] })],
      ['a form of another browser', (sent) => ({ ...sent, headers: {} })],
      ['no login that was begun', (sent) => ({ ...sent, query: [] })],
      ['JSON', (sent) => ({ ...sent, type: json, body: '{"code":"000000"}' })],
      ['a form under another name', (sent) => ({ ...sent, type: 'text/plain' })],
      ['a body that is too large', (sent) => ({ ...sent, body: `${sent.body}&more=${large}` })],
      ['PUT', (sent) => ({ ...sent, method: 'PUT' })],
    ],
  ],
  [
    'challenge',
    [
      ['no mfa_token', (sent) => changed(sent, { mfa_token: null })],
      ['an unknown mfa_token', (sent) => changed(sent, { mfa_token: html })],
      ['two of them', (sent) => changed(sent, { mfa_token: ['a', 'b'] })],
      ['another client', (sent) => changed(sent, { client_id: 'other' })],
      ['no client', (sent) => changed(sent, { client_id: null })],
      ['a client without its secret', (sent) => changed(sent, { client_id: 'server' })],
      ['a challenge of nobody', (sent) => changed(sent, { challenge_type: html })],
      ['an authenticator of nobody', (sent) => changed(sent, { authenticator_id: html })],
      ['a foreign origin', (sent) => ({ ...sent, headers: { origin: 'https://evil.example' } })],
      ['JSON whose members are no texts', (sent) => ({ ...sent, type: json, body: '{"mfa_token":[1]}' })],
      ['a body that is no form', (sent) => ({ ...sent, type: 'text/plain' })],
      ['a body that is too large', (sent) => ({ ...sent, body: `${sent.body}&more=${large}` })],
      ['GET', ({ path }) => ({ path })],
    ],
  ],
  [
    'associate',
    [
      ['no token', (sent) => ({ ...sent, headers: {} })],
      ['a token of nobody', (sent) => ({ ...sent, headers: { authorization: 'Bearer x' } })],
      ['an enrolment beside what the user has', (sent) => sent],
      ['a list', (sent) => ({ ...sent, body: '[]' })],
      ['a form', (sent) => ({ ...sent, type: form, body: 'authenticator_types=otp' })],
      ['a body that is too large', (sent) => ({ ...sent, body: `{"more":"${large}"}` })],
      ['GET', ({ path }) => ({ path })],
    ],
  ],
  [
    'authenticators',
    [
      ['no token', (sent) => ({ ...sent, headers: {} })],
      ['a token of nobody', (sent) => ({ ...sent, headers: { authorization: 'Bearer x' } })],
      ['another scheme', (sent) => ({ ...sent, headers: { authorization: 'Basic eDp5' } })],
      ['PUT', (sent) => ({ ...sent, method: 'PUT' })],
    ],
  ],
  [
    'authenticator',
    [
      ['an id of nobody', (sent) => sent],
      ['no token', (sent) => ({ ...sent, headers: {} })],
      ...oddIds.map(([name, id]): [string, (sent: Sent) => Sent] => [
        name,
        (sent) => ({ ...sent, path: `/mfa/authenticators/${id}` }),
      ]),
      ['GET', ({ path }) => ({ path })],
    ],
  ],
  [
    'secondFactor',
    [
      ['no code', (sent) => changed(sent, { otp: null })],
      ['no mfa_token', (sent) => changed(sent, { mfa_token: null })],
      ['an unknown mfa_token', (sent) => changed(sent, { mfa_token: html })],
      ['two codes', (sent) => changed(sent, { otp: ['1', '2'] })],
      ['another client', (sent) => changed(sent, { client_id: 'other' })],
      ['another grant', (sent) => changed(sent, { grant_type: 'http://auth0.com/oauth/grant-type/mfa' })],
      [
        'the grant for a code that was sent',
        (sent) => changed(sent, { grant_type: 'http://auth0.com/oauth/grant-type/mfa-oob' }),
      ],
    ],
  ],
  [
    'code',
    [
      ['no code', (sent) => changed(sent, { code: null })],
      ['two codes', (sent) => changed(sent, { code: ['a', 'b'] })],
      ['a code of nobody', (sent) => changed(sent, { code: html })],
      ['another client', (sent) => changed(sent, { client_id: 'other' })],
    ],
  ],
  [
    'refresh',
    [
      ['no grant', (sent) => changed(sent, { grant_type: null })],
      ['a grant of nobody', (sent) => changed(sent, { grant_type: html })],
      ['no token', (sent) => changed(sent, { refresh_token: null })],
      ['an unknown token', (sent) => changed(sent, { refresh_token: html })],
      ['the token twice', (sent) => ({ ...sent, body: `${sent.body}&${sent.body?.split('&').at(-1)}` })],
      ['no client', (sent) => changed(sent, { client_id: null })],
      ['an unknown client', (sent) => changed(sent, { client_id: 'nobody' })],
      ['another client', (sent) => changed(sent, { client_id: 'other' })],
      ['markup for a client', (sent) => changed(sent, { client_id: html })],
      ['a foreign origin', (sent) => ({ ...sent, headers: { origin: 'https://evil.example' } })],
      ['a broken origin', (sent) => ({ ...sent, headers: { origin: html } })],
      ['no type of its body', (sent) => ({ ...sent, type: 'application/octet-stream' })],
      ['a multipart body', (sent) => ({ ...sent, type: 'multipart/form-data; boundary=x', body: '--x--' })],
      ['JSON that is none', (sent) => ({ ...sent, type: json, body: '{' })],
      ['JSON that is a list', (sent) => ({ ...sent, type: json, body: '[]' })],
      ['JSON that is nothing', (sent) => ({ ...sent, type: json, body: 'null' })],
      [
        'JSON whose members are no texts',
        (sent) => ({
          ...sent,
          type: json,
          body: '{"grant_type":{"toString":1},"client_id":["spa"],"refresh_token":3}',
        }),
      ],
      [
        'JSON that reaches for prototypes',
        (sent) => ({
          ...sent,
          type: json,
          body: '{"__proto__":{"grant_type":"refresh_token"}}',
        }),
      ],
      ['a body that is too large', (sent) => ({ ...sent, body: `${sent.body}&more=${large}` })],
      ['GET', ({ path }) => ({ path })],
      ['DELETE', (sent) => ({ ...sent, method: 'DELETE' })],
    ],
  ],
  [
    'device',
    [
      ['no client', (sent) => changed(sent, { client_id: null })],
      ['an unknown client', (sent) => changed(sent, { client_id: html })],
      ['a client without its secret', (sent) => changed(sent, { client_id: 'server' })],
      ['a client without the grant', (sent) => changed(sent, { client_id: 'spa' })],
      ['an unknown API', (sent) => changed(sent, { audience: html })],
      ['two scopes', (sent) => changed(sent, { scope: ['a', 'b'] })],
      ['a foreign origin', (sent) => ({ ...sent, headers: { origin: 'https://evil.example' } })],
      ['JSON that is a list', (sent) => ({ ...sent, type: json, body: '[]' })],
      ['a body that is no form', (sent) => ({ ...sent, type: 'text/plain' })],
      ['a body that is too large', (sent) => ({ ...sent, body: `${sent.body}&more=${large}` })],
      ['GET', ({ path }) => ({ path })],
    ],
  ],
  [
    'activateForm',
    [
      ['a code of nobody', (sent) => sent],
      ['markup for a code', (sent) => changed(sent, { user_code: html })],
      ['no code', (sent) => changed(sent, { user_code: null })],
      ['no hidden token', (sent) => changed(sent, { csrf: null })],
      ['a wrong hidden token', (sent) => changed(sent, { csrf: html })],
      ['the hidden token twice', (sent) => changed(sent, { csrf: ['x', 'y'] })],
      ['a form of another browser', (sent) => ({ ...sent, headers: {} })],
      ['JSON', (sent) => ({ ...sent, type: json, body: '{}' })],
      ['a form under another name', (sent) => ({ ...sent, type: 'text/plain' })],
      ['a body that is too large', (sent) => ({ ...sent, body: `${sent.body}&more=${large}` })],
      ['PUT', (sent) => ({ ...sent, method: 'PUT' })],
    ],
  ],
  [
    'deviceCode',
    [
      ['a code of nobody', (sent) => sent],
      ['no code', (sent) => changed(sent, { device_code: null })],
      ['two codes', (sent) => changed(sent, { device_code: ['a', 'b'] })],
      ['what every object has', (sent) => changed(sent, { device_code: 'constructor' })],
      ['a client without the grant', (sent) => changed(sent, { client_id: 'spa' })],
    ],
  ],
  [
    'tokenExchange',
    [
      ['no hook', (sent) => sent],
      ['markup for a token', (sent) => changed(sent, { subject_token: html })],
      ['markup for a type', (sent) => changed(sent, { subject_token_type: html })],
      ['two tokens', (sent) => changed(sent, { subject_token: ['a', 'b'] })],
      ['an actor', (sent) => changed(sent, { actor_token: html })],
      ['a client without the grant', (sent) => changed(sent, { client_id: 'spa' })],
    ],
  ],
  [
    'passwordlessStart',
    [
      ['no client', (sent) => changed(sent, { client_id: null })],
      ['an unknown client', (sent) => changed(sent, { client_id: html })],
      ['a client without its secret', (sent) => changed(sent, { client_id: 'server' })],
      ['a connection of nobody', (sent) => changed(sent, { connection: html })],
      ['no address', (sent) => changed(sent, { email: null })],
      ['markup for an address', (sent) => changed(sent, { email: html })],
      ['markup for a number', (sent) => changed(sent, { connection: 'sms', phone_number: html })],
      ['another way to send', (sent) => changed(sent, { send: html })],
      ['two addresses', (sent) => changed(sent, { email: ['a@example.com', 'b@example.com'] })],
      ['a foreign origin', (sent) => ({ ...sent, headers: { origin: 'https://evil.example' } })],
      ['JSON that is a list', (sent) => ({ ...sent, type: json, body: '[]' })],
      [
        'JSON whose members are no texts',
        (sent) => ({ ...sent, type: json, body: '{"client_id":"device","connection":{},"email":[]}' }),
      ],
      ['a body that is no form', (sent) => ({ ...sent, type: 'text/plain' })],
      ['a body that is too large', (sent) => ({ ...sent, body: `${sent.body}&more=${large}` })],
      ['GET', ({ path }) => ({ path })],
    ],
  ],
  [
    'passwordlessLink',
    [
      ['a code of nobody', (sent) => sent],
      ['no code', (sent) => changed(sent, { verification_code: null })],
      ['two codes', (sent) => changed(sent, { verification_code: ['000000', '000001'] })],
      ['an unknown client', (sent) => changed(sent, { client_id: html })],
      ['a connection of nobody', (sent) => changed(sent, { connection: html })],
      ['markup for an address', (sent) => changed(sent, { email: html })],
      ['an address elsewhere', (sent) => changed(sent, { redirect_uri: 'https://evil.example' })],
      ['POST', (sent) => ({ ...sent, method: 'POST' })],
    ],
  ],
  [
    'passwordlessCode',
    [
      ['a code of nobody', (sent) => sent],
      ['no code', (sent) => changed(sent, { otp: null })],
      ['two codes', (sent) => changed(sent, { otp: ['000000', '000001'] })],
      ['markup for an address', (sent) => changed(sent, { username: html })],
      ['a number that is none', (sent) => changed(sent, { realm: 'sms' })],
      ['a realm of nobody', (sent) => changed(sent, { realm: html })],
      ['a client without the grant', (sent) => changed(sent, { client_id: 'spa' })],
    ],
  ],
  [
    'password',
    [
      ['an address of nobody', (sent) => sent],
      ['markup for an address', (sent) => changed(sent, { username: html })],
      ['no password', (sent) => changed(sent, { username: ada.email, password: null })],
      ['two passwords', (sent) => changed(sent, { username: ada.email, password: ['x', ada.password] })],
      ['a client without the grant', (sent) => changed(sent, { username: ada.email, client_id: 'spa' })],
      ['an unknown API', (sent) => changed(sent, { username: ada.email, audience: html })],
      ['an organization', (sent) => changed(sent, { username: ada.email, organization: html })],
      [
        'a realm of nobody',
        (sent) => changed(sent, { username: ada.email, grant_type: signInGrants[1] ?? '', realm: html }),
      ],
    ],
  ],
  [
    'revoke',
    [
      ['no token', (sent) => changed(sent, { token: null })],
      ['two tokens', (sent) => changed(sent, { token: ['a', 'b'] })],
      ['no client', (sent) => changed(sent, { client_id: null })],
      ['an unknown client', (sent) => changed(sent, { client_id: html })],
      ['a client without its secret', (sent) => changed(sent, { client_id: 'server' })],
      ['a foreign origin', (sent) => ({ ...sent, headers: { origin: 'https://evil.example' } })],
      ['a body that is no form', (sent) => ({ ...sent, type: 'text/plain' })],
      ['a body that is too large', (sent) => ({ ...sent, body: `${sent.body}&more=${large}` })],
      ['GET', ({ path }) => ({ path })],
    ],
  ],
  [
    'par',
    [
      ['no client', (sent) => changed(sent, { client_id: null })],
      ['an unknown client', (sent) => changed(sent, { client_id: html })],
      ['a client without its secret', (sent) => changed(sent, { client_id: 'server' })],
      ['a redirect URI of nobody', (sent) => changed(sent, { redirect_uri: 'https://evil.example' })],
      ['a request_uri', (sent) => changed(sent, { request_uri: html })],
      ['a request object', (sent) => changed(sent, { request: html })],
      ['two states', (sent) => changed(sent, { state: ['a', 'b'] })],
      ['a foreign origin', (sent) => ({ ...sent, headers: { origin: 'https://evil.example' } })],
      ['JSON that is a list', (sent) => ({ ...sent, type: json, body: '[]' })],
      ['a body that is no form', (sent) => ({ ...sent, type: 'text/plain' })],
      ['a body that is too large', (sent) => ({ ...sent, body: `${sent.body}&more=${large}` })],
      ['GET', ({ path }) => ({ path })],
    ],
  ],
  [
    'openIdLogout',
    [
      ['an address of nobody', (sent) => changed(sent, { post_logout_redirect_uri: 'https://evil.example' })],
      ['an address that begins alike', (sent) => changed(sent, { post_logout_redirect_uri: `${app}.evil` })],
      [
        'a script for an address',
        (sent) => changed(sent, { post_logout_redirect_uri: 'javascript:alert(1)' }),
      ],
      ['markup for an address', (sent) => changed(sent, { post_logout_redirect_uri: html })],
      [
        'a second header for an address',
        (sent) => changed(sent, { post_logout_redirect_uri: `${app}\r\nset-cookie: a=b` }),
      ],
      ['two addresses', (sent) => changed(sent, { post_logout_redirect_uri: [app, 'https://evil.example'] })],
      ['no client', (sent) => changed(sent, { client_id: null })],
      [
        'a hint that is none, and no client',
        (sent) => changed(sent, { client_id: null, id_token_hint: html }),
      ],
      ['an unknown client', (sent) => changed(sent, { client_id: html })],
      ['DELETE', (sent) => ({ ...sent, method: 'DELETE' })],
    ],
  ],
  [
    'logoutForm',
    [
      ['no hidden token', (sent) => changed(sent, { csrf: null })],
      ['a wrong hidden token', (sent) => changed(sent, { csrf: html })],
      ['JSON', (sent) => ({ ...sent, type: json, body: '{}' })],
      ['a body that is too large', (sent) => ({ ...sent, body: `${sent.body}&more=${large}` })],
      ['GET', ({ path }) => ({ path })],
    ],
  ],
  [
    'logout',
    [
      ['an address of nobody', (sent) => changed(sent, { returnTo: 'https://evil.example' })],
      ['an address that begins alike', (sent) => changed(sent, { returnTo: `${app}.evil.example` })],
      ['an address with a user', (sent) => changed(sent, { returnTo: 'http://localhost:3000@evil.example' })],
      ['an address without a scheme', (sent) => changed(sent, { returnTo: '//evil.example' })],
      ['an address with a backslash', (sent) => changed(sent, { returnTo: '\\\\evil.example' })],
      ['a script for an address', (sent) => changed(sent, { returnTo: 'javascript:alert(1)' })],
      ['markup for an address', (sent) => changed(sent, { returnTo: html })],
      ['a second header for an address', (sent) => changed(sent, { returnTo: `${app}\r\nset-cookie: a=b` })],
      ['two addresses', (sent) => changed(sent, { returnTo: [app, 'https://evil.example'] })],
      ['an unknown client', (sent) => changed(sent, { client_id: 'nobody' })],
      ['two clients', (sent) => changed(sent, { client_id: ['spa', 'other'] })],
      ['DELETE', (sent) => ({ ...sent, method: 'DELETE' })],
    ],
  ],
  [
    'userinfo',
    [
      ['no token', (sent) => ({ ...sent, headers: {} })],
      ['a token of nobody', (sent) => ({ ...sent, headers: { authorization: 'Bearer x' } })],
      ['a token without a signature', (sent) => ({ ...sent, headers: { authorization: 'Bearer e30.e30.' } })],
      ['another scheme', (sent) => ({ ...sent, headers: { authorization: 'Basic eDp5' } })],
      ['PUT', (sent) => ({ ...sent, method: 'PUT' })],
    ],
  ],
])('%s refuses', (endpoint, rows) => {
  it.each([...rows])('%s', async (_, spoil) => {
    await expectHarmless(used, spoil(used.honest[endpoint]));
  });
});

describe('authorize tells the client of what it did wrong, at an address of its own, for', () => {
  it.each([
    ['no response type', { response_type: null }, 'invalid_request'],
    ['a response type of nobody', { response_type: 'token' }, 'unsupported_response_type'],
    ['two states', { state: ['a', 'b'] }, 'invalid_request'],
    ['an unknown API', { audience: html }, 'access_denied'],
    ['a challenge that is none', { code_challenge: html }, 'invalid_request'],
    ['a challenge by an unknown method', { code_challenge_method: 'S512' }, 'invalid_request'],
    ['an unknown organization', { organization: html }, 'invalid_request'],
    ['a prompt that contradicts itself', { prompt: 'none login' }, 'invalid_request'],
    ['an age that is none', { max_age: '-1' }, 'invalid_request'],
  ])('%s', async (_, changes, error) => {
    expect(await expectErrorRedirect(used, changed(used.honest.authorize, changes))).toBe(error);
  });
});

it('whatever else was sent, honest clients go on', async () => {
  const own = await inUse();
  const paths = Object.values(own.honest).map(({ path }) => path);
  await expectToBearAnything(own, {
    targets: fc.record({
      path: fc.constantFrom(...paths),
      method: fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'),
    }),
    parameters: ['client_id', 'redirect_uri', 'state', 'returnTo', 'prompt', 'response_mode'],
    bodies: fc.oneof(
      fc.json(),
      fc.constant(encoded(pairs({ grant_type: 'refresh_token', client_id: 'spa' }))),
    ),
    judge: ({ method, path }, { status, headers }) => {
      if (method !== 'OPTIONS' && method !== 'HEAD' && !path.endsWith('/logout') && path !== '/activate')
        expect(status).toBeGreaterThanOrEqual(400);
      const location = headers.get('location');
      if (location !== null) expect(new URL(location, own.tenant.baseUrl).origin).toBe(app);
    },
  });
  expect((await refresh(own.tenant, own.refreshToken)).status).toBe(200);
  expect((await send(own.tenant, own.honest.code)).status).toBe(200);
  expect((await send(own.tenant, own.honest.loginForm)).status).toBe(303);
}, 60_000);
