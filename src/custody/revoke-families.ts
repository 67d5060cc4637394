/** A revocation that the app asks for, and wants to know of. Loaded on first use. */
import type { Milliseconds } from '../clock.ts';
import { GenericError } from '../errors.ts';
import { isText, parseJsonObject } from '../oauth/json.ts';
import { changed, type Families, type FamilyChange, type UpdateRecord } from './record.ts';
import type { TokenRequests } from './token-requests.ts';
import type { Unsaved } from './unsaved.ts';

/** What custody lends to it. */
export interface RevocationTools {
  readonly updateRecord: UpdateRecord;
  readonly requests: Pick<TokenRequests, 'requestRevocation' | 'noAnswer'>;
  readonly unsaved: Pick<Unsaved, 'drop'>;
  /** @throws {NetworkError} where nothing can be sent. */
  readonly refuseToBegin: () => void;
}

/**
 * Ends the families first, so that nobody spends what the server may have revoked; then tells the server; then forgets what it
 * has heard of. What it has not stays with the ended family, and is told again.
 *
 * @throws {GenericError} with the server's code, or `revoke_error`; {NetworkError} when no answer came.
 */
export async function revokeFamilies(
  { updateRecord, requests, unsaved, refuseToBegin }: RevocationTools,
  keysIn: (families: Families) => readonly string[],
  limit: Milliseconds,
): Promise<void> {
  const { keys, orphans } = await updateRecord((found) => {
    const keys = keysIn(found.families);
    const ends = keys.map((at): FamilyChange => [at, { kind: 'end', cause: 'revoked' }]);
    const [next, outcomes] = changed(found, ends);
    const orphans = outcomes.flatMap((outcome) => (outcome.kind === 'ended' && outcome.orphans) || []);
    return [next, { keys, orphans }];
  });
  // What the store would not take of them.
  const late = keys
    .flatMap((at) => unsaved.drop(at))
    .flatMap((event) => (event.kind === 'rotate' && event.refresh_token) || []);
  const tokens = [...late, ...orphans];
  if (tokens.length === 0) return;
  refuseToBegin();
  const results = await Promise.allSettled(
    tokens.map(async (token) => {
      const answer = requests.requestRevocation(token, limit).catch((cause: unknown) => {
        throw requests.noAnswer('unreachable', { status: 0, cause });
      });
      judgeRevocation(await answer, token);
    }),
  );
  const heard = tokens.filter((_, at) => results[at]?.status === 'fulfilled');
  const forget = keys.map((at): FamilyChange => [at, { kind: 'forget', tokens: heard }]);
  // Where the store refuses, the server is told once more, at worst.
  await updateRecord((found) => [changed(found, forget)[0], undefined]).catch(() => {});
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

/** RFC 7009 §2.2: 200, whatever the token was. @param token What a server may echo, and no message may hold. */
function judgeRevocation({ status, body }: { status: number; body: string }, token: string): void {
  if (status >= 200 && status < 300) return;
  const { error, error_description = error } = parseJsonObject(body) ?? {};
  const told = isText(error_description) ? error_description : `HTTP error ${status}`;
  throw new GenericError(isText(error) ? error : 'revoke_error', told.replaceAll(token, '…'), {
    retryable: status >= 500 || status === 408 || status === 429,
  });
}
