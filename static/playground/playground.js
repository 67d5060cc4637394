import { setClock } from './clock.js'; // this and the next before the SDK: they stand between it and the browser
import { onRequestsChange, requests } from './request-log.js';
import { createAuth0Client } from './latchkey/index.js';
import settings from './settings.js';
import { bindOptions, readOptions } from './options.js';
import { connectTenant } from './tenant.js';
import { showError, showJournal, showRequests, showResult, showSession, showToken } from './view.js';

const element = (id) => document.getElementById(id);
const options = readOptions();
const tenant = connectTenant(settings);

/** The last access token, to tell a new one from a cached one. */
let lastToken;

bindOptions(element('options'), () => location.reload());
onRequestsChange(() => showRequests(requests));
showRequests(requests);

await followTenantClock().catch(showError);
const auth0 = await createAuth0Client({
  domain: settings.tenantUrl,
  clientId: settings.clientId,
  cacheLocation: options.cacheLocation,
  worker: false, // it would live by the machine's clock, and its requests would be seen by nobody
  useRefreshTokens: options.useRefreshTokens === 'true',
  useRefreshTokensFallback:
    options.useRefreshTokensFallback === '' ? undefined : options.useRefreshTokensFallback === 'true',
  authorizationParams: {
    redirect_uri: location.origin,
    audience: settings.audience,
    scope: settings.scope,
  },
});

const actions = {
  'log-in': logIn,
  'log-in-again': logIn,
  'log-in-popup': logInWithPopup,
  'get-token': getToken,
  'expire-token': expireToken,
  'replay-token': replayToken,
  'log-out': () => auth0.logout({ logoutParams: { returnTo: location.origin } }),
};
for (const [id, action] of Object.entries(actions)) element(id).addEventListener('click', () => run(action));

await run(arrive);
element('playground').dataset.ready = 'true';
void watchJournal();

/** One action at a time; afterwards the page shows what is true now. */
async function run(action) {
  const page = element('playground');
  if (page.dataset.busy === 'true') return;
  page.dataset.busy = 'true';
  page.setAttribute('aria-busy', 'true');
  showError(undefined);
  try {
    showResult((await action()) ?? '');
  } catch (error) {
    showResult('');
    showError(error);
  }
  await refresh();
  page.dataset.busy = 'false';
  page.setAttribute('aria-busy', 'false');
  countRun();
}

/** Tells tests, and nobody else, that one more action is over. */
function countRun() {
  const result = element('result');
  result.dataset.run = String(Number(result.dataset.run) + 1);
}

async function refresh() {
  await refreshJournal();
  showSession(await auth0.getUser(), settings.user);
  const token = await auth0.getTokenSilently({ cacheMode: 'cache-only', detailedResponse: true });
  await showToken(token, settings.audience);
}

/** This page is the callback too. */
async function arrive() {
  await tenant.setLeeway(Number(options.leeway));
  const query = new URLSearchParams(location.search);
  if (!query.has('state') || !(query.has('code') || query.has('error'))) return undefined;
  try {
    await auth0.handleRedirectCallback();
    return 'You are back from the tenant with new tokens.';
  } finally {
    history.replaceState(null, '', location.pathname); // a reload must not present the code again
  }
}

async function logIn() {
  await auth0.loginWithRedirect();
}

async function logInWithPopup() {
  await auth0.loginWithPopup();
  return 'The popup has brought new tokens.';
}

async function getToken() {
  const before = requests.length;
  const token = await auth0.getTokenSilently();
  const count = requests.length - before;
  const sent =
    count === 0 ? 'without a request' : count === 1 ? 'with one request' : `with ${count} requests`;
  const isNew = token !== lastToken;
  lastToken = token;
  return `${isNew && count > 0 ? 'A new access token' : 'The cached access token'}, ${sent} to the tenant.`;
}

/** Lets the rest of the access token's life pass, for the tenant and for this page. */
async function expireToken() {
  const token = await auth0.getTokenSilently({ cacheMode: 'cache-only', detailedResponse: true });
  if (!token) return 'No fresh access token is cached.';
  await tenant.advanceClock(token.expires_in * 1_000);
  await followTenantClock();
  return `${Math.round(token.expires_in / 60)} minutes have passed, for the tenant too: the access token has expired.`;
}

/** What a thief would do who had copied the refresh token before it was exchanged. */
async function replayToken() {
  const families = await tenant.families();
  const family = families.findLast(({ client_id }) => client_id === settings.clientId);
  if (!family?.nodes.some(({ firstRotatedAt }) => firstRotatedAt !== null))
    return 'No refresh token was spent yet: expire the access token, then get a new one.';
  const { status, error_description } = await tenant.replay(family.familyId);
  return status === 200
    ? 'The tenant forgave the replay: it came within the leeway.'
    : `The tenant refused the replay (${status}) and revoked the family: ${error_description} ` +
        'Expire the access token and get another one: the hidden iframe carries on, or with useRefreshTokensFallback off, the session is over.';
}

async function refreshJournal() {
  try {
    await followTenantClock();
    showJournal(await tenant.journal());
  } catch (error) {
    showJournal([], error);
  }
}

async function followTenantClock() {
  setClock((await tenant.clock()).now);
}

/** Looks again every two seconds while somebody may be looking: other tabs act on the same tenant. */
async function watchJournal() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    if (document.visibilityState === 'visible') await refreshJournal();
  }
}
