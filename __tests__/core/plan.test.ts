import { describe, expect, it } from '@jest/globals';
import { targetOf } from '../../src/core/target.ts';
import type { Auth0ClientOptions, CacheMode } from '../../src/core/options.ts';
import { planToken, type FamilyStatus, type SessionEnd, type Snapshot } from '../../src/core/plan.ts';
import type { Session } from '../../src/core/session.ts';
import { readSettings } from '../../src/core/settings.ts';

const session = { id_token: 'i', sub: 'auth0|1' } as Session;
const scope = 'openid profile email offline_access';
const token = { access_token: 'a', token_type: 'Bearer', scope, requestedScope: scope, expires_at: 1 };
const none: FamilyStatus = { state: 'none', generation: 0 };
const live: FamilyStatus = { state: 'live', generation: 3, failures: 0, scope, sub: 'auth0|1' };
const ended = (endedBy: SessionEnd['endedBy']) =>
  ({ family: { state: 'ended', generation: 4 }, ends: 1, endedBy }) satisfies Partial<Snapshot>;

function plan(
  snapshot: Partial<Snapshot>,
  mode: CacheMode = 'on',
  options: Partial<Auth0ClientOptions> = {},
  asked?: string,
) {
  const settings = readSettings({
    domain: 'tenant.example',
    clientId: 'spa',
    useRefreshTokens: true,
    ...options,
  });
  const whole: Snapshot = {
    session,
    marked: true,
    signedOut: false,
    told: undefined,
    token: undefined,
    family: none,
    ends: 0,
    endedBy: undefined,
    logouts: 0,
    ...snapshot,
  };
  return planToken(whole, targetOf(settings, { scope: asked }), mode, settings);
}

describe('the plan for a token', () => {
  const off = { useRefreshTokensFallback: false };
  it.each([
    ['a fresh token', plan({ token }), 'serve'],
    ['a fresh token, refused by the caller', plan({ token, family: live }, 'off'), 'spend'],
    ['a fresh token of nobody', plan({ token, session: undefined, marked: false }), 'authorize'],
    ['nothing, and only the cache', plan({ family: live }, 'cache-only'), 'nothing'],
    ['a live family', plan({ family: live }), 'spend'],
    ['a live family with an answer', plan({ family: live, answer: { token } }), 'keep'],
    [
      'a live family with an answer, refused by the caller',
      plan({ family: live, answer: { token } }, 'off'),
      'spend',
    ],
    [
      'a live family, and storage was cleared',
      plan({ family: live, session: undefined, marked: false }),
      'authorize',
    ],
    ['a live family, and an entry that cannot be read', plan({ family: live, session: undefined }), 'spend'],
    ['a live family with less scope', plan({ family: live }, 'on', {}, 'write:things'), 'authorize'],
    [
      'a live family with less scope, no fallback',
      plan({ family: live }, 'on', off, 'write:things'),
      'refuse',
    ],
    ['no family', plan({}), 'authorize'],
    ['no family, no fallback', plan({}, 'on', off), 'refuse'],
    ['an ended family', plan({ ...ended('refused') }), 'authorize'],
    ['an ended family, no fallback', plan({ ...ended('refused') }, 'on', off), 'refuse'],
    ['no family, after a logout', plan({ signedOut: true }), 'refuse'],
    ['a logout, and a session that is just being cleared', plan({ ...ended('logout') }), 'refuse'],
    [
      'a family that ended, and a session that goes on for another audience',
      plan({ ...ended(undefined), signedIn: session }),
      'authorize',
    ],
    ['a logout, and no session', plan({ ...ended('logout'), session: undefined }), 'authorize'],
    [
      'no refresh tokens used, after a logout',
      plan({ signedOut: true }, 'on', { useRefreshTokens: false }),
      'refuse',
    ],
    ['a new family after a logout', plan({ family: live, signedOut: true }), 'spend'],
    ['no refresh tokens used', plan({}, 'on', { useRefreshTokens: false, ...off }), 'authorize'],
  ])('with %s', (_, decided, kind) => {
    expect(decided.kind).toBe(kind);
  });

  it('names what is lacking', () => {
    expect(plan(ended('refused'))).toMatchObject({ lack: { kind: 'ended', cause: 'refused' } });
    const lack = (reason: string) => ({ lack: { kind: 'no_refresh_token', reason } });
    expect(plan({ ...ended('refused'), told: 1 })).toMatchObject(lack('refused'));
    expect(plan({ session: undefined })).toMatchObject(lack('signed_out'));
    expect(plan(ended('logout'))).toMatchObject(lack('signed_out'));
    expect(plan(ended(undefined))).toMatchObject(lack('refused'));
    expect(plan({})).toMatchObject(lack('audience_never_granted'));
    expect(plan({ family: live }, 'on', {}, 'write:things')).toMatchObject(lack('scope_never_granted'));
    expect(plan({}, 'on', { useRefreshTokens: false })).toMatchObject({ lack: { kind: 'not_used' } });
  });
});
