/**
 * DPoP (RFC 9449): a proof, signed anew for every request, that the sender holds the key that a token is bound to. Nothing
 * is consumed before the proof is good.
 */
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify, type JWTVerifyResult } from 'jose';
import type { Context } from 'hono';
import type { Milliseconds } from '../clock.ts';
import { encodeBase64url } from '../oauth/base64url.ts';
import type { Client, ProofOfPossession } from './configuration.ts';
import type { TenantContext } from './context.ts';
import { forgetPast } from './forgetting.ts';
import { refuse, type Refusal } from './token-answer.ts';

/** A value that a proof must repeat, so that it cannot have been made long before it is used (RFC 9449 §8). */
export interface DpopNonce {
  readonly value: string;
  readonly issuedAt: Milliseconds;
}

/** Auth0's list, and ours. */
export const dpopAlgorithms = ['ES256'];

/** A fresh nonce is given out so long; the one before it is accepted for as long again. */
const nonceLifetime: Milliseconds = 300_000;

/** How old a proof may be, and how far ahead of the tenant's clock its maker's may be. */
const oldest: Milliseconds = 60_000;
const furthestAhead: Milliseconds = 5_000;

/** `jkt`: the SHA-256 thumbprint of the proof's key (RFC 7638), or `null` where no proof came. */
export type ProofJudgement = { readonly kind: 'judged'; readonly jkt: string | null } | ProofRefusal;

export interface ProofRefusal extends Refusal {
  /** In plain words, for the journal. */
  readonly reason: string;
}

/**
 * Judges the request's `DPoP` header (RFC 9449 §4.3), if there is one, and lets the answer carry the nonce for the next
 * proof; an answer to a client that sent no proof has none, because some take it for an error.
 * @param accessToken at a resource, the token that the proof must name by its hash
 */
export async function judgeDpopProof(
  context: TenantContext,
  c: Context,
  { client, accessToken }: { client: Client | undefined; accessToken?: string },
): Promise<ProofJudgement> {
  const proof = c.req.header('dpop');
  if (proof === undefined) return { kind: 'judged', jkt: null };
  const judgement = await judge(context, c, { proof, client, accessToken });
  c.header('DPoP-Nonce', currentNonce(context));
  return judgement;
}

async function judge(
  context: TenantContext,
  c: Context,
  {
    proof,
    client,
    accessToken,
  }: { proof: string; client: Client | undefined; accessToken?: string | undefined },
): Promise<ProofJudgement> {
  const { state, clock, configuration } = context;
  let verified: JWTVerifyResult;
  let jkt: string;
  let ath: string | undefined;
  try {
    // Its times are judged below: jose knows no window that reaches further back than ahead.
    verified = await jwtVerify(proof, EmbeddedJWK, {
      algorithms: dpopAlgorithms,
      typ: 'dpop+jwt',
      currentDate: new Date(clock.now()),
    });
    jkt = await calculateJwkThumbprint(verified.protectedHeader.jwk ?? {});
    ath = accessToken === undefined ? undefined : await hashOf(accessToken);
  } catch {
    return badProof('the DPoP header is no JWT of type dpop+jwt that the ES256 key in it has signed');
  }
  const { jti, htm, htu, iat, nonce, ath: named } = verified.payload;
  const now = clock.now();
  if (typeof jti !== 'string' || jti === '') return badProof('the proof has no jti');
  if (htm !== c.req.method) return badProof(`the proof is for another method than ${c.req.method}`);
  if (typeof htu !== 'string' || addressOf(htu) !== addressOf(configuration.baseUrl + c.req.path))
    return badProof(`the proof is for another address than ${configuration.baseUrl}${c.req.path}`);
  if (typeof iat !== 'number' || iat * 1000 < now - oldest || iat * 1000 > now + furthestAhead)
    return badProof('the proof is older than a minute, or from the future');
  if (named !== ath) return badProof('the proof is not for this access token');
  if (nonce === undefined ? isPublic(client) : !isKnownNonce(context, nonce))
    return {
      ...refuse(400, 'use_dpop_nonce', 'Authorization server requires nonce in DPoP proof'),
      reason:
        nonce === undefined
          ? 'a public client’s proof needs a nonce'
          : 'the nonce of the proof is not, or no longer, good',
    };

  forgetPast(context, now);
  const name = `${jkt} ${jti}`;
  if (now <= (state.dpopProofs.get(name) ?? -Infinity)) return badProof('the proof was used before');
  state.dpopProofs.set(name, iat * 1000 + oldest);
  return { kind: 'judged', jkt };
}

const isPublic = (client: Client | undefined): boolean => client?.token_endpoint_auth_method === 'none';

const badProof = (reason: string): ProofRefusal => ({
  ...refuse(400, 'invalid_dpop_proof', 'Invalid DPoP proof'),
  reason,
});

/** Query and fragment do not count (RFC 9449 §4.3), and the URL parser evens out case and default ports. */
function addressOf(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

async function hashOf(accessToken: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(accessToken));
  return encodeBase64url(new Uint8Array(hash));
}

/** The newest nonce, a fresh one where that is no longer new. */
function currentNonce({ state: { dpopNonces }, clock, random }: TenantContext): string {
  const now = clock.now();
  const newest = dpopNonces.at(-1);
  if (newest && isWithin(nonceLifetime, newest, now)) return newest.value;
  const fresh = { value: random.text(), issuedAt: now };
  dpopNonces.splice(0, dpopNonces.length, ...dpopNonces.slice(-1), fresh);
  return fresh.value;
}

const isKnownNonce = ({ state: { dpopNonces }, clock }: TenantContext, nonce: unknown): boolean =>
  dpopNonces.some((known) => known.value === nonce && isWithin(2 * nonceLifetime, known, clock.now()));

const isWithin = (lifetime: Milliseconds, { issuedAt }: DpopNonce, now: Milliseconds): boolean =>
  now - issuedAt >= 0 && now - issuedAt < lifetime;

/** Every nonce that was given out is worth nothing from now on. */
export function forgetNonces({ state: { dpopNonces } }: Pick<TenantContext, 'state'>): void {
  dpopNonces.length = 0;
}

/** What an access token for an audience is to be bound to: a key's thumbprint, or `null` for a bearer token. */
export type Binding = { readonly kind: 'binding'; readonly jkt: string | null } | ProofRefusal;

type Policy = Pick<ProofOfPossession, 'required' | 'required_for'>;

/** What client and API ask for, and what came. A proof that the API has no use for is passed over. */
export function bindingFor(
  { state }: TenantContext,
  client: Client,
  audience: string | null,
  jkt: string | null,
): Binding {
  const api = state.resourceServers.get(audience ?? '');
  const policy: Policy | null = audience === null ? { required: false } : (api?.proof_of_possession ?? null);
  if (!policy) {
    if (!client.require_proof_of_possession) return { kind: 'binding', jkt: null };
    return {
      ...refuse(400, 'invalid_request', 'The API does not allow DPoP, which the client requires'),
      reason: 'the client takes bound tokens alone, and the API takes none; nothing is consumed',
    };
  }
  const isRequired = policy.required && (policy.required_for !== 'public_clients' || isPublic(client));
  if (jkt !== null || !(isRequired || client.require_proof_of_possession)) return { kind: 'binding', jkt };
  return {
    ...refuse(400, 'invalid_dpop_proof', 'A DPoP proof is required'),
    reason: `the ${isRequired ? 'API' : 'client'} takes bound tokens alone, and no proof came; nothing is consumed`,
  };
}

/** Whether the key is the one that a code or a refresh token is bound to. */
export function judgeKey(bound: string | null, jkt: string | null): ProofRefusal | undefined {
  if (bound === null || bound === jkt) return undefined;
  return badProof(
    jkt === null
      ? 'it is bound to a key, and no proof of that key came; nothing is consumed'
      : 'it is bound to another key than the proof’s; nothing is consumed',
  );
}
