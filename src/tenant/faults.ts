/**
 * What goes wrong between a client and the tenant, on request: answers that are lost, late, out of order, wrong, or not OAuth
 * at all. Each strike is in the journal, with whether the refresh token was consumed.
 */
import type { Milliseconds, Seconds } from '../clock.ts';
import { parseJsonObject } from '../oauth/json.ts';
import { decodeJwt } from '../oauth/jwt.ts';
import { BrokenConnectionError } from './broken-connection-error.ts';
import { readBasicCredentials } from './client-authentication.ts';
import { TenantConfigurationError } from './configuration-error.ts';
import { forgetNonces } from './dpop.ts';
import { userByEmail, type TenantContext } from './context.ts';
import { peekAtBodyParameters, readFormParameters, type Parameters } from './parameters.ts';
import { userOfRequest } from './request-user.ts';
import { rotateSigningKey } from './signing-keys.ts';
import { sign } from './token-issuance.ts';

/**
 * `drop-request`: never arrives, and nothing is consumed. `drop-response`: handled, and the answer is lost. `delay`: the
 * answer comes `ms` later. `hang`: it never comes, or breaks off after `ms`. `status`: a gateway's or a busy server's answer
 * instead. `no-cors`: handled, and the page may not read the answer. `truncate`: handled, and the second half of the answer is
 * missing. `content-type`: handled, and the answer says that it is text. `omit`: handled, and members of the answer are missing.
 *
 * `reorder`: handled, and the answer is held until the next request that matches was answered. That one is handled when this
 * one has been, and is not struck itself. What is held is let go when `ms` have passed, if they are given, and when the fault
 * is removed, which is listed until then; `restore` and `reset` let it go, too.
 *
 * `rotate-key`: the tenant signs with a fresh key from this request on; the JWK Set shows it, and the two before it.
 * `stale-jwks`: handled, and the newest key is missing from the answer.
 *
 * `bad-iss`, `bad-aud`, `bad-nonce`, `bad-sub`, `bad-iat`: handled, and in the answer's ID token that claim is a text that it
 * should not be, under a good signature. `bad-sig`: handled, and the signature of the ID token is none. An answer without an ID
 * token stays as it is.
 *
 * `duplicate`: handled twice, as if something on the way had sent it again; the second answer goes out.
 *
 * `nonce-churn`: every DPoP nonce that was given out is worth nothing from this request on, so that its proof is refused with a
 * fresh one.
 *
 * `mfa-required`: a refresh is asked for a second factor before it goes on; nothing is consumed.
 *
 * `popup-sever`: handled, and the answer has the `Cross-Origin-Opener-Policy` `same-origin`, which cuts a popup off.
 */
export type FaultKind = (typeof kinds)[number];

/** Something that goes wrong on purpose, for the requests that match every member that is there. */
export interface Fault {
  readonly kind: FaultKind;
  /** Path. Default `/oauth/token`; for `stale-jwks` `/.well-known/jwks.json`, for `popup-sever` `/authorize`. */
  readonly endpoint?: string;
  /** Only requests of this `grant_type`. `mfa-required` is for `refresh_token`, and for no other. */
  readonly grant?: string;
  readonly client_id?: string;
  /**
   * Only requests of this user, by `user_id` or e-mail address: whose refresh token, code, access token or
   * address the request carries, and where it should carry none of them, whose session its cookies name.
   */
  readonly user?: string;
  /** Strikes first at the nth request that matches, from now on. Default 1. */
  readonly nth?: number;
  /** How many requests it strikes. Default 1; `Infinity`: until it is removed. */
  readonly times?: number;
  /**
   * How likely it strikes a request whose turn it is, from 0 to 1; by the tenant's seed. One that it lets pass does not count
   * among the `times`. Default: it does strike.
   */
  readonly probability?: number;
  /** For `delay` and `hang`; for `reorder`, how long at most. */
  readonly ms?: Milliseconds;
  /** For `status`. Default 503. */
  readonly status?: number;
  /** For `status`. Default `json`. */
  readonly body?: 'json' | 'html' | 'empty';
  /** For `status`: the header of that name. */
  readonly retryAfter?: Seconds;
  /** For `omit`: which members. */
  readonly members?: readonly string[];
  /** Whether the endpoint handles the request first. Default: `after` for `delay`, otherwise `before`. */
  readonly when?: 'before' | 'after';
  /**
   * Over HTTP, where the connection of a dropped answer breaks: in its `body` (default), or at its `start`, before the first
   * byte; browsers then send the request again by themselves.
   */
  readonly cut?: 'start' | 'body';
}

/** A fault, and what has become of it. */
export interface FaultView extends Fault {
  readonly id: string;
  /** How often it has struck. */
  readonly hits: number;
}

/** `tenant.faults`: what is to go wrong. */
export interface Faults {
  /**
   * Waits for the next requests that match.
   * @returns its id
   * @throws {TenantConfigurationError} for what is no fault
   */
  add(fault: Fault): string;
  /** Those that wait, in the order of adding. */
  list(): readonly FaultView[];
  /** False: there is none of that id. */
  remove(id: string): boolean;
  /** Forgets all of them. */
  clear(): void;
}

/** A fault that waits, as JSON can hold it: what has no end is `'always'`. */
export interface WaitingFault {
  readonly id: string;
  readonly fault: Omit<Fault, 'nth' | 'times'> & {
    readonly nth?: number | 'always';
    readonly times?: number | 'always';
  };
  readonly seen: number;
  readonly hits: number;
}

interface Entry {
  readonly fault: Fault;
  seen: number;
  hits: number;
  /** For `reorder`, while it holds an answer. */
  held?: Held | undefined;
}

/** An answer that waits for that of the next request. */
interface Held {
  /** Once the request has been handled, or is no longer waited for. */
  readonly handled: Promise<void>;
  readonly markHandled: () => void;
  readonly released: Promise<void>;
  readonly release: () => void;
  /** By a request that is under way. */
  overtaken: boolean;
}

/** What the endpoint itself is told of a fault; a request is made anew on its way there, so it cannot be told by that. */
export interface Struck {
  readonly askForSecondFactor?: boolean;
}

type Handler = (request: Request, struck?: Struck) => Promise<Response>;

/** What a fault asks of a request. */
interface Asked {
  readonly path: string;
  readonly grantType: string | undefined;
  readonly clientId: string | undefined;
  readonly userId: string | undefined;
}

/** The faults, and the way of every request past them. */
export function createFaults(
  context: TenantContext,
  wait: (span: Milliseconds) => Promise<void>,
): {
  faults: Faults;
  save: () => WaitingFault[];
  load: (saved: readonly WaitingFault[]) => void;
  pass: (request: Request, handle: Handler) => Promise<Response>;
} {
  const { journal, random } = context;
  const waiting = new Map<string, Entry>();

  const faults: Faults = {
    add(fault) {
      const id = random.text(8);
      waiting.set(id, { fault: readFault(fault), seen: 0, hits: 0 });
      return id;
    },
    list: () => [...waiting].map(([id, { fault, hits }]) => ({ ...fault, id, hits })),
    remove(id) {
      const entry = waiting.get(id);
      waiting.delete(id);
      entry?.held?.release();
      return entry !== undefined;
    },
    clear() {
      for (const { held } of waiting.values()) held?.release();
      waiting.clear();
    },
  };
  return { faults, save, load, pass };

  function save(): WaitingFault[] {
    return [...waiting]
      .filter(([, entry]) => !isSpent(entry)) // it only holds an answer, which nobody waits for in another tenant
      .map(([id, { fault, seen, hits }]) => ({
        id,
        fault: asJson(fault),
        seen,
        hits,
      }));
  }

  function load(saved: readonly WaitingFault[]): void {
    const count = (given: number | 'always' | undefined) => (given === 'always' ? Infinity : given);
    faults.clear();
    for (const { id, fault, seen, hits } of saved)
      waiting.set(id, { fault: { ...fault, nth: count(fault.nth), times: count(fault.times) }, seen, hits });
  }

  async function pass(request: Request, handle: Handler): Promise<Response> {
    if (waiting.size === 0 || request.method === 'OPTIONS') return handle(request);
    const parameters = await parametersOf(request);
    const basic = readBasicCredentials(request.headers.get('authorization'));
    const asked: Asked = {
      path: new URL(request.url).pathname,
      grantType: parameters.get('grant_type'),
      clientId: parameters.get('client_id') ?? basic?.clientId,
      userId: userOfRequest(context, request, parameters),
    };
    const { fault, held, overtaken } = striking(asked);
    for (const { handled } of overtaken) await handled;
    try {
      return await (fault ? strike(fault, held, { request, asked }, handle) : handle(request));
    } finally {
      held?.release();
      for (const { release } of overtaken) release(); // the answer goes out one turn before theirs
    }
  }

  /** The first fault that strikes this request, and the answers that wait for it. Others count it all the same. */
  function striking(asked: Asked): { fault?: Fault; held?: Held | undefined; overtaken: Held[] } {
    const overtaken: Held[] = [];
    let found: Entry | undefined;
    for (const [id, entry] of waiting) {
      const { kind, nth = 1, probability } = entry.fault;
      if (!matches(entry.fault, asked)) continue;
      entry.seen++;
      if (entry.held) {
        if (!entry.held.overtaken) overtaken.push(entry.held);
        entry.held.overtaken = true;
      } else if (!found && entry.seen >= nth && byChance(probability)) {
        found = entry;
        entry.hits++;
        if (kind === 'reorder') entry.held = hold(id, entry);
        else if (isSpent(entry)) waiting.delete(id);
      }
    }
    return { ...(found && { fault: found.fault, held: found.held }), overtaken };
  }

  function matches(
    {
      kind,
      endpoint = defaultEndpoints[kind] ?? '/oauth/token',
      grant = defaultGrants[kind],
      client_id,
      user,
    }: Fault,
    { path, grantType, clientId, userId }: Asked,
  ): boolean {
    return (
      endpoint === path &&
      (grant === undefined || grant === grantType) &&
      (client_id === undefined || client_id === clientId) &&
      (user === undefined ||
        (userId !== undefined && (user === userId || userByEmail(context, user)?.user_id === userId)))
    );
  }

  function byChance(probability: number | undefined): boolean {
    return probability === undefined || parseInt(random.hex(8), 16) / 2 ** 32 < probability;
  }

  function hold(id: string, entry: Entry): Held {
    const [handled, markHandled] = signal();
    const [released, letGo] = signal();
    const held: Held = {
      handled,
      markHandled,
      released,
      release() {
        if (entry.held !== held) return;
        entry.held = undefined;
        if (isSpent(entry)) waiting.delete(id);
        markHandled();
        letGo();
      },
      overtaken: false,
    };
    return held;
  }

  async function strike(
    fault: Fault,
    held: Held | undefined,
    { request, asked }: { request: Request; asked: Asked },
    handle: Handler,
  ): Promise<Response> {
    const { kind, ms, when = kind === 'delay' ? 'after' : 'before', cut = 'body' } = fault;
    const isLate = kind === 'delay' && when === 'before';
    const handled = isLate || (kind !== 'drop-request' && (when === 'after' || !mayComeFirst.includes(kind)));
    const cors = request.headers.get('origin');
    if (kind === 'rotate-key') rotateSigningKey(context);
    if (kind === 'nonce-churn') forgetNonces(context);
    if (isLate) await wait(ms ?? 0);
    const first = kind === 'duplicate' ? await handle(request.clone()) : undefined;
    const response = handled
      ? await handle(request, { askForSecondFactor: kind === 'mfa-required' })
      : undefined;
    const isRefresh = asked.grantType === 'refresh_token';
    const consumed = isRefresh && ((await bringsRefreshToken(first)) || (await bringsRefreshToken(response)));
    const way = isLate ? 'handled after the delay' : handled ? 'handled first' : 'not handled';
    journal.write({
      type: 'fault',
      description: `A fault struck: ${kind}`,
      client_id: asked.clientId,
      details: { ...asJson(fault), consumed },
      decision: kind,
      reason: `${way}; ${consumed ? 'the refresh token was consumed' : 'nothing was consumed'}`,
    });
    switch (kind) {
      case 'drop-request':
        throw new BrokenConnectionError('start');
      case 'drop-response':
        throw new BrokenConnectionError(cut);
      case 'hang':
        await Promise.race([givenUp(request), ...(ms === undefined ? [] : [wait(ms)])]);
        throw new BrokenConnectionError(cut);
      case 'delay':
        if (!isLate) await Promise.race([givenUp(request), wait(ms ?? 0)]);
        return response as Response; // handled above, as are all that follow but `status`
      case 'reorder':
        held?.markHandled();
        await Promise.race([givenUp(request), held?.released, ...(ms === undefined ? [] : [wait(ms)])]);
        return response as Response;
      case 'rotate-key':
      case 'nonce-churn':
      case 'duplicate':
      case 'mfa-required':
        return response as Response;
      case 'no-cors':
        return withoutCors(response as Response);
      case 'popup-sever':
        return withHeader(response as Response, 'Cross-Origin-Opener-Policy', 'same-origin'); // redirects count too (HTML §7.1.3)
      case 'truncate':
        return withText(response as Response, (text) => text.slice(0, text.length / 2));
      case 'content-type':
        return withText(response as Response, (text) => text, 'text/plain');
      case 'omit':
        return withText(response as Response, (text) => withoutMembers(text, fault.members ?? []));
      case 'stale-jwks':
        return withText(response as Response, withoutNewestKey);
      case 'bad-iss':
      case 'bad-aud':
      case 'bad-nonce':
      case 'bad-sub':
      case 'bad-iat':
      case 'bad-sig':
        return withText(response as Response, (text) => withBadIdToken(context, text, kind));
      case 'status':
        return statusAnswer(fault, cors);
    }
  }
}

/** What a request asks with: its query, or its body. */
async function parametersOf(request: Request): Promise<Parameters> {
  if (request.method === 'GET') return readFormParameters(new URL(request.url).searchParams);
  return (await peekAtBodyParameters(request)) ?? readFormParameters(new URLSearchParams());
}

/** JSON has no infinity. */
export function asJson<T extends Fault>({ nth, times, ...fault }: T) {
  const finite = (count: number) => (count === Infinity ? ('always' as const) : count);
  return {
    ...fault,
    ...(nth !== undefined && { nth: finite(nth) }),
    ...(times !== undefined && { times: finite(times) }),
  };
}

/** It has struck as often as it was told to. */
const isSpent = ({ hits, fault: { times = 1 } }: Entry): boolean => hits >= times;

/** A promise, and what fulfils it. */
function signal(): [promise: Promise<void>, fulfil: () => void] {
  let fulfil = () => {};
  const promise = new Promise<void>((resolve) => {
    fulfil = resolve;
  });
  return [promise, fulfil];
}

function withoutCors(response: Response): Response {
  const headers = new Headers(response.headers);
  for (const name of Array.from(headers.keys())) if (name.startsWith('access-control-')) headers.delete(name);
  return new Response(response.body, { status: response.status, headers });
}

function withHeader(response: Response, name: string, value: string): Response {
  const headers = new Headers(response.headers);
  headers.set(name, value);
  return new Response(response.body, { status: response.status, headers });
}

/** An answer without a body, a 204 among them, says nothing that could be changed, and may not get one. */
async function withText(
  response: Response,
  change: (text: string) => string | Promise<string>,
  type?: string,
): Promise<Response> {
  if (response.body === null) return response;
  const headers = new Headers(response.headers);
  headers.delete('content-length');
  if (type !== undefined) headers.set('content-type', type);
  return new Response(await change(await response.text()), { status: response.status, headers });
}

/** A refresh token that was consumed has a successor; one of a client that does not rotate stays as it is. */
async function bringsRefreshToken(response: Response | undefined): Promise<boolean> {
  if (response?.ok !== true) return false;
  return parseJsonObject(await response.clone().text())?.['refresh_token'] !== undefined;
}

/** What is no JSON object has no members, and stays as it is. */
function withoutMembers(text: string, members: readonly string[]): string {
  const answer = parseJsonObject(text);
  if (!answer) return text;
  return JSON.stringify(
    Object.fromEntries(Object.entries(answer).filter(([name]) => !members.includes(name))),
  );
}

/** The newest key is the first. */
function withoutNewestKey(text: string): string {
  const answer = parseJsonObject(text);
  if (!Array.isArray(answer?.['keys'])) return text;
  return JSON.stringify({ ...answer, keys: answer['keys'].slice(1) });
}

async function withBadIdToken(
  context: TenantContext,
  text: string,
  kind: FaultKind & `bad-${string}`,
): Promise<string> {
  const answer = parseJsonObject(text);
  const idToken = answer?.['id_token'];
  if (typeof idToken !== 'string') return text;
  return JSON.stringify({
    ...answer,
    id_token:
      kind === 'bad-sig' ? withBadSignature(idToken) : await withBadClaim(context, idToken, kind.slice(4)),
  });
}

/** Another first character is another number. */
function withBadSignature(jwt: string): string {
  const start = jwt.lastIndexOf('.') + 1;
  return `${jwt.slice(0, start)}${jwt[start] === 'A' ? 'B' : 'A'}${jwt.slice(start + 1)}`;
}

function withBadClaim(context: TenantContext, jwt: string, name: string): Promise<string> {
  const { claims } = decodeJwt(jwt);
  return sign(context, { ...claims, [name]: `not-${String(claims[name])}` });
}

/** Readable by the page, unless it comes from no page. Auth0 documents the body of a 429 and of no other. */
function statusAnswer({ status = 503, body = 'json', retryAfter }: Fault, origin: string | null): Response {
  const headers = new Headers({ 'Cache-Control': 'no-store' });
  if (origin !== null) {
    headers.set('Access-Control-Allow-Origin', origin);
    headers.set('Access-Control-Expose-Headers', 'Retry-After');
    headers.set('Vary', 'Origin');
  }
  if (retryAfter !== undefined) headers.set('Retry-After', String(retryAfter));
  if (body === 'empty') return new Response(null, { status, headers });
  headers.set('Content-Type', body === 'html' ? 'text/html' : 'application/json');
  if (body === 'html') return new Response(`<html><h1>${status}</h1></html>`, { status, headers });
  const error = status === 429 ? 'too_many_requests' : 'temporarily_unavailable';
  const error_description = status === 429 ? 'Too many requests' : 'The server is not available for a while';
  return new Response(JSON.stringify({ error, error_description }), { status, headers });
}

/** @throws {TenantConfigurationError} naming the member that is wrong */
function readFault(source: unknown): Fault {
  if (typeof source !== 'object' || source === null)
    throw new TenantConfigurationError('fault', 'an object', source);
  const fault: Record<string, unknown> = { ...source };
  const number = (least: number) => (value: unknown) => typeof value === 'number' && value >= least;
  const time = (value: unknown) => number(0)(value) && Number.isFinite(value);
  const choice =
    (...choices: readonly string[]) =>
    (value: unknown) =>
      choices.includes(value as string);
  const text = (value: unknown) => typeof value === 'string' && value !== '';
  const rules: Record<string, readonly [expected: string, test: (value: unknown) => boolean]> = {
    kind: [kinds.join(', '), choice(...kinds)],
    endpoint: ['a path such as "/oauth/token"', (value) => text(value) && String(value).startsWith('/')],
    grant: ['a grant type', text],
    client_id: ['a client id', text],
    user: ['a user id or an e-mail address', text],
    nth: ['a number from 1', number(1)],
    times: ['a number from 1', number(1)],
    probability: ['a number from 0 to 1', (value) => number(0)(value) && Number(value) <= 1],
    ms: ['milliseconds', time],
    status: ['a status from 400 to 599', (value) => number(400)(value) && Number(value) < 600],
    body: ['"json", "html" or "empty"', choice('json', 'html', 'empty')],
    retryAfter: ['seconds', time],
    members: ['a list of names', (value) => Array.isArray(value) && value.length > 0 && value.every(text)],
    when: ['"before" or "after"', choice('before', 'after')],
    cut: ['"start" or "body"', choice('start', 'body')],
  };
  for (const [name, value] of Object.entries({ kind: undefined, ...fault })) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (!rule)
      throw new TenantConfigurationError(`fault.${name}`, `one of ${Object.keys(rules).join(', ')}`, name);
    if ((value !== undefined || name === 'kind') && !rule[1](value))
      throw new TenantConfigurationError(`fault.${name}`, rule[0], value);
  }
  if ((fault['kind'] === 'omit') !== (fault['members'] !== undefined))
    throw new TenantConfigurationError(
      'fault.members',
      'names for the kind "omit", and for no other',
      fault['members'],
    );
  for (const [name, only] of [
    ['endpoint', '/oauth/token'],
    ['grant', 'refresh_token'],
  ] as const)
    if (fault['kind'] === 'mfa-required' && (fault[name] ?? only) !== only)
      throw new TenantConfigurationError(
        `fault.${name}`,
        `"${only}" for the kind "mfa-required"`,
        fault[name],
      );
  return fault as unknown as Fault; // every member was checked above
}

const kinds = [
  'drop-request',
  'drop-response',
  'delay',
  'hang',
  'status',
  'no-cors',
  'truncate',
  'content-type',
  'omit',
  'reorder',
  'rotate-key',
  'stale-jwks',
  'bad-iss',
  'bad-aud',
  'bad-nonce',
  'bad-sub',
  'bad-iat',
  'bad-sig',
  'nonce-churn',
  'duplicate',
  'popup-sever',
  'mfa-required',
] as const;

/** Whoever asked no longer waits; what was handled stays so. */
const givenUp = ({ signal }: Request): Promise<never> =>
  new Promise((_, reject) => {
    const giveUp = () => reject(signal.reason as Error); // what `abort` was given, as `fetch` rejects (Fetch §5.6)
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp);
  });

/** Of those that are for one endpoint; the others are for the token endpoint. */
const defaultEndpoints: { readonly [Kind in FaultKind]?: string } = {
  'stale-jwks': '/.well-known/jwks.json',
  'popup-sever': '/authorize',
};

const defaultGrants: { readonly [Kind in FaultKind]?: string } = { 'mfa-required': 'refresh_token' };

/** These may keep a request from the endpoint. What the others do is done to the endpoint's own answer. */
const mayComeFirst: readonly FaultKind[] = ['drop-request', 'delay', 'hang', 'status'];
