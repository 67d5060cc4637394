import type { AuthorizationSecrets } from '../core/authorization-request.ts';
import { loadDpopKey } from '../custody/load-dpop-key.ts';
import { InsecureContextError } from '../errors.ts';
import { encodeBase64url } from '../oauth/base64url.ts';
import { codeChallenge, codeVerifier } from '../oauth/pkce.ts';
import type { ClientContext } from './context.ts';

/**
 * Fresh secrets for one authorization, and the key that its tokens will be bound to.
 *
 * @throws {InsecureContextError} where the page has no Web Crypto.
 * @throws {StorageError} where DPoP is on, and no key can be kept.
 */
export async function authorizationSecrets({ settings, env }: ClientContext): Promise<AuthorizationSecrets> {
  const { cryptography, page } = env;
  if (!cryptography.available) throw new InsecureContextError(page.origin());
  const code_verifier = codeVerifier(cryptography.randomBytes(32));
  return {
    state: encodeBase64url(cryptography.randomBytes(32)),
    nonce: encodeBase64url(cryptography.randomBytes(32)),
    code_verifier,
    code_challenge: await codeChallenge(code_verifier, cryptography.sha256),
    dpop_jkt: settings.useDpop ? await (await loadDpopKey(settings, env)).thumbprint() : undefined,
  };
}
