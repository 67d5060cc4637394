/** What is taken into custody of a session that another SDK has left. Loaded only where there is one. */
import { issuedAt } from '../core/issued-at.ts';
import { isSameIdentity, type Identity } from '../core/session.ts';
import { mayBeOf } from '../core/whose.ts';
import { encodeBase64url } from '../oauth/base64url.ts';
import type { Sha256 } from '../oauth/pkce.ts';
import type { MovedFamily, TakeOver } from './custody.ts';
import { audienceKey, isLive, type Family, type LiveFamily } from './family.ts';
import { changed, movedLimit, type CustodyRecord, type FamilyChange } from './record.ts';

/** What was found, of one user. */
export interface Found {
  readonly identity: Identity;
  /** One per audience. */
  readonly families: readonly MovedFamily[];
  /** Whose families give way: of a user who is shown as signed in no longer, because the storage was cleared. */
  readonly former: Identity | undefined;
}

/**
 * Decides about what was found, in one step of the store: each family where there is none yet, one that is over, or an
 * older one of the same user. One that was taken over before is spent; and after a logout, or beside another user, nothing is
 * taken over.
 */
export async function prepareTakeOver(found: Found, sha256: Sha256): Promise<TakeOver> {
  const { identity, former } = found;
  const isStranger = (family: Family): family is LiveFamily => isLive(family) && !mayBeOf(identity, family);
  const candidates = await Promise.all(
    found.families.map(async (family) => ({ family, digest: await digestOf(family.refresh_token, sha256) })),
  );
  return (record) => {
    const strangers = Object.entries(record.families).filter(([, family]) => isStranger(family));
    const isTaken = strangers.some(([, family]) => isStranger(family) && !isSameIdentity(family, former));
    if (isTaken || isClosed(record)) return { next: record, adopted: undefined, outcomes: [] };
    const news = candidates.filter(({ digest }) => !record.moved.includes(digest));
    const adopted = news
      .map(({ family }) => family)
      .filter((family) => isNewer(family, identity, record.families[audienceKey(family.audience)]));
    const moved = [...record.moved, ...news.map(({ digest }) => digest)].slice(-movedLimit);
    const [next, outcomes] = changed(news.length > 0 ? { ...record, moved } : record, [
      ...strangers.map(([at]): FamilyChange => [at, { kind: 'end', cause: 'user_changed' }]),
      ...adopted.map(({ audience, ...rest }): FamilyChange => {
        const key = audienceKey(audience);
        return [key, { kind: 'adopt', key, identity, ...rest }];
      }),
    ]);
    return { next, adopted, outcomes };
  };
}

/** By a logout, for good: it may have left no family to tell of it, and an old tab may write back what it ended. */
const isClosed = ({ logouts, endedBy }: CustodyRecord): boolean => logouts > 0 || endedBy === 'logout';

/**
 * An old tab's is newer than ours if its access token was issued later; where they do not tell, if it lasts longer. Where ours
 * is over, or gives way, whatever nobody has seen is: presenting a dead one costs nothing there.
 */
function isNewer({ answer, audience }: MovedFamily, identity: Identity, ours: Family): boolean {
  if (ours === undefined || ours.state === 'ended' || !mayBeOf(identity, ours)) return true;
  const [found, held] = [answer?.token, ours.answers[audienceKey(audience)]?.token];
  const [one, other] = [found, held].map((token) => issuedAt(token?.access_token));
  if (one !== undefined && other !== undefined) return one > other;
  return (found?.expires_at ?? 0) > (held?.expires_at ?? 0);
}

const digestOf = async (text: string, sha256: Sha256): Promise<string> =>
  encodeBase64url(await sha256(new TextEncoder().encode(text)));
