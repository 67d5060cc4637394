/** What a user proves a second time with: an app's codes, a text or a mail, or the code that was written down. */
import type { Milliseconds } from '../clock.ts';
import { type TenantContext } from './context.ts';
import { forgetPast } from './forgetting.ts';
import { acceptableCodes, encodeBase32, type TimedCode } from './one-time-password.ts';
import type { Randomness } from './randomness.ts';
import { refuse, type Refusal } from './token-answer.ts';

/** By what a code reaches the user. */
export type OobChannel = 'sms' | 'email';

/** In Auth0's words. The `id` says of what kind it is, as at Auth0. */
export type Authenticator =
  | {
      readonly authenticator_type: 'otp';
      readonly id: string;
      /** Base32. */
      readonly secret: string;
      /** Of the latest code that was taken: neither it nor an older one is taken again (RFC 6238 §5.2). */
      readonly usedStep: number | null;
    }
  | {
      readonly authenticator_type: 'oob';
      readonly id: string;
      readonly oob_channel: OobChannel;
      /** A telephone number, or an e-mail address. */
      readonly name: string;
    }
  | { readonly authenticator_type: 'recovery-code'; readonly id: string; readonly recovery_code: string };

/** A message that a real tenant would have sent. */
export interface OutboxMessage {
  readonly kind: OobChannel;
  readonly to: string;
  readonly code: string;
  /** Brings the code back in a browser, where a link was asked for. */
  readonly link?: string;
  readonly at: Milliseconds;
}

/** What a client was handed with `mfa_required`, and what goes on once the second factor is given. */
export interface PendingSecondFactor {
  readonly clientId: string;
  readonly userId: string;
  readonly issuedAt: Milliseconds;
  readonly wrongTries: number;
  /** Not the user's before the first code is right. */
  readonly enrolling: readonly Authenticator[];
  readonly challenge: OobChallenge | null;
  readonly waiting:
    | { readonly kind: 'refresh'; readonly parameters: Readonly<Record<string, string>> }
    | { readonly kind: 'sign_in'; readonly signIn: SignIn };
}

/** A sign-in at the token endpoint, without a browser. */
export interface SignIn {
  readonly grantType: string;
  readonly scope: string;
  readonly audience: string | null;
  readonly fromBrowser: boolean;
  /** Thumbprint of the key that it began with; whoever goes on must prove the same. */
  readonly jkt: string | null;
}

/** A code that was sent and not yet typed in. */
export interface OobChallenge {
  readonly oobCode: string;
  readonly code: string;
  readonly authenticatorId: string;
}

/** What the user says to have, by the grant or the page that it came by. */
export type Proof =
  | { readonly kind: 'otp'; readonly otp: string }
  | { readonly kind: 'oob'; readonly oobCode: string; readonly code: string }
  | { readonly kind: 'recovery-code'; readonly recoveryCode: string };

export const multiFactor = 'http://schemas.openid.net/pape/policies/2007/06/multi-factor';
export const secondFactorLifetime: Milliseconds = 600_000;
/** With the tenth wrong code a sign-in or an `mfa_token` is dead. */
export const mostWrongTries = 10;
const keptMessages = 1000;

/** Of a user, those whose first code was right. */
export const authenticatorsOf = ({ state }: TenantContext, userId: string): readonly Authenticator[] =>
  state.authenticators.get(userId) ?? [];

/** What Auth0's MFA API calls the kind of an authenticator, and what `mfa_requirements` lists. */
export function factorType(authenticator: Authenticator): 'otp' | 'phone' | 'email' | 'recovery-code' {
  if (authenticator.authenticator_type !== 'oob') return authenticator.authenticator_type;
  return authenticator.oob_channel === 'sms' ? 'phone' : 'email';
}

export const newOtp = (
  random: Randomness,
  secret = encodeBase32(random.bytes(20)),
): Authenticator & { readonly authenticator_type: 'otp' } => ({
  authenticator_type: 'otp',
  id: `totp|dev_${random.text(12)}`,
  secret,
  usedStep: null,
});

export const newOob = (
  random: Randomness,
  oob_channel: OobChannel,
  name: string,
): Authenticator & { readonly authenticator_type: 'oob' } => ({
  authenticator_type: 'oob',
  id: `${oob_channel}|dev_${random.text(12)}`,
  oob_channel,
  name,
});

export const newRecoveryCode = (
  random: Randomness,
  recovery_code = encodeBase32(random.bytes(15)),
): Authenticator & { readonly authenticator_type: 'recovery-code' } => ({
  authenticator_type: 'recovery-code',
  id: `recovery-code|dev_${random.text(12)}`,
  recovery_code,
});

/** Where a page asks a user for the first of their second factors, or nothing where they have none. */
export function secondFactorPage(context: TenantContext, userId: string): string | undefined {
  const [first] = authenticatorsOf(context, userId);
  if (!first) return undefined;
  const kind = first.authenticator_type === 'oob' ? first.oob_channel : first.authenticator_type;
  return `/u/mfa-${kind}-challenge`;
}

/** Begins to wait for a second factor, and says so: what was asked for goes on by the grant that brings one; nothing is consumed. */
export function askForSecondFactor(
  context: TenantContext,
  begun: Pick<PendingSecondFactor, 'clientId' | 'userId' | 'waiting'>,
  details: Readonly<Record<string, unknown>> = {},
): Refusal {
  const now = context.clock.now();
  forgetPast(context, now);
  const mfa_token = context.random.text();
  const fresh = { issuedAt: now, wrongTries: 0, enrolling: [], challenge: null };
  context.state.mfaTokens.set(mfa_token, { ...begun, ...fresh });
  const types = new Set(authenticatorsOf(context, begun.userId).map(factorType));
  const list = (names: Iterable<string>) => Array.from(names, (type) => ({ type }));
  const mfa_requirements =
    types.size > 0 ? { challenge: list(types) } : { enroll: list(['otp', 'phone', 'email']) };
  const description = 'Multifactor authentication required';
  context.journal.write({
    type: 'mfar',
    description,
    client_id: begun.clientId,
    user_id: begun.userId,
    details,
    decision: 'ask for a second factor',
    reason:
      begun.waiting.kind === 'refresh'
        ? 'the exchange goes on when it is given; the token is not consumed'
        : 'the sign-in goes on when it is given',
  });
  return { ...refuse(403, 'mfa_required', description), more: { mfa_token, mfa_requirements } };
}

export const sixDigits = (random: Randomness): string =>
  String(parseInt(random.hex(8), 16) % 1_000_000).padStart(6, '0');

export function putInOutbox({ state, clock }: TenantContext, message: Omit<OutboxMessage, 'at'>): void {
  state.outbox.push({ ...message, at: clock.now() });
  state.outbox.splice(0, state.outbox.length - keptMessages);
}

/** Sends a code, to the outbox. */
export function sendCode(
  context: TenantContext,
  { id, oob_channel, name }: Authenticator & { readonly authenticator_type: 'oob' },
  from: { readonly clientId: string; readonly userId: string },
): OobChallenge {
  const { random, journal } = context;
  const code = sixDigits(random);
  putInOutbox(context, { kind: oob_channel, to: name, code });
  journal.write({
    type: oob_channel === 'sms' ? 'gd_send_sms' : 'gd_send_email',
    description: 'A code was sent',
    client_id: from.clientId,
    user_id: from.userId,
    details: { authenticator: id },
    decision: 'send a code',
    reason: 'it is in the outbox; nothing leaves the tenant',
  });
  return { oobCode: random.text(), code, authenticatorId: id };
}

/**
 * The codes that the apps of a user may show now. They take time to compute, so they are had before anything is decided;
 * `judgeProof` does not wait.
 */
export async function codesNow(
  authenticators: readonly Authenticator[],
  now: Milliseconds,
): Promise<ReadonlyMap<string, readonly TimedCode[]>> {
  const codes = authenticators.map(async (held) =>
    held.authenticator_type === 'otp' ? ([[held.id, await acceptableCodes(held.secret, now)]] as const) : [],
  );
  return new Map((await Promise.all(codes)).flat());
}

/** The authenticator that a proof is good for, as it is afterwards, or nothing. A code that was taken is not taken again. */
export function judgeProof(
  { random }: TenantContext,
  authenticators: readonly Authenticator[],
  proof: Proof,
  known: {
    readonly codes: ReadonlyMap<string, readonly TimedCode[]>;
    readonly challenge: OobChallenge | null;
  },
): Authenticator | undefined {
  for (const held of authenticators) {
    if (held.authenticator_type === 'otp' && proof.kind === 'otp') {
      const codes = known.codes.get(held.id) ?? [];
      const fitting = codes.find(({ code }) => code === proof.otp);
      // A step later than all of them was used before the clock was turned back, and would lock the user out till then.
      const used = codes.some(({ step }) => step >= (held.usedStep ?? Infinity)) ? held.usedStep : null;
      if (fitting && fitting.step > (used ?? -Infinity)) return { ...held, usedStep: fitting.step };
    }
    const { challenge } = known;
    if (held.authenticator_type === 'oob' && proof.kind === 'oob' && challenge?.authenticatorId === held.id)
      if (challenge.oobCode === proof.oobCode && challenge.code === proof.code) return held;
    if (held.authenticator_type === 'recovery-code' && proof.kind === 'recovery-code')
      if (held.recovery_code === proof.recoveryCode) return { ...newRecoveryCode(random), id: held.id };
  }
  return undefined;
}

/** Keeps an authenticator as it is now, among those of the user. */
export function keepAuthenticator(context: TenantContext, userId: string, changed: Authenticator): void {
  const others = authenticatorsOf(context, userId);
  const isKnown = others.some(({ id }) => id === changed.id);
  context.state.authenticators.set(
    userId,
    isKnown ? others.map((held) => (held.id === changed.id ? changed : held)) : [...others, changed],
  );
}
