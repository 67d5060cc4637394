import type { PopupConfigOptions, PopupLoginOptions } from '../core/options.ts';
import type { PageContext } from './context.ts';
import type { Obtained } from './get-token-silently.ts';

/** Opens the popup before anything that takes time, while the browser still takes it for the user's doing. The rest is loaded then. */
export async function loginWithPopup(
  context: PageContext,
  options: PopupLoginOptions,
  config: PopupConfigOptions | undefined,
): Promise<Obtained> {
  const host = context.env.popupHost();
  const popup: Window | null | undefined = config?.popup ?? host.open?.('', '', 'width=400,height=600');
  const load = async () => {
    const engine = await context.engine();
    return { own: engine.context, authorizeInPopup: await engine.flows.loadPopups(engine.context) };
  };
  const { own, authorizeInPopup } = await load().catch((error: unknown) => {
    popup?.close();
    throw error;
  });
  return authorizeInPopup(own, { ...options, ...config, host, popup }); // a `popup` of nothing counts as left out
}
