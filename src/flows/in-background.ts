import type { Engine, PageContext } from './context.ts';

/** What nobody waits for, nor hears of when it fails: the next call that needs it tries again. */
export const inBackground = (context: PageContext, work: (engine: Engine) => unknown): Promise<unknown> =>
  Promise.resolve(context.engine())
    .then(work)
    .catch(() => {});
