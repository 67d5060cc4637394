/** Claims about a user as far as a scope reaches (OIDC Core §5.4). `updated_at` is a text, as Auth0 sends it. */
import { scopeNames } from '../oauth/scope.ts';
import type { User } from './configuration.ts';

export function userClaims(user: User, scope: string): Readonly<Record<string, unknown>> {
  const names = scopeNames(scope);
  const { name, nickname, given_name, family_name, picture, updated_at } = user;
  const { email, email_verified, phone_number, phone_verified: phone_number_verified } = user;
  const profile = names.includes('profile')
    ? { given_name, family_name, nickname, name, picture, updated_at }
    : {};
  const contact = names.includes('email') ? { email, email_verified } : {};
  const telephone = names.includes('phone') ? { phone_number, phone_number_verified } : {};
  const claims = { sub: user.user_id, ...profile, ...contact, ...telephone };
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
}
