/** The post-login hook: what a developer has to say of every sign-in and every refresh before it is granted, as Auth0's Actions. */
import type { User } from './configuration.ts';
import type { TenantContext } from './context.ts';

/** What is about to be granted. */
export interface PostLoginEvent {
  /**
   * `oidc-basic-profile`: a sign-in, silent where `prompt` says `none`. `oauth2-refresh-token`: a refresh. `oauth2-device-code`: a
   * sign-in for a device. The others: sign-ins at the token endpoint.
   */
  readonly protocol:
    | 'oidc-basic-profile'
    | 'oauth2-refresh-token'
    | 'oauth2-password'
    | 'oauth2-passwordless'
    | 'oauth2-device-code'
    | 'oauth2-token-exchange';
  readonly prompt: readonly string[];
  readonly client_id: string;
  readonly user: Omit<User, 'password' | 'connection'>;
  readonly scope: readonly string[];
  readonly audience: string | null;
  /** The user has given a second factor: in this session, or for this refresh. */
  readonly secondFactor: boolean;
}

/** What `onPostLogin` decides; nothing of it: the sign-in goes on as it is. */
export interface PostLoginResult {
  /** Why not: `error_description` of `access_denied`. Nothing is consumed. */
  readonly deny?: string;
  /** Ask for a second factor, unless it was given. */
  readonly requireSecondFactor?: boolean;
  /** Further claims, as JSON; by names that are URIs. */
  readonly idTokenClaims?: Readonly<Record<string, unknown>>;
  readonly accessTokenClaims?: Readonly<Record<string, unknown>>;
}

/** What a client wants to exchange. */
export interface TokenExchangeEvent {
  readonly client_id: string;
  /** As it was sent; nobody has looked at it. */
  readonly subject_token: string;
  /** A URI, none of the IETF's. */
  readonly subject_token_type: string;
  readonly scope: readonly string[];
  readonly audience: string | null;
}

/** The user whom the token speaks for, or why there are none: `error_description` of `access_denied`. */
export type TokenExchangeResult = { readonly user_id: string } | { readonly deny: string };

/** The app's own code, in the place of Auth0's Actions. */
export interface Hooks {
  /**
   * Called before a sign-in or a refresh is granted, again where a page or a second factor came between; one that takes its
   * time holds up no other request. What it throws is the request's failure, with 500.
   */
  readonly onPostLogin?: (
    event: PostLoginEvent,
  ) => PostLoginResult | undefined | Promise<PostLoginResult | undefined>;
  /**
   * Says whom a token of somebody else's speaks for (RFC 8693); judging it is the hook's. Without one no token is exchanged. What it
   * throws is the request's failure, with 500.
   */
  readonly onTokenExchange?: (
    event: TokenExchangeEvent,
  ) => TokenExchangeResult | Promise<TokenExchangeResult>;
}

/** Claims that the hook adds. */
export interface CustomClaims {
  readonly idToken: Readonly<Record<string, unknown>>;
  readonly accessToken: Readonly<Record<string, unknown>>;
}

export type PostLoginVerdict =
  | { readonly kind: 'denied'; readonly why: string }
  | { readonly kind: 'allowed'; readonly needsSecondFactor: boolean; readonly claims: CustomClaims };

const allowed: PostLoginVerdict = {
  kind: 'allowed',
  needsSecondFactor: false,
  claims: { idToken: {}, accessToken: {} },
};

/**
 * Without a hook everything is allowed.
 * @throws {TypeError} for what is no result, and for claims that are no JSON, or could be taken for the tenant's own
 */
export async function judgePostLogin(
  { onPostLogin }: TenantContext,
  asked: Omit<PostLoginEvent, 'user'> & { readonly user: User },
): Promise<PostLoginVerdict> {
  if (!onPostLogin) return allowed;
  const {
    user: { password: _, connection: _connection, ...user },
    ...event
  } = asked;
  const result = (await onPostLogin({ ...event, user })) ?? {};
  refuseMistakes(result);
  const { deny } = result;
  if (deny !== undefined) return { kind: 'denied', why: deny };
  return {
    kind: 'allowed',
    needsSecondFactor: result.requireSecondFactor === true && !event.secondFactor,
    claims: { idToken: namespaced(result.idTokenClaims), accessToken: namespaced(result.accessTokenClaims) },
  };
}

/** A hook in JavaScript may give anything, and what is not understood must let nobody in. */
function refuseMistakes(result: unknown): void {
  const found = (value: unknown) => (value === null ? 'null' : typeof value);
  if (typeof result !== 'object' || result === null)
    throw new TypeError(`onPostLogin: expected an object or nothing, found ${found(result)}`);
  for (const [name, value] of Object.entries(result)) {
    if (!Object.hasOwn(members, name))
      throw new TypeError(`onPostLogin: expected one of ${Object.keys(members).join(', ')}, found "${name}"`);
    const [type, inWords] = members[name as keyof PostLoginResult]; // own, as was just seen
    if (value !== undefined && (typeof value !== type || value === null))
      throw new TypeError(`onPostLogin: expected ${inWords} for "${name}", found ${found(value)}`);
  }
}

const members: Readonly<Record<keyof PostLoginResult, readonly [type: string, inWords: string]>> = {
  deny: ['string', 'a text that says why'],
  requireSecondFactor: ['boolean', 'true or false'],
  idTokenClaims: ['object', 'an object of claims'],
  accessTokenClaims: ['object', 'an object of claims'],
};

function namespaced(claims: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  const plain = Object.keys(claims).find((name) => !URL.canParse(name));
  // A copy, made now: what cannot be written must fail before anything is consumed.
  if (plain === undefined) return JSON.parse(JSON.stringify(claims)) as typeof claims;
  throw new TypeError(
    `onPostLogin: expected a URI such as "https://app.example/${plain}", found the claim "${plain}"`,
  );
}
