import { targetOf } from '../core/target.ts';
import type { RevokeRefreshTokenOptions } from '../core/options.ts';
import type { ClientContext } from './context.ts';

/** Revokes what custody holds for an audience, and what auth0-spa-js has left for it. The session and its access tokens stay. */
export async function revokeRefreshToken(
  context: ClientContext,
  { audience }: RevokeRefreshTokenOptions,
): Promise<void> {
  const { settings, custody } = context;
  if (!settings.useRefreshTokens) return;
  const target = targetOf(settings, { audience });
  await context.moveInAgain();
  await custody.revoke({ audience: target.audience });
}
