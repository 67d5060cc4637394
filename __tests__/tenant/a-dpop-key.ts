/** A client's key, and the proofs that it makes with it (RFC 9449 §4.2). */
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT, type JWK } from 'jose';
import type { Tenant } from '../../src/tenant/index.ts';

export interface DpopKey {
  /** The key's thumbprint. */
  readonly jkt: string;
  /** The value of a `DPoP` header for the token endpoint, at the tenant's time, unless `changes` say otherwise. */
  proof(changes?: ProofChanges): Promise<string>;
}

export interface ProofChanges {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: { readonly typ?: string; readonly jwk?: JWK };
}

let proofs = 0;

export async function aDpopKey(tenant: Tenant, alg = 'ES256'): Promise<DpopKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(publicKey);
  return {
    jkt: await calculateJwkThumbprint(jwk),
    proof: ({ claims, header } = {}) =>
      new SignJWT({
        jti: `proof-${(proofs += 1)}`,
        htm: 'POST',
        htu: `${tenant.baseUrl}/oauth/token`,
        iat: Math.floor(tenant.clock.now() / 1000),
        ...claims,
      })
        .setProtectedHeader({ alg, typ: 'dpop+jwt', jwk, ...header })
        .sign(privateKey),
  };
}

/** A key whose private half stands in the proof. */
export const aPrivateJwk = async (): Promise<JWK> =>
  exportJWK((await generateKeyPair('ES256', { extractable: true })).privateKey);
