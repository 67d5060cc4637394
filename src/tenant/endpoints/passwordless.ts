/** `/passwordless/*`: sends a code or a link to sign in with, and takes the link back (Auth0 Authentication API). */
import type { Context } from 'hono';
import { authenticateClient } from '../client-authentication.ts';
import type { TenantContext } from '../context.ts';
import { refuseForeignOrigin } from '../cors.ts';
import { beginSession, currentSession, forgetSession, setSessionCookie } from '../login-session.ts';
import { respondWithPage } from '../pages/layout.ts';
import { messagePage } from '../pages/message-page.ts';
import { readFormParameters } from '../parameters.ts';
import {
  readAddress,
  sendPasswordlessCode,
  takePasswordlessCode,
  userByAddress,
  type Address,
} from '../passwordless.ts';
import { refuse, respond, type Refusal } from '../token-answer.ts';
import { readBody } from './database-connection.ts';

/** POST: sends it, to the outbox. */
export async function startPasswordless(context: TenantContext, c: Context): Promise<Response> {
  c.header('Cache-Control', 'no-store');
  const asked = await readBody(c);
  if (!asked) return respond(c, refuse(400, 'invalid_request', 'The body must be a form or a JSON object'));
  const text = (name: string): string | undefined => textOf(asked[name]);
  const parameters = { get: text, repeated: undefined, pairs: [] };
  const authentication = authenticateClient(
    context.state.clients,
    parameters,
    c.req.header('authorization') ?? null,
  );
  if (authentication.kind !== 'authenticated')
    return respond(c, refuse(400, 'bad.client_id', 'Unknown client, or not the client’s secret'));
  const { client } = authentication;
  const foreign = refuseForeignOrigin(context, c, client);
  if (foreign) return foreign;
  const address = addressOf(text);
  if ('error' in address) return respond(c, address);
  const send = asked['send'] ?? 'link';
  if (send !== 'code' && send !== 'link')
    return respond(c, refuse(400, 'invalid_request', 'send must be code or link'));
  const { authParams } = asked;
  const linkFor = send === 'link' ? linkTo(context, client.client_id, address, authParams) : undefined;
  const { id } = sendPasswordlessCode(context, client.client_id, address, linkFor);

  const user = userByAddress(context, address);
  const _id = user?.user_id.replace(/^[^|]*\|/, '') ?? id;
  return address.connection === 'email'
    ? c.json({ _id, email: address.address, email_verified: user?.email_verified ?? false })
    : c.json({ _id, phone_number: address.address, phone_verified: user?.phone_number_verified ?? false });
}

/** GET: the link of a mail. The browser is signed in, and asks anew for what its authParams say. */
export async function followPasswordlessLink(context: TenantContext, c: Context): Promise<Response> {
  c.header('Cache-Control', 'no-store');
  if (c.req.method === 'HEAD') return c.body(null); // whoever only looks, as those do that scan mail, uses nothing up
  const query = readFormParameters(new URL(c.req.url).searchParams);
  const clientId = query.get('client_id') ?? '';
  const address = addressOf(query.get);
  const code = query.get('verification_code');
  if (query.repeated !== undefined || 'error' in address || code === undefined)
    return respondWithDeadLink(context, c);
  const judgement = takePasswordlessCode(context, clientId, address, code);
  const why =
    judgement.kind === 'wrong'
      ? judgement.reason
      : judgement.user.blocked
        ? 'the user is blocked'
        : undefined;
  if (judgement.kind === 'wrong' || why !== undefined) {
    context.journal.write({
      type: 'f',
      description: 'The link cannot be used',
      client_id: clientId,
      decision: 'show an error page',
      reason: why ?? '',
    });
    return respondWithDeadLink(context, c);
  }
  const { cookie } = beginSession(context, judgement.user, currentSession(context, c));
  forgetSession(context, c); // the cookie that was there before the login opens nothing afterwards
  setSessionCookie(context, c, cookie);
  const asked = query.pairs.filter(([name]) => !ownParameters.includes(name));
  const search = new URLSearchParams([
    ...asked.map(([name, value]) => [name, value]),
    ['client_id', clientId],
  ]);
  return c.redirect(`/authorize?${search.toString()}`, 302);
}

const ownParameters = ['client_id', 'connection', 'email', 'phone_number', 'verification_code'];

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

function addressOf(text: (name: string) => string | undefined): Address | Refusal {
  const connection = text('connection');
  if (connection !== 'email' && connection !== 'sms')
    return refuse(400, 'bad.connection', 'Connection does not exist');
  const name = connection === 'email' ? 'email' : 'phone_number';
  return (
    readAddress(connection, text(name) ?? '') ?? refuse(400, `bad.${name}`, `${name} is missing or invalid`)
  );
}

/** The link brings back what the client asked for, texts alone. */
function linkTo(
  { configuration }: TenantContext,
  client_id: string,
  { connection, address }: Address,
  authParams: unknown,
): (code: string) => string {
  const given = typeof authParams === 'object' && authParams !== null ? Object.entries(authParams) : [];
  const texts = given.flatMap(([name, value]) => {
    const text = textOf(value);
    return text === undefined || ownParameters.includes(name) ? [] : [[name, text] as const];
  });
  const name = connection === 'email' ? 'email' : 'phone_number';
  return (verification_code) => {
    const query = { ...Object.fromEntries(texts), client_id, connection, [name]: address, verification_code };
    return `${configuration.baseUrl}/passwordless/verify_redirect?${new URLSearchParams(query).toString()}`;
  };
}

const respondWithDeadLink = (context: TenantContext, c: Context): Promise<Response> =>
  respondWithPage(c, context.random, {
    title: 'Link not valid',
    status: 400,
    body: messagePage(
      'This link cannot be used',
      'It was used before, is too old, or a later one was sent. Please start again from the application.',
    ),
  });
