/** What the client calls of the engine; see `context.ts`. */
import { loadFeature } from '../core/load-feature.ts';
import type { ClientContext } from './context.ts';

export { askAppClock } from '../core/app-clock.ts';
export { finishLogout } from './finish-logout.ts';
export { handleRedirectCallback } from './handle-redirect-callback.ts';
export { endAtCeiling, renameHint, settleUnsaved } from './keep-session.ts';
export { beginLogin, loginWithRedirect } from './login-with-redirect.ts';
export { obtainToken } from './obtain-token.ts';
export { revokeRefreshToken } from './revoke-refresh-token.ts';
export { loadDpopKey } from '../custody/load-dpop-key.ts';

export const loadPopups = async ({ env }: ClientContext) =>
  (await loadFeature(env.timers, () => import('./authorize-in-popup.ts'))).authorizeInPopup;

export const loadTokenExchange = ({ env }: ClientContext) =>
  loadFeature(env.timers, () => import('./exchange-token.ts'));
