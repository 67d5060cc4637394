import { loadFeature } from '../core/load-feature.ts';
import type { ClientContext } from './context.ts';

/** Tells the app's listeners of events from now on. */
export const watch = (context: ClientContext): Promise<void> =>
  context.flights.share('watch', async () => {
    const { observe } = await loadFeature(context.env.timers, () => import('./observe-session.ts'));
    const { heap, disposal } = context;
    if (heap.before && heap.listeners.size > 0 && !disposal.signal.aborted)
      heap.observer ??= observe(context, heap.before);
  });
