import { loadFeature } from '../core/load-feature.ts';
import type { PopupConfigOptions, PopupLoginOptions } from '../core/options.ts';
import type { ClientContext } from './context.ts';
import type { Obtained } from './get-token-silently.ts';

/** Opens the popup before anything that takes time, while the browser still takes it for the user's doing. The rest is loaded then. */
export async function loginWithPopup(
  context: ClientContext,
  options: PopupLoginOptions,
  config: PopupConfigOptions | undefined,
): Promise<Obtained> {
  const { env } = context;
  const host = env.popupHost();
  const popup = config?.popup ?? host.open?.('', '', 'width=400,height=600');
  const load = loadFeature(env.timers, () => import('./authorize-in-popup.ts'));
  const { authorizeInPopup } = await load.catch((error: unknown) => {
    popup?.close();
    throw error;
  });
  return authorizeInPopup(context, { ...options, ...config, host, popup }); // a `popup` of nothing counts as left out
}
