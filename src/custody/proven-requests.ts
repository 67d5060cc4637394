/** Requests to the token endpoint with a DPoP proof each (RFC 9449 §5, §8). Loaded where DPoP is on. */
import type { Milliseconds } from '../clock.ts';
import type { Endpoints } from '../core/endpoints.ts';
import { refuseToBegin } from '../core/refuse-to-begin.ts';
import type { Settings } from '../core/settings.ts';
import { judgeTokenAnswer, type TokenJudgement } from '../core/token-response.ts';
import type { Environment, HttpAnswer } from '../environment.ts';
import { GenericError, TimeoutError, UseDpopNonceError } from '../errors.ts';
import type { TokenRequest } from '../oauth/token-endpoint.ts';
import { createDpopKey, type DpopEnvironment } from './dpop-key.ts';

export interface ProvenRequests {
  /** See `TokenRequests`. */
  prepare(): Promise<() => Promise<boolean>>;
  /**
   * Sends `request` with a fresh proof, and once more with another one where the server wants a nonce: it has consumed nothing
   * then. Both within one exchange's limit, after which the claim is anybody's. Rejects where `post` does.
   */
  send(request: TokenRequest, post: PostProven): Promise<TokenJudgement>;
}

export type PostProven = (options: {
  limit: Milliseconds;
  headers: Readonly<Record<string, string>>;
}) => Promise<HttpAnswer>;

export function createProvenRequests(
  settings: Settings,
  env: DpopEnvironment & Pick<Environment, 'clock'>,
  endpoints: () => Promise<Endpoints>,
): ProvenRequests {
  const { clock, page } = env;
  const { exchangeLimit } = settings;
  const key = createDpopKey(settings, env);

  return {
    async prepare() {
      const thumbprint = await key.thumbprint();
      return () => key.holds(thumbprint).catch(() => true); // for all that is known
    },

    async send(request, post) {
      const giveUpAt = clock.steady() + exchangeLimit;
      let wanted: string | undefined;
      for (;;) {
        let options: Parameters<PostProven>[0];
        try {
          const { token: url } = await endpoints();
          const proven = { url, method: 'POST', nonce: wanted };
          const headers = { DPoP: await key.proveToTenant(proven) };
          options = { limit: giveUpAt - clock.steady(), headers };
          if (options.limit <= 0) throw new TimeoutError(); // the page slept
          if (wanted !== undefined) refuseToBegin(page);
        } catch (error) {
          return { kind: 'declined', error: asGeneric(error) }; // what was to be sent is as good as before
        }
        const answer = await post(options);
        const { dpopNonce } = answer;
        // Nothing waits for it: a successor is to be kept first. What comes after it finds it, or is told again.
        if (dpopNonce !== undefined) key.keepNonce(dpopNonce).catch(() => {});
        const judgement = judgeTokenAnswer(answer, { ...request }, clock.now());
        if (judgement.kind !== 'declined' || judgement.error.error !== 'use_dpop_nonce') return judgement;
        if (wanted !== undefined || dpopNonce === undefined)
          return { kind: 'declined', error: new UseDpopNonceError(dpopNonce) };
        wanted = dpopNonce;
      }
    },
  };
}

const asGeneric = (error: unknown): GenericError =>
  error instanceof GenericError
    ? error
    : new GenericError('dpop_failed', 'A DPoP proof could not be made.', { cause: error });
