/** What failures mean, in words. */
import type { Fact, Failure } from './diagnosis.ts';

/** By code, or by code and reason. */
const explanations: Readonly<Record<string, string>> = {
  'network_error offline': 'the browser had no network, so nothing was sent',
  'network_error leaving': 'the page was being left, so nothing was sent',
  'network_error unreachable':
    'the server could not be reached, or its answer could not be read: the network, a proxy, an error page, or CORS',
  'network_error outcome_unknown':
    'a refresh token was sent and its answer was lost; a later call tries again',
  'network_error backing_off':
    'nothing was sent, because the last requests had failed, or the server asked for a pause',
  'timeout still_waiting': 'the answer took longer than the call could wait; it is kept when it comes',
  'timeout lock_timeout': 'another tab was refreshing for longer than the call could wait',
  'timeout worker_silent': 'the worker that holds refresh tokens did not answer',
  'timeout frame_offline': 'the browser lost its network while the hidden iframe was loading',
  'timeout frame_forbidden': 'the page\u2019s own Content-Security-Policy forbids the hidden iframe',
  'timeout frame_unreachable':
    'the tenant cannot be reached from this page: a wrong domain, or something on the way',
  'timeout frame_callback':
    'the hidden iframe was answered at the redirect URI: the provider knows no web_message',
  'timeout frame_silent':
    'the hidden iframe said nothing: an origin, callback or client id that is not listed, or a framing policy',
  'timeout frame_timeout': 'the hidden iframe did not load in time',
  'timeout popup_timeout': 'the user took too long in the popup',
  'invalid_grant refused':
    'the refresh token was refused: it had expired, was revoked, or had been spent before',
  'invalid_grant outcome_unknown':
    'the refresh token was refused after an answer had been lost (no leeway, or it was over)',
  'invalid_grant invalid_id_token':
    'a refresh brought the ID token of somebody else, and the session was ended',
  'missing_refresh_token signed_out': 'nobody was signed in: a logout in some tab, or no login yet',
  'missing_refresh_token audience_never_granted': 'no login had asked for that audience',
  'missing_refresh_token scope_never_granted': 'no login had asked for that scope',
  'missing_refresh_token refused': 'the refresh token for that audience is over',
  missing_refresh_token: 'there was no refresh token',
  missing_scopes: 'the tenant granted less than was asked for',
  'login_required signed_out': 'the user had logged out, or somebody else had signed in meanwhile',
  'login_required third_party_cookies':
    'the browser likely keeps the tenant\u2019s cookies from the hidden iframe',
  login_required: 'the tenant knows of no login of this browser, or blocked cookies hide it',
  consent_required: 'the tenant wants to ask for the user’s consent',
  interaction_required: 'the tenant wants to ask the user something',
  access_denied: 'the tenant, or the user, denied the login',
  mfa_required: 'the tenant asks for a second factor',
  invalid_grant: 'the tenant refused the code or the token',
  request_error: 'the server answered with what is no OAuth error: a proxy, a limit, or an outage',
  too_many_requests: 'the tenant had been asked too often',
  'storage_error newer_format':
    'a later version of latchkey has written the record: the page should be loaded anew',
  storage_error: 'the browser’s storage failed',
  invalid_id_token: 'an ID token was not what was asked for',
  invalid_dpop_proof: 'the key that the tokens are bound to is not this browser’s any more',
  feature_load_failed: 'a part of latchkey could not be loaded: a deployment, the network, or a policy',
  worker_unavailable: 'the worker that holds refresh tokens could not be started',
  'missing_transaction expired':
    'a login came back after an hour, or after five others, and did not take place',
  'missing_transaction consumed':
    'a callback had been handled before: it failed, nobody heard how it ended, or nobody was signed in any more',
  missing_transaction: 'a callback belonged to no login of this tab',
  state_mismatch: 'a callback belonged to another login',
  redirect_loop: 'the page redirected itself in a circle',
  discovery_failed: 'the provider’s discovery document could not be used',
  insecure_context: 'the page has no secure origin',
  popup_severed: 'a Cross-Origin-Opener-Policy cut the popup off',
  popup_open: 'the browser let no popup be opened',
  cancelled: 'the user closed the popup',
  unexpected: 'something threw that is none of latchkey’s errors',
};

/** One line. */
function explain({ error, reason, cause }: Failure): string {
  const known = explanations[`${error} ${reason}`] ?? explanations[error];
  const said = known ?? `the tenant answered "${error}"`;
  const detail =
    known === undefined || reason === undefined || `${error} ${reason}` in explanations ? '' : ` (${reason})`;
  const because = cause && cause.error !== 'unexpected' ? `; before that, ${explain(cause)}` : '';
  return `${said}${detail}${because}`;
}

/** Of an app that gave up, nothing is to be explained. */
const isOwnDoing = ({ error }: Failure): boolean =>
  ['aborted', 'disposed', 'invalid_configuration'].includes(error);

/** Why the last failure came about; where nothing was sent, also why not. */
export function causeOf(facts: readonly Fact[]): string | undefined {
  const failures = facts.flatMap(({ failure }) => (failure && !isOwnDoing(failure) ? [failure] : []));
  const last = failures.at(-1);
  if (last?.reason !== 'backing_off') return last && explain(last);
  const first = failures.filter(({ reason }) => reason !== 'backing_off').at(-1);
  return explain({ ...last, cause: first });
}
