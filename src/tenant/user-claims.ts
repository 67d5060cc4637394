/** Claims about a user as far as a scope reaches (OIDC Core §5.4). */
import { toSeconds } from '../clock.ts';
import { scopeNames } from '../oauth/scope.ts';
import type { User } from './configuration.ts';
import type { TenantContext } from './context.ts';

export function userClaims(
  { configuration }: TenantContext,
  user: User,
  scope: string,
): Readonly<Record<string, unknown>> {
  const names = scopeNames(scope);
  const { name, nickname, given_name, family_name, picture, email, email_verified, address } = user;
  const { phone_number, phone_number_verified = false } = user;
  // A text, as Auth0 sends it; OIDC Core §5.1 wants a number.
  const updated_at = configuration.quirks.conformance
    ? toSeconds(Date.parse(user.updated_at))
    : user.updated_at;
  const claims = {
    sub: user.user_id,
    ...(names.includes('profile') && { given_name, family_name, nickname, name, picture, updated_at }),
    ...(names.includes('email') && { email, email_verified }),
    ...(names.includes('address') && { address }),
    ...(names.includes('phone') && phone_number !== undefined && { phone_number, phone_number_verified }),
  };
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
}
