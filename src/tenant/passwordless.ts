/** Signing in by a code that was sent to an e-mail address or a telephone, without a password (Auth0's passwordless connections). */
import type { Milliseconds } from '../clock.ts';
import { putInOutbox, sixDigits, type OobChannel } from './authenticators.ts';
import { readProfile, type User } from './configuration.ts';
import { userByEmail, type TenantContext } from './context.ts';
import { forgetPast } from './forgetting.ts';

/** Where a code was sent to: by Auth0's name of the connection, and the e-mail address or the telephone number. */
export interface Address {
  readonly connection: OobChannel;
  readonly address: string;
}

/** A code that was sent and not yet typed in. A later one to the same address takes its place. */
export interface PasswordlessCode {
  readonly code: string;
  readonly clientId: string;
  readonly sentAt: Milliseconds;
  readonly wrongTries: number;
  /** Of the user that is made when the code comes back, if there is none by then; without the connection. */
  readonly id: string;
}

/** Auth0's. */
export const passwordlessLifetime: Milliseconds = 180_000;
const mostWrongTries = 3;

/** The address as accounts are compared by it, or nothing where it is none. A telephone number has its country's (E.164). */
export function readAddress(connection: OobChannel, text: string): Address | undefined {
  const address = text.trim().toLowerCase();
  const pattern = connection === 'email' ? /^[^\s@]+@[^\s@]+$/ : /^\+[1-9]\d{6,14}$/;
  return pattern.test(address) ? { connection, address } : undefined;
}

const keyOf = ({ connection, address }: Address): string => `${connection} ${address}`;

/** Whoever has the address by now. */
export const userByAddress = (context: TenantContext, { connection, address }: Address): User | undefined =>
  connection === 'email'
    ? userByEmail(context, address)
    : [...context.state.users.values()].find(({ phone_number }) => phone_number === address);

/** Sends a code, to the outbox. @param linkFor how a link looks that brings the code back */
export function sendPasswordlessCode(
  context: TenantContext,
  clientId: string,
  to: Address,
  linkFor?: (code: string) => string,
): PasswordlessCode {
  const { state, clock, random, journal } = context;
  const now = clock.now();
  forgetPast(context, now);
  const code = sixDigits(random);
  const sent = { code, clientId, sentAt: now, wrongTries: 0, id: random.hex(24) };
  state.passwordlessCodes.set(keyOf(to), sent);
  const link = linkFor?.(code);
  putInOutbox(context, { kind: to.connection, to: to.address, code, ...(link !== undefined && { link }) });
  journal.write({
    type: link === undefined ? 'cs' : 'cls',
    description: `A ${link === undefined ? 'code' : 'link'} to sign in with was sent`,
    client_id: clientId,
    details: { connection: to.connection },
    decision: 'send a code',
    reason: 'it is in the outbox; nothing leaves the tenant',
  });
  return sent;
}

export type CodeJudgement =
  { readonly kind: 'right'; readonly user: User } | { readonly kind: 'wrong'; readonly reason: string };

/**
 * A right code is used up, and its user made where the address is new; a wrong one counts. Nothing waits, so that no code is
 * taken twice.
 */
export function takePasswordlessCode(
  context: TenantContext,
  clientId: string,
  to: Address,
  code: string,
): CodeJudgement {
  const { passwordlessCodes } = context.state;
  const sent = passwordlessCodes.get(keyOf(to));
  if (!sent || sent.clientId !== clientId)
    return { kind: 'wrong', reason: 'no code was sent there for this client, or it was used' };
  if (context.clock.now() >= sent.sentAt + passwordlessLifetime)
    return { kind: 'wrong', reason: 'the code is older than three minutes' };
  if (sent.code !== code) {
    const wrongTries = sent.wrongTries + 1;
    const isDead = wrongTries >= mostWrongTries;
    if (isDead) passwordlessCodes.delete(keyOf(to));
    else passwordlessCodes.set(keyOf(to), { ...sent, wrongTries });
    return {
      kind: 'wrong',
      reason: isDead ? `the code was wrong ${mostWrongTries} times: it is dead` : 'the code is wrong',
    };
  }
  passwordlessCodes.delete(keyOf(to));
  const { connection } = to;
  const known = userByAddress(context, to) ?? newUser(context, clientId, to, sent.id);
  const user = { ...known, [connection === 'email' ? 'email_verified' : 'phone_number_verified']: true };
  context.state.users.set(user.user_id, user);
  return { kind: 'right', user };
}

function newUser(
  context: TenantContext,
  clientId: string,
  { connection, address }: Address,
  id: string,
): User {
  const user_id = `${connection}|${id}`;
  const name = connection === 'email' ? 'email' : 'phone_number';
  const account = { user_id, [name]: address, password: null };
  context.journal.write({
    type: 'ss',
    description: 'Signed up',
    client_id: clientId,
    user_id,
    decision: 'make an account',
    reason: 'nobody had the address that the code was sent to',
  });
  return readProfile('user', account, context.random, context.clock.now(), connection);
}
