/**
 * What goes wrong between a client and the tenant, on request: answers that are lost, late, or not OAuth at all. Each
 * strike is in the journal, with whether the refresh token was consumed.
 */
import type { Milliseconds, Seconds } from '../clock.ts';
import { parseJsonObject } from '../oauth/json.ts';
import { TenantConfigurationError } from './configuration-error.ts';
import type { Journal } from './journal.ts';
import type { Randomness } from './randomness.ts';

/**
 * `drop-request`: never arrives, and nothing is consumed. `drop-response`: handled, and the answer is lost. `delay`: the
 * answer comes `ms` later. `hang`: it never comes, or breaks off after `ms`. `status`: a gateway's or a busy server's answer
 * instead. `no-cors`: handled, and the page may not read the answer. `truncate`: handled, and the second half of the answer is
 * missing. `content-type`: handled, and the answer says that it is text. `omit`: handled, and members of the answer are missing.
 */
export type FaultKind = (typeof kinds)[number];

export interface Fault {
  readonly kind: FaultKind;
  /** Path. Default `/oauth/token`. */
  readonly endpoint?: string;
  /** Only requests of this `grant_type`. */
  readonly grant?: string;
  readonly client_id?: string;
  /** Strikes first at the nth request that matches, from now on. Default 1. */
  readonly nth?: number;
  /** How many requests it strikes. Default 1; `Infinity`: until it is removed. */
  readonly times?: number;
  /** For `delay` and `hang`. */
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

export interface FaultView extends Fault {
  readonly id: string;
  /** How often it has struck. */
  readonly hits: number;
}

export interface Faults {
  /**
   * Waits for the next requests that match.
   * @returns its id
   * @throws {TenantConfigurationError} for what is no fault
   */
  add(fault: Fault): string;
  list(): readonly FaultView[];
  /** False: there is none of that id. */
  remove(id: string): boolean;
  clear(): void;
}

/** The connection broke before the whole answer had arrived; what a page's `fetch` throws then (Fetch §4.6). */
export class BrokenConnectionError extends TypeError {
  override readonly name = 'TypeError';
  readonly cut: 'start' | 'body';

  constructor(cut: 'start' | 'body') {
    super('Failed to fetch');
    this.cut = cut;
  }
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

export interface FaultOptions {
  readonly journal: Journal;
  readonly random: Randomness;
  readonly wait: (span: Milliseconds) => Promise<void>;
}

/** The faults, and the way of every request past them. */
export function createFaults({ journal, random, wait }: FaultOptions): {
  faults: Faults;
  save: () => WaitingFault[];
  load: (saved: readonly WaitingFault[]) => void;
  pass: (request: Request, handle: (request: Request) => Promise<Response>) => Promise<Response>;
} {
  const waiting = new Map<string, { readonly fault: Fault; seen: number; hits: number }>();

  const faults: Faults = {
    add(fault) {
      const id = random.text(8);
      waiting.set(id, { fault: readFault(fault), seen: 0, hits: 0 });
      return id;
    },
    list: () => [...waiting].map(([id, { fault, hits }]) => ({ ...fault, id, hits })),
    remove: (id) => waiting.delete(id),
    clear: () => waiting.clear(),
  };
  return { faults, save, load, pass };

  function save(): WaitingFault[] {
    const finite = (count: number | undefined) => (count === Infinity ? 'always' : count);
    return [...waiting].map(([id, { fault, seen, hits }]) => ({
      id,
      fault: { ...fault, nth: finite(fault.nth), times: finite(fault.times) },
      seen,
      hits,
    }));
  }

  function load(saved: readonly WaitingFault[]): void {
    const count = (given: number | 'always' | undefined) => (given === 'always' ? Infinity : given);
    waiting.clear();
    for (const { id, fault, seen, hits } of saved)
      waiting.set(id, { fault: { ...fault, nth: count(fault.nth), times: count(fault.times) }, seen, hits });
  }

  async function pass(request: Request, handle: (request: Request) => Promise<Response>): Promise<Response> {
    if (waiting.size === 0 || request.method === 'OPTIONS') return handle(request);
    const form = new URLSearchParams(await request.clone().text());
    const fault = striking(new URL(request.url).pathname, form);
    return fault ? strike(fault, request, form, handle) : handle(request);
  }

  /** The first fault that strikes this request. Others count it all the same. */
  function striking(path: string, form: URLSearchParams): Fault | undefined {
    let found: Fault | undefined;
    for (const [id, entry] of waiting) {
      const { endpoint = '/oauth/token', grant, client_id, nth = 1, times = 1 } = entry.fault;
      if (endpoint !== path) continue;
      if (grant !== undefined && grant !== form.get('grant_type')) continue;
      if (client_id !== undefined && client_id !== form.get('client_id')) continue;
      entry.seen++;
      if (found || entry.seen < nth) continue;
      found = entry.fault;
      entry.hits++;
      if (entry.hits >= times) waiting.delete(id);
    }
    return found;
  }

  async function strike(
    fault: Fault,
    request: Request,
    form: URLSearchParams,
    handle: (request: Request) => Promise<Response>,
  ): Promise<Response> {
    const { kind, ms, when = kind === 'delay' ? 'after' : 'before', cut = 'body' } = fault;
    const handled = when === 'after' || alwaysHandled.includes(kind);
    const cors = request.headers.get('origin');
    const response = handled && kind !== 'drop-request' ? await handle(request) : undefined;
    const isRefresh = form.get('grant_type') === 'refresh_token';
    const consumed = isRefresh && response?.ok === true;
    journal.write({
      type: 'fault',
      description: `A fault struck: ${kind}`,
      client_id: form.get('client_id') ?? undefined,
      details: { ...fault, consumed },
      decision: kind,
      reason: `${response ? 'handled first' : 'not handled'}; ${consumed ? 'the refresh token was consumed' : 'nothing was consumed'}`,
    });
    switch (kind) {
      case 'drop-request':
        throw new BrokenConnectionError('start');
      case 'drop-response':
        throw new BrokenConnectionError(cut);
      case 'hang':
        await (ms === undefined ? new Promise<never>(() => {}) : wait(ms));
        throw new BrokenConnectionError(cut);
      case 'delay':
        await wait(ms ?? 0);
        return response ?? handle(request);
      case 'no-cors':
        return withoutCors(response as Response); // handled above, as are the next three
      case 'truncate':
        return withText(response as Response, (text) => text.slice(0, text.length / 2));
      case 'content-type':
        return withText(response as Response, (text) => text, 'text/plain');
      case 'omit':
        return withText(response as Response, (text) => withoutMembers(text, fault.members ?? []));
      case 'status':
        return statusAnswer(fault, cors);
    }
  }
}

function withoutCors(response: Response): Response {
  const headers = new Headers(response.headers);
  for (const name of Array.from(headers.keys())) if (name.startsWith('access-control-')) headers.delete(name);
  return new Response(response.body, { status: response.status, headers });
}

async function withText(
  response: Response,
  change: (text: string) => string,
  type?: string,
): Promise<Response> {
  const headers = new Headers(response.headers);
  headers.delete('content-length');
  if (type !== undefined) headers.set('content-type', type);
  return new Response(change(await response.text()), { status: response.status, headers });
}

/** What is no JSON object has no members, and stays as it is. */
function withoutMembers(text: string, members: readonly string[]): string {
  const answer = parseJsonObject(text);
  if (!answer) return text;
  return JSON.stringify(
    Object.fromEntries(Object.entries(answer).filter(([name]) => !members.includes(name))),
  );
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
    nth: ['a number from 1', number(1)],
    times: ['a number from 1', number(1)],
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
] as const;

/** What these do is done to the endpoint's own answer. */
const alwaysHandled: readonly FaultKind[] = ['drop-response', 'no-cors', 'truncate', 'content-type', 'omit'];
