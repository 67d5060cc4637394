/**
 * Signing keys. INSECURE ON PURPOSE: these private keys are published with the source, so that no key has to be
 * generated before the first answer and the same seed signs with the same key. Nothing but a development tenant may
 * ever trust them.
 */
import { errors, importJWK, type CryptoKey, type JWK } from 'jose';
import type { TenantContext } from './context.ts';
import { seededIndex } from './randomness.ts';

export interface SigningKey {
  readonly kid: string;
  /** The public half, as the JWK Set shows it (RFC 7517 §5). */
  readonly publicJwk: JWK;
  privateKey(): Promise<CryptoKey>;
  publicKey(): Promise<CryptoKey>;
}

/** The keys of one tenant, each by how many rotations lie before it. */
export type SigningKeys = (rotations: number) => SigningKey;

/**
 * The keys that belong to a seed, or to none. Every rotation gives a `kid` that was not there before; after three the numbers
 * under it come again, when the key that had them is published no more.
 */
export function signingKeys(seed = ''): SigningKeys {
  const first = seededIndex(seed, insecureDevelopmentKeys.length);
  const imported = insecureDevelopmentKeys.map(importOnce); // however many rotations there are
  return (rotations) => {
    const key = imported[(first + rotations) % imported.length];
    if (!key) throw new RangeError('no development key');
    return signingKey(key, rotations);
  };
}

function signingKey({ jwk, ...halves }: ReturnType<typeof importOnce>, rotations: number): SigningKey {
  const round = Math.floor(rotations / insecureDevelopmentKeys.length);
  const { kty, alg, use, n, e } = jwk;
  const kid = round === 0 ? jwk.kid : `${jwk.kid}.${round}`;
  return { kid, publicJwk: { kty, kid, alg, use, n, e }, ...halves };
}

function importOnce(jwk: (typeof insecureDevelopmentKeys)[number]) {
  let privateKey: Promise<CryptoKey> | undefined;
  let publicKey: Promise<CryptoKey> | undefined;
  const { kty, alg, use, n, e } = jwk;
  return {
    jwk,
    privateKey: () => (privateKey ??= importKey(jwk)),
    publicKey: () => (publicKey ??= importKey({ kty, alg, use, n, e })),
  };
}

type KeyHolder = Pick<TenantContext, 'keys' | 'state'>;

/** What the JWK Set shows, newest first: the key that signs, and those before it whose tokens are still good. */
export const publishedKeys = ({ keys, state }: KeyHolder): SigningKey[] =>
  state.signingKeys.map(keys).reverse();

/** The key that signs now. */
export const currentKey = ({ keys, state }: KeyHolder): SigningKey => keys(state.signingKeys.at(-1) ?? 0);

/** Signs with a fresh key from now on. The two before it stay published. */
export function rotateSigningKey({ state: { signingKeys } }: KeyHolder): void {
  signingKeys.push((signingKeys.at(-1) ?? 0) + 1);
  if (signingKeys.length > insecureDevelopmentKeys.length) signingKeys.shift();
}

/** For `jwtVerify`: the published key that a token names in its header. */
export const keyOfToken =
  (context: KeyHolder) =>
  ({ kid }: { readonly kid?: string }): Promise<CryptoKey> => {
    const key = publishedKeys(context).find((published) => published.kid === kid);
    if (!key) throw new errors.JWKSNoMatchingKey();
    return key.publicKey();
  };

async function importKey(jwk: JWK): Promise<CryptoKey> {
  const key = await importJWK(jwk, 'RS256');
  if (key instanceof Uint8Array) throw new TypeError('expected an RSA key, found a symmetric one');
  return key;
}

const insecureDevelopmentKeys = [
  {
    kty: 'RSA',
    kid: 'latchkey-insecure-development-1',
    alg: 'RS256',
    use: 'sig',
    n: 'yuW0SSlw5ZVbE35y9mBTHr_uwp8-fTrLmXxP4BaBzFEzG-O_NO2Mik8ZjXLuNgE821B7yzPr4OM4uix7I18oSrZ-kA7XU4XUUXmdVtG-mZHbFTr6YGfxzvIpRhp3O528g6jt3AkRvLDCRuFP8uSZtWZVmSqVzgmYcRQeCQ_VkTWMmEzPxQTb_-nRYn7zWBjddilxwE-ob46zGBtbVEdt_60GPG8XvyeJcCgac4zd_NKky4AjDK8P-sMGN0fHXrPP_YaFDHSEwbETTosEGbsmpIkBVCEc-20M-ONTcAojLeEwTxeqq4iC1XoGXY1LvzMBJg48LyJRujO_4QgOifrDxw',
    e: 'AQAB',
    d: 'B7s_psDZNPf_TvUoEBxbWBYfO02FiSpKFnCtIh0pcaD8euKvgNnpqF5bdM9KC-CTMmMIPJXsNjCvLJgqUkHVHFFRurXEd1tnqK0i-9GlQV8HkD3XMZpBL04Wy_DEb1vTRaV6-HUxNrv59mjg7e2cSW3IJqLmFdvtJUElF3PoT8HY6cxzTjtDBPCPIvKZxJfauxdvB47_AUm97bq0_0S4Buxp_dICkfWGGuRPgwCa9EWPXWV9P9729fTM-zppWY2blBHnL2ttPqRgO95KakeB5JI0s0hOxddqhQNM3IPFPuWze1sYTmqhyCo8ZdEdCunyH4HQHZdJxNKIKGjhri36IQ',
    p: '80TZVDZQUNo_nMRgM2uYA3arLG8OBhr6B9PLomMM-4Mk0-v5_EhcgjldvOgBxob3lT-p2IZQENZFoxOR81UxwAMEt_09RU9BIfmTCdYcJU5sRQ-emuKXTCcF9jX6mkKNxL9SAYy4fjFwswZY29unKV8monCo-WZuvz3NRW3FamE',
    q: '1YP7v-x3AuulYTWI7b8ruWUYYhprt-5XjOf3UyGUupaQxnBRT79m635XY5eGa-56hcv7lG3O3QO7N8ZFwWzAxnXMbvPIYDuvJzzdqi-T9RlK8z7Mk6btG_BHEMsUTj7Th6oJqOymcKA4oLh3Qfi0pgspsnge2koKjDuBWD_37yc',
    dp: 'ZvrrQUHoyAFL0nIzAzF13Wl71siAWEdNNskKuAhUM5h1m5yWa5y6RIpCSzivn7n8ztpvbPCWrjn2qq0bKLYU5GKiubxjFpcRTG-ZNh3ENmq3XJjbHFf1klAmru500p5_4xzWez91zj3hpnd2YEPgxJu6ACPO9BzPnvdrkQuB-aE',
    dq: 'ZP8BXk9kHCWLHOhN1OfQrul7FyyYN3CuSSCQhOolh_0gjj0iuS44aLxiaeGK3BL6Mb_DSPqIF1Nkg4VuCYh_x2CBSxpVde_FcjIASDgpLI7CPT0_V7hmAAkwFGl7OWfOdyWfXCBUuoGPR7b58mLKUKCHILxhG7BaPOsIy822YZE',
    qi: '3Uavd3BSt2nEoUxkmi3t3z0JcPyUtJ-gmuSDfVpXMyK8VTdIJQM6_1YrOUbal8kr1MbccQmWqH-3mQbVzsO4tIComUoftqVD8xM0P1P2p4hisF7qoTMD3hgX-ZeKjVPdW-p1Ts8BuVrVEZyVJXMDimQ-gSeDcM9xbcEhyuZyzr8',
  },
  {
    kty: 'RSA',
    kid: 'latchkey-insecure-development-2',
    alg: 'RS256',
    use: 'sig',
    n: 'xaG-IYf4JtFb9rmJI3_99XlSSEEhSYhznGXB1d2MwRwryxj2R7Kq8_801mNhR5Kgi-4Dr6SFWQKNs3F7CBBLDoylGNoG59W9XPKI9JQ4lJ1SE5bdZ-53edmNk0t5tX0V8EbnTco4bHkSTWz2maT_fjdEE5xbmlGVA7rLvryUs0TpA5__1BtCV_w6jsIa3bUnd1u_aPTT6M7L0LUgnzcHENM5SeOtUnXDYR0uAxvaeVeHu7ommq3kIedlFyN9OHMVYtgJS_nfHXvEQchw8HQfuCPKkItTW4SJBwrAbDvqr4K0kCzzGzLRkwDLQAcy3TpFFDbJ4jB22nmP7gJtjVAfRQ',
    e: 'AQAB',
    d: 'hSr3cqCsFXv8-8MJJWKZPU8Coq1AQMwxGrF2ayVeMsFIwRGQ4b8CcmcEs3FDm3axt5gp47B4KgIOeVt-C3DvIl6i4JwJCy566qaCoks91OYs6AZAKkgFOZXeT-ILoL8oiT89nK0mV_E84-8IO39yqRmURaKWFuXiAyFbKKrph-E36Zbq6hvmHJTGybHviaEN5aHPvnnagVI2kHFipCCO-qrLIKQUgJ5O-w3Y0cySY4qxMD8AUhXmcQ6s6AG07AIVn_GFs2TOnHa6Ddld2dzYabEt6wE5_mS0wV34eJadmIkWB9vD5MmVFi7UesUSq2kL9slC_ibGlQfYuwyv-9x3',
    p: '5nyH6Uaz71y0K6eRNY23CeWNoA1yy4ekmVnnsHRtYmg7gpprW8RptiBoF_9oPFoioCq-7Hj0_SlGSFzYqlja6_hIj_CfKUhvadsfVXXYnOgQKC_8XbpT37LyISWLUXqXBambgytZZktzCKWsfMYIcm3hNl__fDy933-8o4Yu3c8',
    q: '24IvV9hPHTpiMfkKuHIHoCC9fQl1Rf71MGh46_YVxqJSTOFIhUi-a1fqBp6RpUNlwh-K5i7zMeA0mi9DPFj338IUFDoWbpcO0ddWHiZq_NazCJ0hqq_aSiDJob4RrPfZmsSEYjTHpVg6CNrDQmyNg3BqBKAAWT_IaM7j9oACKqs',
    dp: 'xTL29dfQS5N9c3xC-Rbu7EDDE5VuCkVbxvjtCkQS8odLo0qLYFCEQZcoeJ_Fhx13UqJACALVWWTfBTqrBdRQOmSLcNvm0WNwL5mTDYNueZDzge7MdUTeTh7EmyeMM4I3hFjA_VExhBw5p8RX98lXoM_ySJuJ87nkmjyoISDFKHE',
    dq: 'Z34aui0XJ-2l7G_BuTKyG7I0BObXrvfFPFyVXpL4s11Gtk6lNYoVlWCuyw4qFyQOrxbWEy7hpItT4boU1jgQLiQ_-UVl3CBGcXM4fCCa4riLUq1a-THOFpMc3bBSfx2gMBMlY3QFCRTuz8vssb2ifu0aXzHc2Dd1UszwuACkhN8',
    qi: 'ozhXbialT_aTufYvYpNvk6F4z_LhYBvPy5awcWvtoAGrFTQ4YQ0_N11Vwk9obXhAtjhasfp_WxnOaozlHVCCxMj4zsW-lZjri3YMzlmRhZ2_VP7HA0BRMyvnFNNbnDpcKRpBJGruIoOr9NO6qOyHxxbww7m104spkUVihWyQ5Vg',
  },
  {
    kty: 'RSA',
    kid: 'latchkey-insecure-development-3',
    alg: 'RS256',
    use: 'sig',
    n: 'qKBYnA4p8rUaBp-jqzTD2Vi6fBAvYf60ugbDjibAZND_IlUYOG8wtVe9qTBc26l6hLv2H8f7Zp3rQcNCCD5fqhA3V7kmUeraK14BmUwm7DPd7nmEGOQR67dF_VpkKkwEfrXDaAkdtK0a6vs0F4n7mQhxhzahirrgmieTxioDgc2a-T-2wvK4cHsdgQ6FQIlNAUbGX5orgNH_P70MZY3P15WQxBod1qNSShrOAPNXQQ8RXgGviK8QAUabEruvHh2jUHA5PkH3pYdT9G657nN0m8KZ9uixPEeFxgtOlhINtlJ_nXj3aYxN5Dtbs5JWdH0Vwf02-NGnMW3AUXdYvv3vCw',
    e: 'AQAB',
    d: 'QAq13H7cm5sASWezx0AA6bjzCk8zT6pmhQgwmPpKs39Uhnt--V_xRc4O8AS4H4zcRTEFpshSyIRNZup7V5ooxvPlsOFWlmH1feb0AH6VgbupG_r2mmV0EOvIHxKHXDEGvADYN9jOeWINCRVikVYMQfCc_VdYPtH-n01MqEQolNEdkpeiy62iD6t4NYJvIUGiU-5bkJJCIco4B-iZKyFHIO_2t_5l449RNSeFVWSChRondU0KMcP0IBYzQ9GE-ZlWn0uH2_U02AgI9vDyvzz7XPm4QAk70LfeV26u0WchUS2QfKMJDUz54GQs5HMpr5jR3-5m-sFOqaDdb5w5frNBAQ',
    p: '1xtmn01HZvSLjjs9YX_nM8sjt2Ty3BspOWj1hvJrSumuv48oogHc7ss0Vn5tAXddn-jQhGqEzp4XWJ2vgnCc9IeOxHpnVRat3ChoMwGPglgRtiu3wgUNd1aBmffHMgGVkiS9oWLDUtLEXhBfVwBe3n0SgoAYXQLLzmVAStYwpEE',
    q: 'yK7fhBQ46GWEzMn_Fm0MH4f1mlWzUOs4UM_hvNQO-YALOwWeoHz8-ZLDjby4Z5XZOIYy4YdhtvKOxm_6qS32WAMC6ZcaK0cHXv_dNEAkXfOUCZBNlzcwW1XgPjvyAbzaslROaxuaJm_3FziFHSuPhhEt27qRKaaK_3lKhfMJ0Es',
    dp: 'RHKNpyc6D0LFnY6wK3Q9p7d-N_9BYFSsO35wkm5VQdM2LfJp5ZNeMAYtM1Crcwn-msHEiD404GJh32rdzE31Q8JW5aJleyfqTuH0tjZK6hkIGcWzhWOCM3UtbEbx9bGXXJegV9hLevFiVuQy0kZl6bo2x5vnJMGdBKInYSji9YE',
    dq: 'BHYmz_fnH_uJzUe8XRJFj7nlEu5O00C3esx0V09bmd5n4YMJeMXuldnWcSM98keZkbEiFnN9D6Uq2WyJ5RL5hBFlEi5izY2Bs3H6x_uZE2Gj6-aCYxc-AvnQx3FruvAo6IgJSkZN0gbxNlnyU6ixQyjEnTrzmTpzoqRerMWvdSs',
    qi: 'ZeHK_4RcMwFQS9Ae7a6RvsErIZArerYmNb99rybY2GLygFVqyg2N2P6k5yuXaA96WTNEBAxIXHKFVfR28QYHMhTQziznucZvcLyOjuON-fpC3phKnNlprZB23ao1xT15ttUL7-6_OhwDRsDgeydqColYNAxdo2xNpXOUUoghej4',
  },
] as const;
