/** The tenant: an authorization server in memory behind `fetch(Request) → Response`. */
import { Hono, type Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { cors } from 'hono/cors';
import { methodNotAllowed } from 'hono/method-not-allowed';
import type { OutboxMessage } from './authenticators.ts';
import { readConfiguration, readSeed, type TenantConfiguration, type User } from './configuration.ts';
import { TenantConfigurationError } from './configuration-error.ts';
import { initialState, userByEmail, type TenantContext } from './context.ts';
import { corsForClients, exposeHeaders } from './cors.ts';
import { authorize, resumeAuthorization } from './endpoints/authorize.ts';
import { showAccounts, submitAccount } from './endpoints/account.ts';
import { showConsent, submitConsent } from './endpoints/consent.ts';
import { changePassword, signUpFromApp } from './endpoints/database-connection.ts';
import { developmentRoutes } from './endpoints/development.ts';
import { authorizeDevice, showActivation, submitActivation } from './endpoints/device.ts';
import { jwks, openidConfiguration } from './endpoints/discovery.ts';
import { showLogin, submitLogin } from './endpoints/login.ts';
import { endSessionByOpenId, logout, submitLogout } from './endpoints/logout.ts';
import { associate, challenge, deleteAuthenticator, listAuthenticators } from './endpoints/mfa.ts';
import {
  showOrganizationPicker,
  showOrganizationPrompt,
  submitOrganization,
  submitOrganizationChoice,
} from './endpoints/organization.ts';
import { pushRequest } from './endpoints/par.ts';
import { followPasswordlessLink, startPasswordless } from './endpoints/passwordless.ts';
import { revoke } from './endpoints/revoke.ts';
import { showSecondFactor, submitSecondFactor } from './endpoints/second-factor.ts';
import { showSignUp, submitSignUp } from './endpoints/sign-up.ts';
import { token } from './endpoints/token.ts';
import { userinfo } from './endpoints/userinfo.ts';
import { createFaults, type Faults } from './faults.ts';
import type { FamilyView } from './family-view.ts';
import { explainRefreshToken, type Explanation } from './grants/refresh-token.ts';
import { openJournal, type JournalEntry } from './journal.ts';
import { beginSession } from './login-session.ts';
import { managementApi } from './management/management-api.ts';
import { viewFamilies } from './past-families.ts';
import { respondWithPage } from './pages/layout.ts';
import { messagePage } from './pages/message-page.ts';
import { largestBody } from './parameters.ts';
import { randomness } from './randomness.ts';
import { limitRates } from './rate-limits.ts';
import {
  readRefreshTokenSettings,
  type RefreshTokenConfiguration,
  type RefreshTokenSettings,
} from './refresh-token-settings.ts';
import { planReplay } from './replay.ts';
import { stage, type Scenario, type ScenarioName } from './scenarios.ts';
import { carryIn, carryOut, type CookieSink, type SideChannel } from './side-channel.ts';
import { signingKeys } from './signing-keys.ts';
import { restoreSnapshot, takeSnapshot, type TenantSnapshot } from './snapshot.ts';
import { realWait, tenantClock, type TenantClock } from './tenant-clock.ts';

/** A running tenant. But for faults that wait it holds no timers, and no handles; letting go of it is enough to end it. */
export interface Tenant {
  /**
   * Answers one request, whatever the host it is addressed to. Rejects with a `TypeError` where a fault breaks the connection.
   * @param channel for what a browser's `Request` and `Response` do not carry, cookies above all
   */
  fetch(request: Request, channel?: SideChannel): Promise<Response>;
  /** Whether there is anything at a path, whatever the method: what another server in front of it need not pass on. */
  hasRoute(pathname: string): boolean;
  /** `baseUrl` with a trailing slash, as in every token. */
  readonly issuer: string;
  readonly baseUrl: string;
  /** Wanted as `x-tenant-token` by every write under `/__tenant/`; new at every start, whatever the seed. */
  readonly developmentToken: string;
  readonly clock: TenantClock;
  /** What is to go wrong with the next requests. */
  readonly faults: Faults;
  /** What happened, oldest first; grows as things happen. The latest 1,000 entries are kept. */
  readonly journal: readonly JournalEntry[];
  /**
   * What happens from now on, live, for `for await`; every call has a reader of its own, and `return()` ends it, a waiting
   * `next()` too. A reader that is 1,000 entries behind misses the oldest.
   * @param after `log_id` of an entry: what came after it is told first, or all that is kept where that entry is not
   */
  events(after?: string): AsyncIterableIterator<JournalEntry, undefined>;
  /** The codes that a real tenant would have sent by text or mail, oldest first; the latest 1,000. Grows as they are sent. */
  readonly outbox: readonly OutboxMessage[];
  /**
   * The refresh token families, oldest first. Of those that are over for good, their lifetime included, the latest 100 are
   * kept, each with its newest 50 tokens, as they were found to be over; the values of their tokens are forgotten.
   */
  families(): readonly FamilyView[];
  /** One of them. */
  family(familyId: string): FamilyView | undefined;
  /**
   * What would happen if this refresh token's client presented it now, in the words that the journal would hold. Nothing is
   * written, and nothing is consumed.
   * @param refreshToken its value; it is not in the answer
   */
  explain(refreshToken: string): Explanation;
  /**
   * Presents a token of a family at the token endpoint, as its client would, from outside any page. One that is bound to a key
   * is refused: the tenant does not have the key.
   * @param counter which token; default: the newest that was spent already
   * @throws {RangeError} when there is no such family or token
   */
  replay(familyId: string, counter?: number): Promise<Response>;
  /**
   * Plays a mishap by its name (`scenarioNames`): sets the client's leeway and what is to go wrong, or does what an administrator
   * or a thief would, to the newest live refresh token family of the client. Its page then refreshes, once or several times.
   * @returns what was done, and whether the user stays signed in
   * @throws {RangeError} when there is no such scenario, or the client has no refresh token that it could happen to
   */
  scenario(name: ScenarioName, options: { readonly client_id: string }): Promise<Scenario>;
  /**
   * Replaces a client's rotation settings from the next request on; `null` goes back to the defaults.
   * @returns the settings with every default filled in
   * @throws {TenantConfigurationError} for settings that Auth0 refuses, and for an unknown client
   */
  updateClient(
    client_id: string,
    changes: { readonly refresh_token: RefreshTokenConfiguration | null },
  ): RefreshTokenSettings;
  /** Everybody who can sign in, or could. */
  users(): readonly UserView[];
  /**
   * Blocks a user, or lets them in again. A blocked user can neither sign in nor refresh; their refresh tokens are kept.
   * @throws {RangeError} when there is no such user
   */
  updateUser(email: string, changes: { readonly blocked: boolean }): void;
  /**
   * A session without the login page, for tests.
   * @returns `name=value` for a request's `Cookie` header
   * @throws {RangeError} when there is no such user or client
   */
  signIn(email: string, options: { readonly client_id: string }): { readonly cookie: string };
  /** Everything that the tenant remembers: people, clients, sessions, tokens, journal, faults, and where its clock stands. */
  snapshot(): TenantSnapshot;
  /**
   * Goes on from a snapshot, of this tenant or of one that was configured alike: it answers as the other would have.
   * @throws {TenantSnapshotError} when that cannot be; nothing has changed then
   */
  restore(snapshot: unknown): void;
  /** Forgets everything since the start; under a seed the same ids and tokens come again. The development token stays. */
  reset(): void;
}

/** A user, without a password. */
export interface UserView {
  readonly user_id: string;
  /** Whoever signs in by telephone may have none. */
  readonly email?: string | undefined;
  readonly phone_number?: string;
  readonly name: string;
  readonly blocked: boolean;
}

/**
 * Makes a tenant. For development and tests only: its keys are published and its passwords are kept as they are.
 * @throws {TenantConfigurationError} when the configuration cannot be used, and always where NODE_ENV is "production"
 */
export function createTenant(source: TenantConfiguration): Tenant {
  refuseProduction();
  const { seed, random } = readSeed(source);
  const clock = tenantClock(source.now);
  const configuration = readConfiguration(source, random, clock.now());
  const state = initialState(configuration, clock.now());
  const context: TenantContext = {
    configuration,
    clock,
    random,
    keys: signingKeys(seed),
    state,
    journal: openJournal(clock, random),
    forgetting: { lastAt: clock.now() },
    onPostLogin: source.hooks?.onPostLogin,
    onTokenExchange: source.hooks?.onTokenExchange,
    findUser: async (userId) => {
      await source.userLookup?.(userId);
      return state.users.get(userId);
    },
  };
  const { faults, pass, ...faultMemory } = createFaults(context, source.wait ?? realWait);

  const parts = { context, clock, faults: faultMemory };
  const pristine = takeSnapshot(parts);

  const tenant: Tenant = {
    fetch: (request, channel) => (channel ? answerBeside(channel, request) : answer(request)),
    hasRoute: (pathname) => (patterns ??= patternsOf(app)).some((pattern) => pattern.test(pathname)),
    faults,
    issuer: configuration.issuer,
    baseUrl: configuration.baseUrl,
    developmentToken: randomness().text(),
    clock,
    journal: context.journal.entries,
    events: context.journal.events,
    outbox: state.outbox,
    families: () => viewFamilies(context),
    family: (familyId) => viewFamilies(context).find((family) => family.familyId === familyId),
    explain: (refreshToken) => explainRefreshToken(context, refreshToken),
    replay: async (familyId, counter) => {
      const plan = planReplay(context, familyId, counter);
      if (plan.kind === 'impossible') throw new RangeError(plan.why);
      return tenant.fetch(plan.request);
    },
    scenario: (name, { client_id }) => stage(context, tenant, name, client_id),
    updateClient: (client_id, { refresh_token }) => updateClient(context, client_id, refresh_token),
    users: () =>
      [...context.state.users.values()].map(({ user_id, email, phone_number, name, blocked }) => ({
        user_id,
        ...(email !== undefined && { email }),
        ...(phone_number !== undefined && { phone_number }),
        name,
        blocked,
      })),
    updateUser: (email, { blocked }) => {
      const user = knownUser(context, email);
      context.state.users.set(user.user_id, { ...user, blocked });
    },
    signIn: (email, { client_id }) => signIn(context, email, client_id),
    snapshot: () => takeSnapshot(parts),
    restore: (snapshot) => restoreSnapshot(parts, snapshot),
    reset: () => restoreSnapshot(parts, pristine),
  };
  const app = routes(context, tenant);
  let patterns: RegExp[] | undefined; // few ask
  const answer = (request: Request, sink?: CookieSink) =>
    pass(request, async (passed, struck) => app.fetch(passed, { ...struck, ...sink }));
  const answerBeside = async (channel: SideChannel, request: Request) => {
    const sink = { hasCookieSink: channel.setCookie !== undefined };
    return carryOut(await answer(await carryIn(request, channel), sink), channel);
  };
  return tenant;
}

export function routes(context: TenantContext, tenant: Tenant): Hono {
  const app = new Hono();
  const to =
    (endpoint: (context: TenantContext, c: Context) => Response | Promise<Response>) => (c: Context) =>
      endpoint(context, c);

  if (context.configuration.quirks.openerPolicy === 'same-origin')
    app.use(async (c, next) => {
      await next();
      c.header('Cross-Origin-Opener-Policy', 'same-origin'); // redirects count too (HTML §7.1.3)
    });
  for (const path of ['/oauth/*', '/mfa/*', '/dbconnections/*', '/passwordless/*'])
    app.use(path, corsForClients(context)); // first: a page must be able to read a refusal, too
  for (const path of ['/userinfo', '/.well-known/*']) app.use(path, cors({ origin: '*', exposeHeaders }));
  const { rate_limits } = context.configuration;
  if (rate_limits !== 'none') app.use(limitRates(context, rate_limits));
  const limitBody = bodyLimit({ maxSize: largestBody, onError: refuseLargeBody });
  app.use((c, next) => (mayBeLarge(c) || saysItIsSmall(c) ? next() : limitBody(c, next)));
  app.use(methodNotAllowed({ app, onMethodNotAllowed: respondMethodNotAllowed }));
  app.get('/authorize', to(authorize));
  app.post('/authorize', to(authorize));
  app.get('/authorize/resume', to(resumeAuthorization));
  app.get('/u/login', to(showLogin));
  app.post('/u/login', to(submitLogin));
  app.get('/u/signup', to(showSignUp));
  app.post('/u/signup', to(submitSignUp));
  app.get('/u/organization', to(showOrganizationPrompt));
  app.post('/u/organization', to(submitOrganization));
  app.get('/u/organization/picker', to(showOrganizationPicker));
  app.post('/u/organization/picker', to(submitOrganizationChoice));
  app.get('/u/account', to(showAccounts));
  app.post('/u/account', to(submitAccount));
  app.get('/u/consent', to(showConsent));
  app.post('/u/consent', to(submitConsent));
  for (const kind of ['otp', 'sms', 'email', 'recovery-code']) {
    app.get(`/u/mfa-${kind}-challenge`, to(showSecondFactor));
    app.post(`/u/mfa-${kind}-challenge`, to(submitSecondFactor));
  }
  app.get('/activate', to(showActivation));
  app.post('/activate', to(submitActivation));
  app.get('/v2/logout', to(logout));
  app.get('/oidc/logout', to(endSessionByOpenId));
  app.post('/oidc/logout', to(endSessionByOpenId));
  app.post('/u/logout', to(submitLogout));

  app.post('/oauth/token', to(token));
  app.post('/oauth/device/code', to(authorizeDevice));
  app.post('/oauth/par', to(pushRequest));
  app.post('/oauth/revoke', to(revoke));

  app.post('/mfa/challenge', to(challenge));
  app.post('/mfa/associate', to(associate));
  app.get('/mfa/authenticators', to(listAuthenticators));
  app.delete('/mfa/authenticators/:id', to(deleteAuthenticator));

  app.post('/passwordless/start', to(startPasswordless));
  app.get('/passwordless/verify_redirect', to(followPasswordlessLink));

  app.post('/dbconnections/signup', to(signUpFromApp));
  app.post('/dbconnections/change_password', to(changePassword));

  app.get('/userinfo', to(userinfo));
  app.post('/userinfo', to(userinfo));
  app.get('/.well-known/openid-configuration', to(openidConfiguration));
  app.get('/.well-known/oauth-authorization-server', to(openidConfiguration));
  app.get('/.well-known/jwks.json', to(jwks));

  app.route('/api/v2', managementApi(context));

  app.get('/', (c) =>
    respondWithPage(c, context.random, {
      title: 'latchkey tenant',
      status: 200,
      body: messagePage(
        'latchkey tenant',
        `For development only. Applications use ${context.configuration.issuer}`,
      ),
    }),
  );
  app.route('/__tenant', developmentRoutes(context, tenant));
  app.notFound((c) => c.json({ statusCode: 404, error: 'Not Found', message: 'Not Found' }, 404));
  // What fails here is a mistake of ours; its message holds no secret, and a developer is the one who reads it.
  app.onError(({ message }, c) =>
    c.json({ error: 'server_error', error_description: `The tenant failed: ${message}` }, 500),
  );
  return app;
}

/** The paths of what answers; middleware is for any method. */
const patternsOf = ({ routes }: Hono): RegExp[] =>
  routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ path }) => new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+')}$`));

/** A snapshot. */
const mayBeLarge = ({ req }: Context): boolean => req.path === '/__tenant/restore';

/** Node's HTTP parser holds a body to its length; to count it once more would cost a stream. */
function saysItIsSmall({ req }: Context): boolean {
  const length = req.header('content-length');
  return (
    length !== undefined && req.header('transfer-encoding') === undefined && Number(length) <= largestBody
  );
}

function refuseLargeBody(c: Context): Response {
  // What nobody reads stops a connection that is to go on; the rest of a body that was counted is the server's.
  if (!c.req.raw.body?.locked) c.req.raw.body?.pipeTo(new WritableStream()).catch(() => {});
  const message = `The body is larger than ${largestBody} bytes`;
  if (/^\/(api\/v2|__tenant)\//.test(c.req.path))
    return c.json({ statusCode: 413, error: 'Request Entity Too Large', message }, 413);
  return c.json({ error: 'invalid_request', error_description: message }, 413);
}

function respondMethodNotAllowed(c: Context, methods: readonly string[]): Response {
  const message = `${c.req.method} is not allowed here`;
  c.header('Allow', methods.join(', '));
  return c.json({ statusCode: 405, error: 'method_not_allowed', message }, 405);
}

function updateClient(
  { state }: TenantContext,
  client_id: string,
  refresh_token: RefreshTokenConfiguration | null,
): RefreshTokenSettings {
  const client = state.clients.get(client_id);
  if (!client) throw new TenantConfigurationError('client_id', 'a client of this tenant', client_id);
  const settings = readRefreshTokenSettings(refresh_token);
  state.clients.set(client_id, { ...client, refresh_token: settings });
  return settings;
}

function signIn(context: TenantContext, email: string, client_id: string): { cookie: string } {
  const user = knownUser(context, email);
  if (!context.state.clients.has(client_id)) throw new RangeError(`there is no client "${client_id}"`);
  const { cookie } = beginSession(context, user);
  context.journal.write({
    type: 's',
    description: 'Signed in without the login page',
    client_id,
    user_id: user.user_id,
    decision: 'begin a session',
    reason: 'tenant.signIn was called',
  });
  return { cookie: `auth0=${encodeURIComponent(cookie)}` };
}

function knownUser(context: TenantContext, email: string): User {
  const user = userByEmail(context, email);
  if (!user) throw new RangeError(`there is no user with the e-mail address "${email}"`);
  return user;
}

function refuseProduction(): void {
  if (globalThis.process?.env.NODE_ENV !== 'production') return;
  throw new TenantConfigurationError(
    'NODE_ENV',
    'anything but "production": the tenant signs with published keys and keeps passwords as they are, so that ' +
      'whoever reads its source could sign in as anyone',
    'production',
  );
}
