/** `id_token_hint`: an ID token of ours that comes back to say whom the client means, expired or not (OIDC Core §3.1.2.1). */
import { compactVerify } from 'jose';
import { decodeJwt } from '../oauth/jwt.ts';
import type { TenantContext } from './context.ts';
import type { Parameters } from './parameters.ts';
import { keyOfToken } from './signing-keys.ts';

export type IdTokenHint =
  | {
      readonly kind: 'good';
      readonly clientId: string;
      readonly userId: string;
      readonly sid: string;
    }
  | { readonly kind: 'bad' };

/** @returns nothing where none was sent */
export async function readIdTokenHint(
  context: TenantContext,
  parameters: Parameters,
): Promise<IdTokenHint | null> {
  const token = parameters.get('id_token_hint');
  if (token === undefined) return null;
  try {
    await compactVerify(token, keyOfToken(context), { algorithms: ['RS256'] });
  } catch {
    return { kind: 'bad' };
  }
  const { iss, aud, sub, sid } = decodeJwt(token).claims;
  const isOurs = iss === context.configuration.issuer && typeof aud === 'string';
  // An access token has no `sid`.
  return isOurs && typeof sub === 'string' && typeof sid === 'string'
    ? { kind: 'good', clientId: aud, userId: sub, sid }
    : { kind: 'bad' };
}
