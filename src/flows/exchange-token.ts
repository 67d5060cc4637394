/** Tokens of somebody else's, exchanged for ours (RFC 8693). */
import { targetOf } from '../core/target.ts';
import { validateAnswer } from '../core/id-token-validation.ts';
import type { CustomTokenExchangeOptions, GetTokenSilentlyVerboseResponse } from '../core/options.ts';
import { readParams } from '../core/settings.ts';
import { detailsOf } from '../core/cache.ts';
import { InvalidConfigurationError } from '../errors.ts';
import { scopeNames } from '../oauth/scope.ts';
import type { ClientContext } from './context.ts';
import { keepRedeemed } from './redeem-code.ts';

/** Signs in: redeem → validate → adopt → write, as after a redirect. */
export async function loginWithTokenExchange(
  context: ClientContext,
  options: CustomTokenExchangeOptions,
): Promise<GetTokenSilentlyVerboseResponse> {
  const { exchange, ...asked } = readExchange(context, options);
  const redeemed = await context.custody.redeem({ scope: asked.scope, exchange });
  const { token, session } = await keepRedeemed(context, redeemed, asked);
  return detailsOf(token, session.id_token, context.env.clock.now());
}

/** An access token and nothing else: no session, no entry, no refresh token. */
export async function exchangeToken(
  context: ClientContext,
  options: CustomTokenExchangeOptions,
): Promise<GetTokenSilentlyVerboseResponse> {
  const { settings, custody, env } = context;
  const { exchange, ...asked } = readExchange(context, options);
  // A refresh token would be good to nobody.
  const scope = scopeNames(asked.scope)
    .filter((name) => name !== 'offline_access')
    .join(' ');
  const { receipt, answer } = await custody.redeem({ scope, exchange });
  try {
    const now = env.clock.now();
    const { token, id_token } = answer;
    if (id_token !== undefined)
      await validateAnswer(settings, env.cryptography.sha256, answer, { ...asked, now });
    return detailsOf(token, id_token ?? '', now);
  } finally {
    await custody.discard(receipt); // one came all the same
  }
}

/** What is asked for, and what is sent. @throws {InvalidConfigurationError} where there is nothing to exchange. */
function readExchange({ settings }: ClientContext, { signal: _, ...options }: CustomTokenExchangeOptions) {
  const { subject_token, subject_token_type, ...given } = readParams(options) as Record<string, string>;
  if (!subject_token || !subject_token_type)
    throw new InvalidConfigurationError(
      '"subject_token" or "subject_token_type" is missing.',
      'Pass the token, and what kind of token it is.',
    );
  const { audience, scope, params } = targetOf(settings, {
    audience: given.audience,
    scope: given.scope,
    organization: given.organization,
  });
  const { organization } = params;
  const named = { subject_token, subject_token_type, organization, audience: audience || undefined };
  return { audience, scope, organization, exchange: { ...given, ...named } };
}
