/** Whose something is, where nobody may know. */
import { isSameIdentity, type Identity } from './session.ts';

/** Of a refresh token that was found without a word of whose it is. The ID token of its first exchange tells. */
export const unknownIdentity: Identity = { sub: '' };

/** That alone of what is known of a session or a family. */
export const identityOf = ({ sub, org_id }: Identity): Identity => ({ sub, org_id });

/** True for what belongs to `identity`, or may, for all that is known. */
export const mayBeOf = (identity: Identity | undefined, owner: Identity): boolean =>
  identity === undefined || owner.sub === unknownIdentity.sub || isSameIdentity(owner, identity);
