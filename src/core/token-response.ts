/** Judges what the token endpoint answered (RFC 6749 §5). Pure: the same answer always means the same. */
import { toSeconds, type Milliseconds } from '../clock.ts';
import { GenericError, MfaRequiredError, type MfaRequirements } from '../errors.ts';
import { parseJsonObject } from '../oauth/json.ts';
import type { TokenResponse } from '../oauth/token-endpoint.ts';
import { scopeIncludes } from '../oauth/scope.ts';
import { isFresh, type Token, type TokensEntry } from './cache.ts';
import { isSameIdentity, type Identity } from './session.ts';

export type TokenJudgement =
  /** Tokens; the refresh token that was sent, if any, is spent. */
  | { readonly kind: 'tokens'; readonly response: TokenResponse }
  /** `invalid_grant`: the code or refresh token that was sent is good for nothing any more. */
  | { readonly kind: 'refused'; readonly error: GenericError }
  /**
   * The server said no for another reason, or something before it did that speaks no OAuth, such as a captive portal;
   * what was sent is as good as before.
   */
  | {
      readonly kind: 'declined';
      readonly error: GenericError;
      readonly retryAfter?: Milliseconds | undefined;
    }
  /** Nobody can say whether the server acted: a 5xx, or an answer that cannot be read; `cause`: what the platform threw instead. */
  | {
      readonly kind: 'unclear';
      readonly status: number;
      readonly cause?: unknown;
      readonly retryAfter?: Milliseconds | undefined;
    };

type Sent = Readonly<Record<string, string | undefined>>;

/** What the server says of when to come again; see `HttpAnswer`. */
interface Advice {
  readonly status: number;
  readonly retryAfter?: string | undefined;
  readonly rateLimitReset?: string | undefined;
}

/**
 * @param sent What a server may echo, and no message may hold.
 * @param now By which clock an instant is so far away that a server names.
 */
export function judgeTokenAnswer(
  answer: Advice & { readonly body: string },
  sent: Sent = {},
  now: Milliseconds = 0,
): TokenJudgement {
  const judgement = judge(answer, sent);
  return judgement.kind === 'declined' || judgement.kind === 'unclear'
    ? { ...judgement, retryAfter: waitAskedFor(answer, now) }
    : judgement;
}

/** A server may ask to be left alone for so long, and no longer. */
const longestWait: Milliseconds = 600_000;

/**
 * How long the server asks to be left alone, ten minutes at the most; `undefined`: it does not. By `Retry-After`, in seconds or as a
 * date (RFC 9110 §10.2.3), else, where there were too many requests, by Auth0's `X-RateLimit-Reset`. An instant that is further away
 * is not believed: it tells of a clock that is wrong, here or there.
 */
export function waitAskedFor(
  { status, retryAfter = '', rateLimitReset = '' }: Advice,
  now: Milliseconds,
): Milliseconds | undefined {
  if (/^\d+$/.test(retryAfter)) return Math.min(1000 * Number(retryAfter), longestWait) || undefined;
  const date = Date.parse(`${retryAfter.replace(/ GMT$/, '')} GMT`); // of its three formats one goes without
  const wait = (status === 429 && Number.isNaN(date) ? 1000 * Number(rateLimitReset) : date) - now;
  return wait > 0 && wait <= longestWait ? wait : undefined;
}

function judge({ status, body }: { status: number; body: string }, sent: Sent): TokenJudgement {
  const payload = parseJsonObject(body);
  if (status >= 200 && status < 300) {
    const response = payload && readTokenResponse(payload);
    return response ? { kind: 'tokens', response } : { kind: 'unclear', status };
  }
  if (status >= 500 || payload === undefined || typeof payload.error !== 'string') {
    return status >= 400 && status < 500
      ? {
          kind: 'declined',
          error: new GenericError('request_error', `HTTP error ${status}`, { retryable: true }),
        }
      : { kind: 'unclear', status, cause: saidBy(payload, sent) };
  }
  const { mfa_token, mfa_requirements } = payload;
  const description = descriptionIn(payload, sent);
  if (payload.error === 'mfa_required') {
    const requirements = Object(mfa_requirements) as MfaRequirements; // as the tenant says it, or nothing
    const error = new MfaRequiredError(payload.error, description, text(mfa_token) ?? '', requirements);
    return { kind: 'declined', error };
  }
  return payload.error === 'invalid_grant'
    ? { kind: 'refused', error: new GenericError(payload.error, description, { requiresLogin: true }) }
    : {
        kind: 'declined',
        error: new GenericError(payload.error, description, {
          retryable: status === 408 || status === 429,
          // What was sent is bound to another key than this browser has by now (RFC 9449 §5): a login binds anew.
          requiresLogin: payload.error === 'invalid_dpop_proof',
        }),
      };
}

/** What a server that failed says of it. */
const saidBy = (payload: Record<string, unknown> | undefined, sent: Sent): GenericError | undefined =>
  payload && text(payload.error) !== undefined
    ? new GenericError(String(payload.error), descriptionIn(payload, sent))
    : undefined;

/** Without what was sent, of which a text of a few letters is no secret, and may be part of any word. */
function descriptionIn(payload: Record<string, unknown>, sent: Sent): string {
  const { refresh_token, code, code_verifier, subject_token, actor_token } = sent;
  const secrets = [refresh_token, code, code_verifier, subject_token, actor_token, text(payload.mfa_token)];
  return secrets.reduce(
    (told: string, secret = '') => (secret.length < 4 ? told : told.replaceAll(secret, '…')),
    text(payload.error_description) ?? String(payload.error),
  );
}

/** The token as the cache keeps it. Its life is counted from `askedAt`, before the request: never too long. */
export const tokenOf = (response: TokenResponse, requestedScope: string, askedAt: Milliseconds): Token => ({
  access_token: response.access_token,
  token_type: response.token_type,
  scope: response.scope ?? requestedScope,
  requestedScope,
  expires_at: toSeconds(askedAt) + (response.expires_in ?? 0),
  lifetime: response.expires_in,
});

/** The entry with `token` first, and without those that it replaces: its own scope's, narrower ones, expired ones. */
export function withToken(
  entry: TokensEntry | undefined,
  { sub, org_id }: Identity,
  token: Token,
  now: Milliseconds,
): TokensEntry {
  const others = entry && isSameIdentity({ sub, org_id }, entry) ? entry.tokens : [];
  return {
    sub,
    org_id,
    tokens: [
      token,
      ...others.filter(
        (other) => isFresh(other, now, 0) && !scopeIncludes(token.requestedScope, other.requestedScope),
      ),
    ],
  };
}

function readTokenResponse(payload: Record<string, unknown>): TokenResponse | undefined {
  const access_token = text(payload.access_token);
  if (access_token === undefined) return undefined;
  const lifetime = Number(payload.expires_in); // some servers send it as text
  return {
    access_token,
    token_type: text(payload.token_type) ?? 'Bearer',
    expires_in: Number.isFinite(lifetime) ? lifetime : undefined,
    scope: text(payload.scope),
    id_token: text(payload.id_token),
    refresh_token: text(payload.refresh_token),
  };
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;
