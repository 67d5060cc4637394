import { generateKeyPairSync } from 'node:crypto';

/** A key as the tenant's is: RSA, 2048 bits (RFC 7517). */
export const privateJwk = {
  ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }),
  alg: 'RS256',
  use: 'sig',
  kid: 'a',
};
