// The bare limit in a browser: authorization code with PKCE and rotating refresh tokens in as few lines as work on a good day.
// Tabs take turns by a lock and share what is stored. It validates nothing, recovers nothing and explains nothing.
const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(
    /[+/=]/g,
    (it) => ({ '+': '-', '/': '_' })[it] ?? '',
  );
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
const claimsOf = (idToken) =>
  JSON.parse(
    new TextDecoder().decode(
      Uint8Array.from(atob(idToken.split('.')[1].replace(/-/g, '+').replace(/_/g, '/')), (it) =>
        it.charCodeAt(0),
      ),
    ),
  );

/** @param {Storage | undefined} storage default: this page's memory */
export function openFloor({ domain, clientId, redirectUri, audience, scope, storage }) {
  const name = `floor:${clientId}`;
  let kept = null;
  let text;
  const keep = (session) => (kept = session && { ...session, claims: claimsOf(session.id_token) });
  /** One read and one compare; what stands there is parsed when it has changed. */
  const read = () => {
    const stored = storage?.getItem(name);
    if (stored !== text) keep(JSON.parse((text = stored)));
    return kept;
  };
  const write = (session) => (storage ? storage.setItem(name, JSON.stringify(session)) : keep(session));
  const isFresh = (session) => session.expires_at > Date.now() / 1000 + 60;

  async function ask(parameters) {
    const begun = Date.now() / 1000;
    const body = new URLSearchParams({ client_id: clientId, ...parameters });
    const answer = await fetch(`${domain}/oauth/token`, { method: 'POST', body });
    const tokens = await answer.json();
    if (!answer.ok) throw new Error(tokens.error);
    const session = { ...tokens, expires_at: begun + tokens.expires_in };
    write(session);
    return session;
  }

  return {
    async login() {
      const [state, verifier] = [random(), random()];
      sessionStorage.setItem(name, JSON.stringify({ state, verifier }));
      const challenge = base64url(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier)));
      location.assign(
        `${domain}/authorize?${new URLSearchParams({
          client_id: clientId,
          response_type: 'code',
          redirect_uri: redirectUri,
          audience,
          scope,
          state,
          code_challenge: challenge,
          code_challenge_method: 'S256',
        })}`,
      );
    },
    async callback() {
      const { state, verifier } = JSON.parse(sessionStorage.getItem(name));
      sessionStorage.removeItem(name);
      const query = new URLSearchParams(location.search);
      if (query.get('state') !== state) throw new Error('state');
      await ask({
        grant_type: 'authorization_code',
        code: query.get('code'),
        code_verifier: verifier,
        redirect_uri: redirectUri,
      });
    },
    async token(fresh) {
      const session = read();
      if (!session) return undefined;
      if (!fresh && isFresh(session)) return session.access_token;
      return navigator.locks.request(name, async () => {
        const now = read();
        if (now.access_token !== session.access_token) return now.access_token;
        return (await ask({ grant_type: 'refresh_token', refresh_token: now.refresh_token })).access_token;
      });
    },
    user() {
      return read()?.claims;
    },
    refreshToken: () => read().refresh_token,
    logout(returnTo) {
      if (storage) storage.removeItem(name);
      kept = null;
      location.assign(`${domain}/v2/logout?${new URLSearchParams({ client_id: clientId, returnTo })}`);
    },
  };
}
