// The world of bench/resilience, where five contenders run behind the names of latchkey's own methods, built as apps are.
import { openWorld } from '../resilience/world.mjs';

const modules = Object.fromEntries(
  ['latchkey', 'floor', 'auth0-spa-js', 'oidc-client-ts', 'keycloak-js'].map((name) => [
    name,
    `./bench/speed/contenders/${name}.js`,
  ]),
);

/** What every page does: it opens a client, handles a login's return, and says when it could be asked. */
const page = `
  import * as sdk from '%s';
  const evaluated = performance.now();
  const options = {
    domain: 'http://localhost:4400',
    clientId: 'spa',
    useRefreshTokens: true,
    cacheLocation: 'localstorage',
    ...window.options,
    authorizationParams: { redirect_uri: location.origin + location.pathname, audience: 'https://api.example', scope: 'profile' },
  };
  const client = await sdk.openClient(options);
  if (location.search.includes('code=')) {
    await client.handleRedirectCallback();
    history.replaceState(null, '', location.pathname);
  }
  const token = location.hash === '#token' ? await client.getTokenSilently() : await client.isAuthenticated();
  const ready = performance.now();
  const call = async (options) => {
    const begun = performance.now();
    const outcome = await client.getTokenSilently(options).then((token) => ({ token }), (error) => ({ error: String(error.error ?? error) }));
    return { ...outcome, waited: performance.now() - begun };
  };
  Object.assign(window, { client, call, sdk, clientOptions: options, times: { evaluated, ready, token: Boolean(token) } });
`;

/**
 * @param {{ roundTrip?: number, dressed?: boolean }} [settings] how long the tenant takes for each answer, preflights among them,
 *   in ms; whether refresh tokens look like JWTs, without which keycloak-js takes none
 * @returns a world that also counts what the token endpoint is asked, preflights among it. An access token outlives what a
 *   browser may remember of a preflight, so that none is remembered here.
 */
async function openSpeedWorld({ roundTrip = 0, dressed = false, ...settings } = {}) {
  let requests = 0;
  const world = await openWorld({
    modules,
    script: page,
    built: true,
    ...settings,
    pass: async (request, answer) => {
      const begun = performance.now();
      if (new URL(request.url).pathname === '/oauth/token') requests += 1;
      const answered = dressed ? await dress(request, answer) : await answer(request);
      answered.headers.set('access-control-allow-credentials', 'true'); // keycloak-js sends cookies along
      if (request.method === 'OPTIONS') answered.headers.set('access-control-max-age', '0');
      if (roundTrip > 0)
        await new Promise((resolve) => setTimeout(resolve, begun + roundTrip - performance.now()));
      return answered;
    },
  });
  return { ...world, requests: () => requests };
}

/** A world, and so a browser, for each: what one of them stores, another would take for its own. Closed when `work` is over. */
export async function inWorlds(names, settings, work) {
  const worlds = await Promise.all(
    names.map((name) => openSpeedWorld({ dressed: name === 'keycloak-js', ...settings })),
  );
  try {
    await work(names.map((name, index) => ({ name, world: worlds[index] })));
  } finally {
    await Promise.all(worlds.map((world) => world.close()));
  }
}

async function dress(request, answer) {
  if (request.method !== 'POST' || new URL(request.url).pathname !== '/oauth/token') return answer(request);
  const form = new URLSearchParams(await request.text());
  const presented = form.get('refresh_token');
  if (presented) form.set('refresh_token', JSON.parse(atob(presented.split('.')[1])).jti);
  const answered = await answer(
    new Request(request.url, { method: 'POST', headers: request.headers, body: form }),
  );
  const tokens = await answered.json();
  if (tokens.refresh_token)
    tokens.refresh_token = `e30.${btoa(JSON.stringify({ jti: tokens.refresh_token }))}.`;
  const headers = new Headers(answered.headers);
  headers.delete('content-length');
  return new Response(JSON.stringify(tokens), { status: answered.status, headers });
}
