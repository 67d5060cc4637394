/** What the client calls of the engine; see `context.ts`. */
import { loadFeature } from '../core/load-feature.ts';
import type { CustomTokenExchangeOptions, GetTokenSilentlyVerboseResponse } from '../core/options.ts';
import type { ClientContext } from './context.ts';

export { askAppClock } from '../core/app-clock.ts';
export { finishLogout } from './finish-logout.ts';
export { handleRedirectCallback } from './handle-redirect-callback.ts';
export { endAtCeiling, followLogout, renameHint, settleUnsaved } from './keep-session.ts';
export { beginLogin, loginWithRedirect } from './login-with-redirect.ts';
export { obtainToken } from './obtain-token.ts';
export { revokeRefreshToken } from './revoke-refresh-token.ts';
export { loadDpopKey } from '../custody/load-dpop-key.ts';

/** Tells the app's listeners of events from now on. */
export const watch = (context: ClientContext): Promise<void> =>
  context.flights.share('watch', async () => {
    const { observe } = await loadFeature(context.env.timers, () => import('./observe-session.ts'));
    const { heap, disposal } = context;
    if (heap.before && heap.listeners.size > 0 && !disposal.signal.aborted)
      heap.observer ??= observe(context, heap.before);
  });

export const loadDiagnose = ({ env }: ClientContext) =>
  loadFeature(env.timers, () => import('./diagnose.ts'));

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
