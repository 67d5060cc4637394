/**
 * `/mfa/…`: Auth0's MFA API, for whoever holds an `mfa_token`. It proves no second factor, so that it can neither add an
 * authenticator beside others nor take one away that is the user's.
 */
import type { Context } from 'hono';
import {
  authenticatorsOf,
  factorType,
  newOob,
  newOtp,
  newRecoveryCode,
  sendCode,
  type Authenticator,
  type PendingSecondFactor,
} from '../authenticators.ts';
import { authenticateClient } from '../client-authentication.ts';
import type { TenantContext } from '../context.ts';
import { refuseForeignOrigin } from '../cors.ts';
import { findPending } from '../grants/second-factor.ts';
import type { JournalCode } from '../journal.ts';
import { contentTypeOf, readBodyParameters, readJsonObject } from '../parameters.ts';
import { missingParameter, refuse, respond, type Refusal } from '../token-answer.ts';

/** `POST /mfa/challenge`: chooses how the second factor is given; a code is sent where one is to be. */
export async function challenge(context: TenantContext, c: Context): Promise<Response> {
  c.header('Cache-Control', 'no-store');
  const parameters = await readBodyParameters(c.req.raw);
  if (!parameters || parameters.repeated !== undefined)
    return respond(c, refuse(400, 'invalid_request', 'The body must be a form or a JSON object of texts'));
  const authentication = authenticateClient(
    context.state.clients,
    parameters,
    c.req.header('authorization') ?? null,
  );
  if (authentication.kind === 'refused') return respond(c, authentication);
  if (authentication.kind === 'failed') return respond(c, refuse(401, 'access_denied', 'Unauthorized'));
  const { client } = authentication;
  const foreign = refuseForeignOrigin(context, c, client);
  if (foreign) return foreign;
  const mfaToken = parameters.get('mfa_token');
  if (mfaToken === undefined) return respond(c, missingParameter('mfa_token'));
  const pending = findPending(context, mfaToken, client.client_id);
  if ('error' in pending) return respond(c, pending);

  const chosen = choose(
    authenticatorsOf(context, pending.userId),
    (parameters.get('challenge_type') ?? 'otp oob').split(' '),
    parameters.get('authenticator_id'),
  );
  if ('error' in chosen) return respond(c, chosen);
  write(context, pending, 'gd_start_auth', {
    authenticator: chosen.id,
    decision: 'wait for a code',
    reason: 'the client asked for this challenge',
  });
  if (chosen.authenticator_type !== 'oob') return c.json({ challenge_type: 'otp' });
  const sent = sendCode(context, chosen, pending);
  context.state.mfaTokens.set(mfaToken, { ...pending, challenge: sent });
  return c.json({ challenge_type: 'oob', oob_code: sent.oobCode, binding_method: 'prompt' });
}

/** The first of the user's authenticators that fits. */
function choose(
  held: readonly Authenticator[],
  types: readonly string[],
  id: string | undefined,
): (Authenticator & { readonly authenticator_type: 'otp' | 'oob' }) | Refusal {
  if (held.length === 0)
    return refuse(403, 'association_required', 'The user has no authenticator; /mfa/associate begins one');
  const known = held.filter((candidate) => id === undefined || candidate.id === id);
  if (known.length === 0)
    return refuse(400, 'invalid_request', 'The user has no authenticator of that authenticator_id');
  for (const candidate of known)
    if (candidate.authenticator_type !== 'recovery-code' && types.includes(candidate.authenticator_type))
      return candidate;
  return refuse(400, 'unsupported_challenge_type', 'The user has no authenticator of that challenge_type');
}

/** `GET /mfa/authenticators`. Never a secret. */
export function listAuthenticators(context: TenantContext, c: Context): Response {
  c.header('Cache-Control', 'no-store');
  const bearer = readBearer(context, c);
  if (bearer instanceof Response) return bearer;
  const { userId, enrolling } = bearer.pending;
  const view = (held: Authenticator, active: boolean) => ({
    id: held.id,
    authenticator_type: held.authenticator_type,
    active,
    type: factorType(held),
    ...(held.authenticator_type === 'oob' && { oob_channel: held.oob_channel, name: masked(held.name) }),
  });
  const held = authenticatorsOf(context, userId);
  return c.json(
    held.length > 0 ? held.map((each) => view(each, true)) : enrolling.map((each) => view(each, false)),
  );
}

/** The user knows their own number by its end, and whoever else holds the token need not learn it. */
const masked = (name: string): string => name.slice(0, -4).replaceAll(/[^@]/g, 'X') + name.slice(-4);

/** `POST /mfa/associate`: begins an enrolment, which the first right code completes. A recovery code comes with it. */
export async function associate(context: TenantContext, c: Context): Promise<Response> {
  c.header('Cache-Control', 'no-store');
  const body =
    contentTypeOf(c.req.raw) === 'application/json' ? readJsonObject(await c.req.text()) : undefined;
  const bearer = readBearer(context, c); // after the body has come in: meanwhile the token may have gone
  if (bearer instanceof Response) return bearer;
  const { mfaToken, pending } = bearer;
  if (authenticatorsOf(context, pending.userId).length > 0)
    return respond(c, refuse(403, 'access_denied', 'User is already enrolled'));
  const begun = body && beginEnrolment(context, body, pending);
  if (!begun)
    return respond(
      c,
      refuse(
        400,
        'invalid_request',
        'The body must be JSON: authenticator_types ["otp"], or ["oob"] with oob_channels ["sms"] and a phone_number, or ["email"]',
      ),
    );
  const recovery = newRecoveryCode(context.random);
  write(context, pending, 'gd_start_enroll', {
    authenticator: begun.id,
    decision: 'begin an enrolment',
    reason: 'the user had no authenticator',
  });
  const sent = begun.authenticator_type === 'oob' ? sendCode(context, begun, pending) : null;
  const enrolling = [begun, recovery];
  context.state.mfaTokens.set(mfaToken, { ...pending, enrolling, challenge: sent });
  const { id, authenticator_type } = begun;
  const recovery_codes = [recovery.recovery_code];
  if (begun.authenticator_type === 'otp') {
    const barcode_uri = barcodeOf(context, pending.userId, begun.secret);
    return c.json({ authenticator_type, id, secret: begun.secret, barcode_uri, recovery_codes });
  }
  const { oob_channel } = begun;
  return c.json({
    authenticator_type,
    id,
    oob_channel,
    oob_code: sent?.oobCode,
    binding_method: 'prompt',
    recovery_codes,
  });
}

/** What the body asks for, or nothing where it asks for nothing that there is. */
function beginEnrolment(
  { random, state }: TenantContext,
  { authenticator_types, oob_channels, phone_number, email }: Record<string, unknown>,
  { userId }: PendingSecondFactor,
): (Authenticator & { readonly authenticator_type: 'otp' | 'oob' }) | undefined {
  const first = (list: unknown): unknown => (Array.isArray(list) ? list[0] : undefined);
  const type = first(authenticator_types);
  if (type === 'otp') return newOtp(random);
  if (type !== 'oob') return undefined;
  const channel = first(oob_channels);
  const ownEmail = state.users.get(userId)?.email;
  const to = channel === 'sms' ? phone_number : (email ?? ownEmail);
  if ((channel !== 'sms' && channel !== 'email') || typeof to !== 'string' || to === '') return undefined;
  return newOob(random, channel, to);
}

/** What an authenticator app reads from a QR code (the Key URI format). */
function barcodeOf({ state, configuration }: TenantContext, userId: string, secret: string): string {
  const name = state.settings[0].friendly_name ?? new URL(configuration.baseUrl).hostname;
  const issuer = name.replaceAll(':', ' '); // a colon would end it
  const account = state.users.get(userId)?.email ?? userId;
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(account)}`;
  const parameters = { secret, issuer, algorithm: 'SHA1', digits: '6', period: '30' };
  return `otpauth://totp/${label}?${new URLSearchParams(parameters).toString().replaceAll('+', '%20')}`;
}

/** `DELETE /mfa/authenticators/:id`: ends an enrolment that is not complete. */
export function deleteAuthenticator(context: TenantContext, c: Context): Response {
  c.header('Cache-Control', 'no-store');
  const bearer = readBearer(context, c);
  if (bearer instanceof Response) return bearer;
  const { mfaToken, pending } = bearer;
  const id = c.req.param('id') ?? '';
  if (authenticatorsOf(context, pending.userId).some((held) => held.id === id))
    return respond(
      c,
      refuse(403, 'access_denied', 'An mfa_token proves no second factor, and takes none away'),
    );
  if (!pending.enrolling.some((held) => held.id === id))
    return c.json({ error: 'not_found', error_description: 'The user has no such authenticator' }, 404);
  context.state.mfaTokens.set(mfaToken, { ...pending, enrolling: [], challenge: null });
  write(context, pending, 'gd_unenroll', {
    authenticator: id,
    decision: 'forget the enrolment',
    reason: 'it was not complete',
  });
  return c.body(null, 204);
}

/** The `mfa_token` of the `Authorization` header, and what waits under it; or the refusal. */
function readBearer(
  context: TenantContext,
  c: Context,
): { readonly mfaToken: string; readonly pending: PendingSecondFactor } | Response {
  const [, mfaToken = ''] = /^Bearer ([^\s]+)$/i.exec(c.req.header('authorization') ?? '') ?? [];
  const pending = findPending(context, mfaToken);
  if ('error' in pending) return respond(c, { ...pending, status: 401 });
  const client = context.state.clients.get(pending.clientId);
  if (!client) return respond(c, refuse(401, 'access_denied', 'Unauthorized'));
  return refuseForeignOrigin(context, c, client) ?? { mfaToken, pending };
}

function write(
  { journal }: TenantContext,
  { clientId, userId }: PendingSecondFactor,
  type: JournalCode,
  what: { readonly authenticator: string; readonly decision: string; readonly reason: string },
): void {
  const { authenticator, ...words } = what;
  journal.write({ type, client_id: clientId, user_id: userId, details: { authenticator }, ...words });
}
