import type { AuthorizationSecrets } from '../core/authorization-request.ts';
import type { Environment } from '../environment.ts';
import { InsecureContextError } from '../errors.ts';
import { encodeBase64url } from '../oauth/base64url.ts';
import { codeChallenge, codeVerifier } from '../oauth/pkce.ts';

/** Fresh secrets for one authorization. @throws {InsecureContextError} where the page has no Web Crypto. */
export async function authorizationSecrets({
  cryptography,
  page,
}: Environment): Promise<AuthorizationSecrets> {
  if (!cryptography.available) throw new InsecureContextError(page.origin());
  const code_verifier = codeVerifier(cryptography.randomBytes(32));
  return {
    state: encodeBase64url(cryptography.randomBytes(32)),
    nonce: encodeBase64url(cryptography.randomBytes(32)),
    code_verifier,
    code_challenge: await codeChallenge(code_verifier, cryptography.sha256),
  };
}
