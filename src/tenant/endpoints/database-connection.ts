/** `/dbconnections/*`: what an app's own form asks of the place that users come from (Auth0 Authentication API). */
import type { Context } from 'hono';
import { findConnection } from '../connections.ts';
import type { TenantContext } from '../context.ts';
import { refuseForeignOrigin } from '../cors.ts';
import { contentTypeOf, readBodyParameters, readJsonObject } from '../parameters.ts';
import { signUp } from '../sign-up.ts';
import { missingParameter, refuse, respond } from '../token-answer.ts';

/** POST: makes an account. */
export async function signUpFromApp(context: TenantContext, c: Context): Promise<Response> {
  const asked = await readAsked(context, c, ['email', 'password']);
  if (asked instanceof Response) return asked;
  const { client_id, connection, ...members } = asked;
  const account = Object.entries(members).filter(([name]) => accountMembers.includes(name));
  const place = { clientId: String(client_id), connection: String(connection) };
  const outcome = signUp(context, place, Object.fromEntries(account));
  if (outcome.kind === 'refused')
    return c.json({ code: 'invalid_signup', description: 'Invalid sign up' }, 400);
  const { user_id, email, email_verified } = outcome.user;
  return c.json({ _id: user_id.replace(/^auth0\|/, ''), email, email_verified });
}

/** POST: the same words whether anybody has the address or not. */
export async function changePassword(context: TenantContext, c: Context): Promise<Response> {
  const asked = await readAsked(context, c, ['email']);
  if (asked instanceof Response) return asked;
  return c.text("We've just sent you an email to reset your password.");
}

/** Not `user_id`, `email_verified`, `blocked` or `app_metadata`: nobody says those of themselves. */
const accountMembers = [
  'email',
  'password',
  'name',
  'nickname',
  'given_name',
  'family_name',
  'picture',
  'user_metadata',
];

/** What a known client asks about a connection that it may use, with these texts among it; or the refusal. */
async function readAsked(
  context: TenantContext,
  c: Context,
  required: readonly string[],
): Promise<Readonly<Record<string, unknown>> | Response> {
  c.header('Cache-Control', 'no-store');
  const asked = await readBody(c);
  if (!asked) return respond(c, refuse(400, 'invalid_request', 'The body must be a form or a JSON object'));
  const missing = ['client_id', 'connection', ...required].find((name) => !isText(asked[name]));
  if (missing !== undefined) return respond(c, missingParameter(missing));
  const client = context.state.clients.get(String(asked['client_id']));
  if (!client) return respond(c, refuse(400, 'invalid_request', 'Unknown client'));
  const foreign = refuseForeignOrigin(context, c, client);
  if (foreign) return foreign;
  const connection = findConnection(context, String(asked['connection']));
  if (!connection) return respond(c, refuse(400, 'bad.connection', 'Connection does not exist'));
  if (!connection.enabled_clients.includes(client.client_id))
    return respond(c, refuse(400, 'bad.connection', 'Connection is not enabled for the client'));
  return asked;
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';

/** A form or a JSON object, whatever it holds. */
export async function readBody(c: Context): Promise<Readonly<Record<string, unknown>> | undefined> {
  if (contentTypeOf(c.req.raw) === 'application/json') return readJsonObject(await c.req.text());
  const form = await readBodyParameters(c.req.raw);
  return form && form.repeated === undefined ? Object.fromEntries(form.pairs) : undefined;
}
