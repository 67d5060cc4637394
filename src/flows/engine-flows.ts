/** What the client calls of the engine; see `context.ts`. */
import { loadFeature } from '../core/load-feature.ts';
import type { CustomTokenExchangeOptions, GetTokenSilentlyVerboseResponse } from '../core/options.ts';
import type { ClientContext } from './context.ts';

export { askAppClock } from '../core/app-clock.ts';
export { finishLogout } from './finish-logout.ts';
export { handleRedirectCallback } from './handle-redirect-callback.ts';
export { endAtCeiling, followLogout, settleUnsaved } from './keep-session.ts';
export { beginLogin, loginWithRedirect } from './login-with-redirect.ts';
export { obtainToken } from './obtain-token.ts';
export { revokeRefreshToken } from './revoke-refresh-token.ts';
export { watch } from './watch.ts';
export { loadDpopKey } from '../custody/load-dpop-key.ts';

type Diagnoses = typeof import('./diagnose.ts');

export async function diagnose<Name extends keyof Diagnoses>(
  context: ClientContext,
  name: Name,
): Promise<Awaited<ReturnType<Diagnoses[Name]>>> {
  const code = await loadFeature(context.env.timers, () => import('./diagnose.ts'));
  return code[name](context) as Awaited<ReturnType<Diagnoses[Name]>>;
}

export const loadPopups = async ({ env }: ClientContext) =>
  (await loadFeature(env.timers, () => import('./authorize-in-popup.ts'))).authorizeInPopup;

export async function exchangeToken(
  context: ClientContext,
  options: CustomTokenExchangeOptions,
  isLogin: boolean,
): Promise<GetTokenSilentlyVerboseResponse> {
  const code = await loadFeature(context.env.timers, () => import('./exchange-token.ts'));
  return (isLogin ? code.loginWithTokenExchange : code.exchangeToken)(context, options);
}
