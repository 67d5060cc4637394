import { loadFeature } from '../core/load-feature.ts';
import type { Settings } from '../core/settings.ts';
import type { Environment } from '../environment.ts';
import { InvalidConfigurationError } from '../errors.ts';
import type { DpopEnvironment, DpopKey } from './dpop-key.ts';

/**
 * The key of this client, whose code is loaded on first use.
 *
 * @throws {InvalidConfigurationError} where DPoP is off.
 * @throws {GenericError} `feature_load_failed`
 */
export async function loadDpopKey(
  settings: Settings,
  env: DpopEnvironment & Pick<Environment, 'timers'>,
): Promise<DpopKey> {
  if (!settings.useDpop)
    throw new InvalidConfigurationError('DPoP is off.', 'Construct the client with "useDpop: true".');
  const { createDpopKey } = await loadFeature(env.timers, () => import('./dpop-key.ts'));
  return createDpopKey(settings, env);
}
