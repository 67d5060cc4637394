/** The two endpoints that custody speaks to, for one client. What is sent, is sent once. */
import type { Milliseconds } from '../clock.ts';
import type { Endpoints } from '../core/endpoints.ts';
import type { Settings } from '../core/settings.ts';
import { loadFeature } from '../core/load-feature.ts';
import { judgeTokenAnswer, type TokenJudgement } from '../core/token-response.ts';
import type { Environment, HttpAnswer, HttpOptions } from '../environment.ts';
import { NetworkError } from '../errors.ts';
import { formOf } from '../oauth/form.ts';
import type { RevocationRequest } from '../oauth/revocation-endpoint.ts';
import type { TokenRequest } from '../oauth/token-endpoint.ts';
import type { ProvenRequests } from './proven-requests.ts';

export interface TokenRequests {
  /**
   * Where DPoP is on: gets what proofs need, before anything is claimed.
   * @returns whether what was bound to the key since then can be used: a logout, in another tab, removes the key
   * @throws {StorageError} | {GenericError} `feature_load_failed`
   */
  readonly prepareProofs: (() => Promise<() => Promise<boolean>>) | undefined;
  /** Sends once. No answer at all is `unclear`, with status 0. */
  send(request: TokenRequest): Promise<TokenJudgement>;
  /** Best effort: a local end stands, whether the server hears of it or not. Settles within 3 s, and never rejects. */
  revoke(tokens: readonly string[]): Promise<void>;
  /** Asks for the revocation of one, and waits `limit` for what the server says to that. */
  requestRevocation(token: string, limit: Milliseconds): Promise<HttpAnswer>;
  /** What is told where no usable answer came. */
  noAnswer(reason: 'unreachable' | 'outcome_unknown', unclear?: Unclear): NetworkError;
}

export type Unclear = Omit<Extract<TokenJudgement, { kind: 'unclear' }>, 'kind'>;

/** How long a revocation may take. */
const revocationLimit: Milliseconds = 3000;

export function createTokenRequests(
  settings: Settings,
  env: Pick<Environment, 'clock' | 'timers' | 'cryptography' | 'http' | 'page' | 'dpop' | 'keys'>,
  endpoints: () => Promise<Endpoints>,
): TokenRequests {
  const { clientId, exchangeLimit, telemetry, useDpop, useFormData } = settings;
  const { http, page, timers } = env;
  let proven: ProvenRequests | undefined;
  const prepareProofs = async () => {
    const load = () => import('./proven-requests.ts');
    proven ??= (await loadFeature(timers, load)).createProvenRequests(settings, env, endpoints);
    return proven.prepare();
  };

  return {
    prepareProofs: useDpop ? prepareProofs : undefined,

    async send(request) {
      try {
        if (proven) return await proven.send(request, (options) => post('token', request, options));
        const answer = await post('token', request);
        return judgeTokenAnswer(answer, { ...request }, env.clock.now());
      } catch (cause) {
        return { kind: 'unclear', status: 0, cause };
      }
    },

    async revoke(tokens) {
      await Promise.allSettled(tokens.map((token) => requestRevocation(token, revocationLimit)));
    },

    requestRevocation,

    // Browsers do not say why an answer cannot be read; that the tenant does not know the page's origin is one of the reasons.
    noAnswer(reason, { status, cause } = { status: 0 }) {
      const suspect = `If none ever comes: does the tenant list ${page.origin()} in the application's web origins (CORS)?`;
      const description =
        status === 0
          ? `No answer to a token request could be read. ${suspect}`
          : `No usable answer to a token request (HTTP status ${status}).`;
      return new NetworkError(reason, description, cause);
    },
  };

  function requestRevocation(token: string, limit: Milliseconds): Promise<HttpAnswer> {
    const request = { client_id: clientId, token, token_type_hint: 'refresh_token' } as const;
    return post('revoke', request, { limit, keepalive: true });
  }

  async function post(
    endpoint: 'token' | 'revoke',
    request: TokenRequest | RevocationRequest,
    options: HttpOptions = { limit: exchangeLimit },
  ): Promise<HttpAnswer> {
    const { [endpoint]: url } = await endpoints();
    if (url === undefined)
      return {
        status: 404,
        body: '{"error":"revoke_error","error_description":"The provider revokes nothing."}',
      };
    const form = formOf(request);
    const body = useFormData ? form.toString() : JSON.stringify(Object.fromEntries(form));
    // A refresh goes without a header of its own: it is then one request, and no preflight.
    const isLogin = endpoint === 'token' && form.get('grant_type') !== 'refresh_token';
    const headers = {
      ...options.headers,
      ...(!useFormData && { 'Content-Type': 'application/json' }),
      ...(isLogin && telemetry && { 'Auth0-Client': telemetry.header }),
    };
    return http.post(url, body, { ...options, headers });
  }
}
