/** `/api/v2/users`: accounts (Auth0 Management API). Never a password. */
import { readProfile, type User } from '../configuration.ts';
import { findConnection } from '../connections.ts';
import { userByEmail, type TenantContext } from '../context.ts';
import { endSessions } from '../login-session.ts';
import type { ManagementContext } from './access.ts';
import { deleteGrants, endCodes, endFamilies, endTokensOfSessions } from '../families.ts';
import { ManagementError, notFound } from './management-error.ts';
import { mergeMetadata } from './metadata.ts';
import { invalidQuery, respondWithList, selectFields } from './paging.ts';
import { judge, objectOf, readPayload, type Payload } from './payload.ts';
import { readSearch } from './search-query.ts';

const text = { type: 'string', minLength: 1 };
const metadata = { type: ['object', 'null'] };
const properties = {
  connection: { ...text, description: 'The connection the user belongs to' },
  email: { ...text, format: 'email', description: 'The e-mail address of the user' },
  password: text,
  name: text,
  nickname: text,
  given_name: text,
  family_name: text,
  picture: text,
  email_verified: { type: 'boolean' },
  phone_number: text,
  phone_verified: { type: 'boolean' },
  blocked: { type: 'boolean', description: 'Whether the user can neither sign in nor refresh' },
  user_metadata: metadata,
  app_metadata: metadata,
};
const creation = objectOf({ ...properties, user_id: text }, ['connection', 'email', 'password']);
const update = objectOf(properties);
const revocation = objectOf({ session_id: text, preserve_refresh_tokens: { type: 'boolean' } });

export function listUsers({ state }: TenantContext, c: ManagementContext): Response {
  const chosen = readSearch(c.req.query('q'), [
    'email',
    'user_id',
    'name',
    'nickname',
    'email_verified',
    'blocked',
  ]);
  const items = sorted(c, [...state.users.values()].filter(chosen));
  return respondWithList(c, { key: 'users', items, id: ({ user_id }) => user_id, view });
}

/** `sort=email:-1`: by one field, 1 upwards, -1 downwards. */
function sorted(c: ManagementContext, users: User[]): User[] {
  const sort = c.req.query('sort');
  if (sort === undefined) return users;
  const [, name, direction] = /^(email|name|nickname|user_id|created_at|updated_at):(-?1)$/.exec(sort) ?? [];
  if (name === undefined)
    throw invalidQuery(`String does not match pattern ^<field>:(1|-1)$: ${sort}`, 'sort');
  const key = (user: User) => user[name as 'email']; // one of those above, says the pattern
  return users.sort(
    (one, other) => Number(direction) * (key(one) ?? '').localeCompare(key(other) ?? '', 'en'),
  );
}

export function listUsersByEmail(context: TenantContext, c: ManagementContext): Response {
  const email = c.req.query('email');
  if (email === undefined) throw invalidQuery('Missing required property: email', 'email');
  const user = userByEmail(context, email);
  return c.json(user ? [selectFields(c, view(user))] : []);
}

export async function createUser(context: TenantContext, c: ManagementContext): Promise<Response> {
  const { user_id, ...body } = await readPayload(c, creation);
  if (!findConnection(context, String(body['connection']))) throw noConnection();
  const user = read(context, {
    ...body,
    ...(user_id !== undefined && { user_id: `auth0|${String(user_id)}` }),
  });
  if (context.state.users.has(user.user_id)) throw taken();
  refuseTwin(context, user);
  context.state.users.set(user.user_id, user);
  return c.json(view(user), 201);
}

export const showUser = (context: TenantContext, c: ManagementContext): Response =>
  c.json(selectFields(c, view(knownUser(context, c))));

/** What is present replaces what was there; metadata are merged name by name. */
export async function updateUser(context: TenantContext, c: ManagementContext): Promise<Response> {
  const body = await readPayload(c, update);
  const { created_at, updated_at: _, ...before } = knownUser(context, c);
  if ((body['connection'] ?? before.connection) !== before.connection) throw noConnection();
  const merged = (name: 'user_metadata' | 'app_metadata') =>
    name in body && { [name]: mergeMetadata(before[name], body[name]) };
  const user = {
    ...read(context, { ...before, ...body, ...merged('user_metadata'), ...merged('app_metadata') }),
    created_at,
  };
  refuseTwin(context, user);
  context.state.users.set(user.user_id, user);
  if ('password' in body) endWithPassword(context, user);
  return c.json(view(user));
}

/** Whoever has a session by the old password, or is about to sign in, has it no more; refresh tokens live on, but for a quirk (L8). */
function endWithPassword(context: TenantContext, { user_id }: User): void {
  const isOfUser = ({ userId }: { readonly userId: string }) => userId === user_id;
  const { wrongPasswords, mfaTokens } = context.state;
  wrongPasswords.delete(user_id);
  for (const [mfaToken, pending] of mfaTokens)
    if (isOfUser(pending) && pending.waiting.kind === 'sign_in') mfaTokens.delete(mfaToken);
  endSessions(context, isOfUser);
  if (context.configuration.quirks.passwordChangeRevokesRefreshTokens) endTokensOfSessions(context, isOfUser);
}

/** With the user go their sessions, their grants, their refresh tokens and what they prove a second time with. */
export function deleteUser(context: TenantContext, c: ManagementContext): Response {
  removeUser(context, c.req.param('id') ?? '');
  return c.body(null, 204);
}

export function removeUser(context: TenantContext, user_id: string): void {
  const isOfUser = ({ userId }: { readonly userId: string }) => userId === user_id;
  endSessions(context, isOfUser);
  endCodes(context, isOfUser); // or an account made anew under the id would have what they yield
  endFamilies(context, 'admin', isOfUser);
  deleteGrants(context, isOfUser);
  const { organizations, users, authenticators, mfaTokens, rememberedBrowsers, wrongPasswords } =
    context.state;
  authenticators.delete(user_id);
  wrongPasswords.delete(user_id);
  for (const [mfaToken, pending] of mfaTokens) if (isOfUser(pending)) mfaTokens.delete(mfaToken);
  for (const [cookie, known] of rememberedBrowsers) if (isOfUser(known)) rememberedBrowsers.delete(cookie);
  for (const organization of organizations.values())
    organizations.set(organization.id, {
      ...organization,
      members: organization.members.filter((userId) => !isOfUser({ userId })),
    });
  users.delete(user_id);
}

/** Ends the sessions of the user, or one of them, and the refresh tokens that began there unless they are to be kept. */
export async function revokeAccess(context: TenantContext, c: ManagementContext): Promise<Response> {
  const { session_id, preserve_refresh_tokens } = await readPayload(c, revocation);
  const { user_id } = knownUser(context, c);
  const isChosen = ({ userId, sid }: { readonly userId: string; readonly sid: string | null }) =>
    userId === user_id && (session_id ?? sid) === sid;
  endSessions(context, isChosen);
  if (preserve_refresh_tokens !== true) endTokensOfSessions(context, isChosen);
  return c.body(null, 202);
}

function read({ random, clock }: TenantContext, { connection, ...members }: Payload): User {
  const { phone_verified, ...others } = members;
  const user = { ...others, ...(phone_verified !== undefined && { phone_number_verified: phone_verified }) };
  return judge('user', update, () => readProfile('user', user, random, clock.now(), String(connection)));
}

export function knownUser({ state }: TenantContext, c: ManagementContext): User {
  const user = state.users.get(c.req.param('id') ?? '');
  if (!user) throw notFound('user', 'inexistent_user');
  return user;
}

function refuseTwin(context: TenantContext, { email, user_id }: User): void {
  const twin = userByEmail(context, email ?? '');
  if (twin && twin.user_id !== user_id) throw taken();
}

const noConnection = () =>
  new ManagementError(400, 'The connection does not exist.', 'inexistent_connection');
const taken = () => new ManagementError(409, 'The user already exists.', 'auth0_idp_error');

/** Auth0 calls the claim `phone_number_verified` by another name here, and knows no address. */
function view({
  password: _,
  connection,
  address: __,
  phone_number_verified: phone_verified,
  ...user
}: User): object {
  const [provider, ...rest] = user.user_id.split('|');
  return {
    ...user,
    phone_verified,
    identities: [{ provider, user_id: rest.join('|'), connection, isSocial: false }],
  };
}
