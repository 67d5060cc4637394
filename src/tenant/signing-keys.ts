/**
 * Signing keys. INSECURE ON PURPOSE: these private keys are published with the source, so that no key has to be
 * generated before the first answer and the same seed signs with the same key. Nothing but a development tenant may
 * ever trust them.
 */
import { base64url, errors, importJWK, type CryptoKey, type JWK } from 'jose';
import type { Milliseconds } from '../clock.ts';
import type { TenantContext } from './context.ts';
import { seededIndex } from './randomness.ts';

export interface SigningKey {
  readonly kid: string;
  /** The public half, as the JWK Set shows it (RFC 7517 §5). */
  readonly publicJwk: JWK;
  /** Of the public half; PEM. */
  readonly cert: string;
  /** SHA-1 of the certificate, as the JWK's `x5t`; upper-case hex. */
  readonly thumbprint: string;
  privateKey(): Promise<CryptoKey>;
  publicKey(): Promise<CryptoKey>;
}

/** That a key signed, or signs. */
export interface SigningPeriod {
  /** How many rotations lie before it. */
  readonly rotations: number;
  readonly since: Milliseconds;
  readonly revokedAt: Milliseconds | null;
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
  const { kty, alg, use, n, e, x5c, x5t } = jwk;
  const kid = round === 0 ? jwk.kid : `${jwk.kid}.${round}`;
  // Asked for with every signature; what only the Management API shows is made when it is looked at.
  return {
    kid,
    get publicJwk() {
      return { kty, kid, alg, use, n, e, x5c: [...x5c], x5t };
    },
    get cert() {
      const lines = x5c[0].match(/.{1,64}/g) ?? [];
      return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
    },
    get thumbprint() {
      return [...base64url.decode(x5t)]
        .map((byte) => byte.toString(16).padStart(2, '0'))
        .join('')
        .toUpperCase();
    },
    ...halves,
  };
}

function importOnce(jwk: (typeof insecureDevelopmentKeys)[number]) {
  let privateKey: Promise<CryptoKey> | undefined;
  let publicKey: Promise<CryptoKey> | undefined;
  const { kty, alg, use, n, e } = jwk;
  const { x5c: _, ...privateJwk } = jwk;
  return {
    jwk,
    privateKey: () => (privateKey ??= importKey(privateJwk)),
    publicKey: () => (publicKey ??= importKey({ kty, alg, use, n, e })),
  };
}

type KeyHolder = Pick<TenantContext, 'keys' | 'state'>;

/** What the JWK Set shows, newest first: the key that signs, and those before it whose tokens are still good. */
export const publishedKeys = ({ keys, state }: KeyHolder): SigningKey[] =>
  state.signingKeys
    .filter(({ revokedAt }) => revokedAt === null)
    .map(({ rotations }) => keys(rotations))
    .reverse();

/** The key that signs now. */
export const currentKey = ({ keys, state }: KeyHolder): SigningKey =>
  keys(state.signingKeys.at(-1)?.rotations ?? 0);

/** Signs with a fresh key from now on. The two before it stay published, unless they were revoked. */
export function rotateSigningKey({ state: { signingKeys }, clock }: Pick<TenantContext, 'state' | 'clock'>) {
  const rotations = (signingKeys.at(-1)?.rotations ?? 0) + 1;
  signingKeys.push({ rotations, since: clock.now(), revokedAt: null });
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
    x5c: [
      'MIIDRDCCAiygAwIBAgIJQxVEsx5NDS4HMA0GCSqGSIb3DQEBCwUAMCoxKDAmBgNVBAMTH2xhdGNoa2V5LWluc2VjdXJlLWRldmVsb3BtZW50LTEwIBcNMjAwMTAxMDAwMDAwWhgPMjA5OTEyMzEwMDAwMDBaMCoxKDAmBgNVBAMTH2xhdGNoa2V5LWluc2VjdXJlLWRldmVsb3BtZW50LTEwggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQDK5bRJKXDllVsTfnL2YFMev+7Cnz59OsuZfE/gFoHMUTMb47807YyKTxmNcu42ATzbUHvLM+vg4zi6LHsjXyhKtn6QDtdThdRReZ1W0b6ZkdsVOvpgZ/HO8ilGGnc7nbyDqO3cCRG8sMJG4U/y5Jm1ZlWZKpXOCZhxFB4JD9WRNYyYTM/FBNv/6dFifvNYGN12KXHAT6hvjrMYG1tUR23/rQY8bxe/J4lwKBpzjN380qTLgCMMrw/6wwY3R8des8/9hoUMdITBsRNOiwQZuyakiQFUIRz7bQz441NwCiMt4TBPF6qriILVegZdjUu/MwEmDjwvIlG6M7/hCA6J+sPHAgMBAAGjazBpMAwGA1UdEwEB/wQCMAAwDgYDVR0PAQH/BAQDAgWgMB0GA1UdJQQWMBQGCCsGAQUFBwMBBggrBgEFBQcDAjAqBgNVHREEIzAhgh9sYXRjaGtleS1pbnNlY3VyZS1kZXZlbG9wbWVudC0xMA0GCSqGSIb3DQEBCwUAA4IBAQCzLgHt7tvO09JwTL/0u3UB2vUOjODegMtx+Zlm45sIk2eb1JALto1s6piYfaVvvaLM/UpxqMPvajv2HTXOOW9k13eYbr7jqf1U5UxZ72yY+kJGNwnQNd2TDfVTffcz+VHpHg8RypFiEwcMOaCdMYfgqJqO6wBu35t5SHNOproBNQ/B7qyWFbPV5Q+r4ppOI1UCvIPGZ0JUZyRzR/UmhRVW4eo6rpsMmeMd0h2Zl4Xdbt1nDHC7AFUDLskyeK2upbHkKRows2M5gIxy6ysulxAPzKglvgciCwZd58al8SrLWWWjF4ik2ljWSQ/n1NiTFuxqek5bLYX9/FxxUoQMLq/m',
    ],
    x5t: 'dAN7SMSIk8K1Brne2feK6eP-ycI',
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
    x5c: [
      'MIIDRDCCAiygAwIBAgIJO6iVkSAYAPPOMA0GCSqGSIb3DQEBCwUAMCoxKDAmBgNVBAMTH2xhdGNoa2V5LWluc2VjdXJlLWRldmVsb3BtZW50LTIwIBcNMjAwMTAxMDAwMDAwWhgPMjA5OTEyMzEwMDAwMDBaMCoxKDAmBgNVBAMTH2xhdGNoa2V5LWluc2VjdXJlLWRldmVsb3BtZW50LTIwggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQDFob4hh/gm0Vv2uYkjf/31eVJIQSFJiHOcZcHV3YzBHCvLGPZHsqrz/zTWY2FHkqCL7gOvpIVZAo2zcXsIEEsOjKUY2gbn1b1c8oj0lDiUnVITlt1n7nd52Y2TS3m1fRXwRudNyjhseRJNbPaZpP9+N0QTnFuaUZUDusu+vJSzROkDn//UG0JX/DqOwhrdtSd3W79o9NPozsvQtSCfNwcQ0zlJ461SdcNhHS4DG9p5V4e7uiaareQh52UXI304cxVi2AlL+d8de8RByHDwdB+4I8qQi1NbhIkHCsBsO+qvgrSQLPMbMtGTAMtABzLdOkUUNsniMHbaeY/uAm2NUB9FAgMBAAGjazBpMAwGA1UdEwEB/wQCMAAwDgYDVR0PAQH/BAQDAgWgMB0GA1UdJQQWMBQGCCsGAQUFBwMBBggrBgEFBQcDAjAqBgNVHREEIzAhgh9sYXRjaGtleS1pbnNlY3VyZS1kZXZlbG9wbWVudC0yMA0GCSqGSIb3DQEBCwUAA4IBAQBUocwqICdKbCtac0rxveDuJ8etPeX/5q2XWMIlYa6pj1bNYPTz5ADlq60QqtIRWiit1703NH1Zebpi58RzAoctNYf3kY6NOuz8xWS0dFqs890cEqnzliJ3D5YZqOocrYh8ZeI7QDT6ylX0uVzbhNusvDzVLUj62dEdapAL7QECM/PgNIpQ36fJrYYxmE11LZWoGKoJI16CLFbrIbnk+u2GpbyqKbk2vrQLP/72Cqc22dQ6s9JKrjVIOc3+FWCW+ifHqqB/6Q0aot6dRC3sL2/J6PZcdSe4hPpsyAe93bH8Ci8dqXr6xSkK2Aevjfye8OejxlhzrGt0Ejg5IrlxpyxC',
    ],
    x5t: 'fCX0saKoaY75llNHNCKh3Dz7MdY',
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
    x5c: [
      'MIIDRDCCAiygAwIBAgIJQe/FOTzGhvAPMA0GCSqGSIb3DQEBCwUAMCoxKDAmBgNVBAMTH2xhdGNoa2V5LWluc2VjdXJlLWRldmVsb3BtZW50LTMwIBcNMjAwMTAxMDAwMDAwWhgPMjA5OTEyMzEwMDAwMDBaMCoxKDAmBgNVBAMTH2xhdGNoa2V5LWluc2VjdXJlLWRldmVsb3BtZW50LTMwggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQCooFicDinytRoGn6OrNMPZWLp8EC9h/rS6BsOOJsBk0P8iVRg4bzC1V72pMFzbqXqEu/Yfx/tmnetBw0IIPl+qEDdXuSZR6torXgGZTCbsM93ueYQY5BHrt0X9WmQqTAR+tcNoCR20rRrq+zQXifuZCHGHNqGKuuCaJ5PGKgOBzZr5P7bC8rhwex2BDoVAiU0BRsZfmiuA0f8/vQxljc/XlZDEGh3Wo1JKGs4A81dBDxFeAa+IrxABRpsSu68eHaNQcDk+Qfelh1P0brnuc3Sbwpn26LE8R4XGC06WEg22Un+dePdpjE3kO1uzklZ0fRXB/Tb40acxbcBRd1i+/e8LAgMBAAGjazBpMAwGA1UdEwEB/wQCMAAwDgYDVR0PAQH/BAQDAgWgMB0GA1UdJQQWMBQGCCsGAQUFBwMBBggrBgEFBQcDAjAqBgNVHREEIzAhgh9sYXRjaGtleS1pbnNlY3VyZS1kZXZlbG9wbWVudC0zMA0GCSqGSIb3DQEBCwUAA4IBAQCIyePIIvVUFARO2+tnIY+2StT6fUjqsVvPKJ5qOmBeycqHOeSj43+wLKk3Z2LrETUBk+EoFjUelDvuBwQJgUeJfQA7JSUYCwaQUDL1P3E0zO/nkJ8KbvUwogCPHgT/90dphatrh5xQsxql8lQu/Mkz5G1OlOHycSRgYla441H/qKNLga02GSG/o9QyvRfV7Ukib1gwk7ULtuhkjezAOs+H2b/WEntMM/VoMYshdwm3ArQaHdKH220ZMhAPQLRowcN+MUuKyn2xMhMf7kKaHKhynt/Gv0fepOFcO+dWliFz61K59COK61jih3VITTPZXiWIRhkYcgDxvCgBjF9nrrVJ',
    ],
    x5t: 'c93PmprKwjQE8UOIOcRGpqTeePE',
    d: 'QAq13H7cm5sASWezx0AA6bjzCk8zT6pmhQgwmPpKs39Uhnt--V_xRc4O8AS4H4zcRTEFpshSyIRNZup7V5ooxvPlsOFWlmH1feb0AH6VgbupG_r2mmV0EOvIHxKHXDEGvADYN9jOeWINCRVikVYMQfCc_VdYPtH-n01MqEQolNEdkpeiy62iD6t4NYJvIUGiU-5bkJJCIco4B-iZKyFHIO_2t_5l449RNSeFVWSChRondU0KMcP0IBYzQ9GE-ZlWn0uH2_U02AgI9vDyvzz7XPm4QAk70LfeV26u0WchUS2QfKMJDUz54GQs5HMpr5jR3-5m-sFOqaDdb5w5frNBAQ',
    p: '1xtmn01HZvSLjjs9YX_nM8sjt2Ty3BspOWj1hvJrSumuv48oogHc7ss0Vn5tAXddn-jQhGqEzp4XWJ2vgnCc9IeOxHpnVRat3ChoMwGPglgRtiu3wgUNd1aBmffHMgGVkiS9oWLDUtLEXhBfVwBe3n0SgoAYXQLLzmVAStYwpEE',
    q: 'yK7fhBQ46GWEzMn_Fm0MH4f1mlWzUOs4UM_hvNQO-YALOwWeoHz8-ZLDjby4Z5XZOIYy4YdhtvKOxm_6qS32WAMC6ZcaK0cHXv_dNEAkXfOUCZBNlzcwW1XgPjvyAbzaslROaxuaJm_3FziFHSuPhhEt27qRKaaK_3lKhfMJ0Es',
    dp: 'RHKNpyc6D0LFnY6wK3Q9p7d-N_9BYFSsO35wkm5VQdM2LfJp5ZNeMAYtM1Crcwn-msHEiD404GJh32rdzE31Q8JW5aJleyfqTuH0tjZK6hkIGcWzhWOCM3UtbEbx9bGXXJegV9hLevFiVuQy0kZl6bo2x5vnJMGdBKInYSji9YE',
    dq: 'BHYmz_fnH_uJzUe8XRJFj7nlEu5O00C3esx0V09bmd5n4YMJeMXuldnWcSM98keZkbEiFnN9D6Uq2WyJ5RL5hBFlEi5izY2Bs3H6x_uZE2Gj6-aCYxc-AvnQx3FruvAo6IgJSkZN0gbxNlnyU6ixQyjEnTrzmTpzoqRerMWvdSs',
    qi: 'ZeHK_4RcMwFQS9Ae7a6RvsErIZArerYmNb99rybY2GLygFVqyg2N2P6k5yuXaA96WTNEBAxIXHKFVfR28QYHMhTQziznucZvcLyOjuON-fpC3phKnNlprZB23ao1xT15ttUL7-6_OhwDRsDgeydqColYNAxdo2xNpXOUUoghej4',
  },
] as const;
