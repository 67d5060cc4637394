/** A person makes an account. Any password will do, so long as there is one. */
import { TenantConfigurationError } from './configuration-error.ts';
import { readUser, type User } from './configuration.ts';
import { userByEmail, type TenantContext } from './context.ts';

export type SignUp =
  | { readonly kind: 'done'; readonly user: User }
  | { readonly kind: 'refused'; readonly why: 'taken' | 'unusable' };

/** @param account `email`, `password`, and what else a user may say of themselves */
export function signUp(
  context: TenantContext,
  { clientId, connection }: { readonly clientId: string; readonly connection: string },
  account: Readonly<Record<string, unknown>>,
): SignUp {
  const { random, clock, state, journal } = context;
  const user = readAccount(account, () => readUser('user', account, random, clock.now(), connection));
  const why = user ? userByEmail(context, user.email ?? '') && 'taken' : 'unusable';
  if (user && why === undefined) state.users.set(user.user_id, user);
  journal.write({
    type: why === undefined ? 'ss' : 'fs',
    description: why === undefined ? 'Signed up' : 'Invalid sign up',
    client_id: clientId,
    ...(why === undefined && { user_id: user?.user_id }),
    decision: why === undefined ? 'make an account' : 'refuse',
    reason:
      why === 'taken'
        ? 'there is an account with this e-mail address'
        : why === 'unusable'
          ? 'the e-mail address is none, or something else of the account cannot be used'
          : 'nobody had this e-mail address',
  });
  return user && why === undefined ? { kind: 'done', user } : { kind: 'refused', why: why ?? 'unusable' };
}

function readAccount({ email }: Readonly<Record<string, unknown>>, read: () => User): User | undefined {
  if (typeof email !== 'string' || !/^[^\s@]+@[^\s@]+$/.test(email)) return undefined;
  try {
    return read();
  } catch (error) {
    if (error instanceof TenantConfigurationError) return undefined;
    throw error;
  }
}
