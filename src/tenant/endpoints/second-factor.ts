/** `/u/mfa-…-challenge`: where a person who signs in gives a second factor. */
import type { Context } from 'hono';
import {
  authenticatorsOf,
  codesNow,
  judgeProof,
  keepAuthenticator,
  mostWrongTries,
  secondFactorPage as addressOfPage,
  sendCode,
  type Authenticator,
  type Proof,
} from '../authenticators.ts';
import type { TenantContext } from '../context.ts';
import { currentSession, noteSecondFactor, rememberBrowser, type LoginSession } from '../login-session.ts';
import type { LoginTransaction } from '../login-transaction.ts';
import { respondWithPage } from '../pages/layout.ts';
import { newRecoveryCodePage, secondFactorPage } from '../pages/second-factor-page.ts';
import { readPageForm } from '../parameters.ts';
import { currentTransaction, respondWithLostTransaction, resumeAddress } from './authorize.ts';

interface Question {
  readonly state: string;
  readonly transaction: LoginTransaction;
  readonly session: LoginSession;
  readonly authenticator: Authenticator;
}

/** GET: asks. A message is sent once for a sign-in, however often the page is looked at. */
export async function showSecondFactor(context: TenantContext, c: Context): Promise<Response> {
  const asked = currentQuestion(context, c);
  if (!asked) return respondWithLostTransaction(context, c);
  const { state, transaction, session, authenticator } = asked;
  // Of whoever signed in before at the same page is no challenge for this one.
  const isSent = transaction.challenge?.authenticatorId === authenticator.id;
  if (authenticator.authenticator_type === 'oob' && !isSent) {
    const challenge = sendCode(context, authenticator, {
      clientId: transaction.request.clientId,
      userId: session.userId,
    });
    context.state.transactions.set(state, { ...transaction, challenge });
  }
  return respondWithForm(context, c, asked, null);
}

/** POST: judges the code. */
export async function submitSecondFactor(context: TenantContext, c: Context): Promise<Response> {
  const form = await readPageForm(c.req.raw);
  const before = currentQuestion(context, c);
  if (!before) return respondWithLostTransaction(context, c);
  const codes = await codesNow([before.authenticator], context.clock.now());

  const asked = currentQuestion(context, c); // again: while the body came in and the codes were computed, it may have ended
  if (!asked || form?.get('csrf') !== asked.transaction.csrf) return respondWithLostTransaction(context, c);
  const { state, transaction, session, authenticator } = asked;
  const { challenge } = transaction;
  const code = form.get('code')?.trim() ?? '';
  const proof = proofBy(authenticator, code, challenge?.oobCode ?? '');
  const proved = judgeProof(context, [authenticator], proof, { codes, challenge });
  context.journal.write({
    type: proved ? 'gd_auth_succeed' : 'gd_auth_failed',
    description: proved ? 'The second factor was given' : 'Wrong code',
    client_id: transaction.request.clientId,
    user_id: session.userId,
    details: { authenticator: authenticator.id },
    decision: proved ? 'accept' : 'refuse',
    reason: proved ? 'the code is right, and was not used before' : 'the code is wrong, or was used before',
  });
  if (!proved) return countWrongCode(context, c, asked);
  keepAuthenticator(context, session.userId, proved);
  context.state.transactions.set(state, { ...transaction, challenge: null }); // it was answered
  noteSecondFactor(context, c);
  if (form.get('remember') !== undefined) rememberBrowser(context, c, session.userId);
  if (proved.authenticator_type === 'recovery-code')
    return respondWithPage(c, context.random, {
      title: 'A new recovery code',
      status: 200,
      body: newRecoveryCodePage(proved.recovery_code, resumeAddress(state)),
    });
  c.header('Cache-Control', 'no-store');
  return c.redirect(resumeAddress(state), 303);
}

/** The sign-in that waits for a code, and what the user of the session has to give it by. */
function currentQuestion(context: TenantContext, c: Context): Question | undefined {
  const state = c.req.query('state') ?? '';
  const transaction = currentTransaction(context, c, state);
  const session = currentSession(context, c);
  if (!transaction || !session || !('sid' in transaction.outcome)) return undefined;
  if (transaction.wrongCodes >= mostWrongTries) return undefined; // dead, though the password came once more
  const [authenticator] = authenticatorsOf(context, session.userId);
  const isHere = addressOfPage(context, session.userId) === c.req.path;
  if (!authenticator || !isHere || transaction.outcome.sid !== session.sid) return undefined;
  return { state, transaction, session, authenticator };
}

function proofBy({ authenticator_type }: Authenticator, code: string, oobCode: string): Proof {
  switch (authenticator_type) {
    case 'otp':
      return { kind: 'otp', otp: code };
    case 'oob':
      return { kind: 'oob', oobCode, code };
    case 'recovery-code':
      return { kind: 'recovery-code', recoveryCode: code };
  }
}

function countWrongCode(context: TenantContext, c: Context, asked: Question): Response | Promise<Response> {
  const { state, transaction } = asked;
  const wrongCodes = transaction.wrongCodes + 1;
  if (wrongCodes < mostWrongTries) {
    context.state.transactions.set(state, { ...transaction, wrongCodes });
    return respondWithForm(context, c, asked, 'The code is wrong');
  }
  const outcome = {
    kind: 'refused',
    error: 'access_denied',
    error_description: 'Too many wrong codes',
  } as const;
  context.state.transactions.set(state, { ...transaction, wrongCodes, outcome });
  return c.redirect(resumeAddress(state), 303);
}

function respondWithForm(
  context: TenantContext,
  c: Context,
  { state, transaction, authenticator }: Question,
  error: string | null,
): Promise<Response> {
  return respondWithPage(c, context.random, {
    title: 'Second factor',
    status: error === null ? 200 : 400,
    body: secondFactorPage({
      from: wordsFor(authenticator),
      action: `${c.req.path}?state=${encodeURIComponent(state)}`,
      csrf: transaction.csrf,
      error,
    }),
  });
}

function wordsFor(authenticator: Authenticator): string {
  switch (authenticator.authenticator_type) {
    case 'otp':
      return 'the code that your authenticator app shows';
    case 'oob':
      return `the code that was sent to ${authenticator.name}`;
    case 'recovery-code':
      return 'the recovery code that you have written down';
  }
}
