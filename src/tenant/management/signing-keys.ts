/** `/api/v2/keys/signing`: the keys that tokens are and were signed with (Auth0 Management API). */
import type { TenantContext } from '../context.ts';
import { currentKey, rotateSigningKey, type SigningKey } from '../signing-keys.ts';
import type { ManagementContext } from './access.ts';
import { ManagementError, notFound } from './management-error.ts';

export const listSigningKeys = (context: TenantContext, c: ManagementContext): Response =>
  c.json(viewKeys(context).reverse());

export const showSigningKey = (context: TenantContext, c: ManagementContext): Response =>
  c.json(viewKeys(context)[indexOfKey(context, c)]);

/** The JWK Set shows the new key at once, and the two before it. */
export function rotateKey(context: TenantContext, c: ManagementContext): Response {
  rotateSigningKey(context);
  return c.json(viewBriefly(currentKey(context)), 201);
}

/** What the key has signed is refused from now on. One that was revoked stays so. */
export function revokeKey(context: TenantContext, c: ManagementContext): Response {
  const { signingKeys } = context.state;
  const index = indexOfKey(context, c);
  if (index === signingKeys.length - 1)
    throw new ManagementError(400, 'The current signing key cannot be revoked.');
  const [period] = signingKeys.slice(index);
  if (period?.revokedAt === null) signingKeys.splice(index, 1, { ...period, revokedAt: context.clock.now() });
  return c.json(viewBriefly(context.keys(period?.rotations ?? 0)));
}

export const isSigningKey = ({ keys, state }: TenantContext, kid: string): boolean =>
  state.signingKeys.some(({ rotations }) => keys(rotations).kid === kid);

function indexOfKey({ keys, state }: TenantContext, c: ManagementContext): number {
  const index = state.signingKeys.findIndex(({ rotations }) => keys(rotations).kid === c.req.param('id'));
  if (index < 0) throw notFound('signing key', 'inexistent_signing_key');
  return index;
}

const viewBriefly = ({ kid, cert }: SigningKey) => ({ kid, cert });

/** Oldest first. */
function viewKeys({ keys, state: { signingKeys } }: TenantContext): object[] {
  return signingKeys.map(({ rotations, since, revokedAt }, index) => {
    const { thumbprint, ...key } = keys(rotations);
    const next = signingKeys[index + 1];
    return {
      ...viewBriefly({ thumbprint, ...key }),
      fingerprint: thumbprint.match(/../g)?.join(':'),
      thumbprint,
      ...(next ? { previous: true, current_until: new Date(next.since).toISOString() } : { current: true }),
      current_since: new Date(since).toISOString(),
      ...(revokedAt !== null && { revoked: true, revoked_at: new Date(revokedAt).toISOString() }),
    };
  });
}
