/** Request parameters: a query, a form or JSON, each name once, empty ones as if they were absent (RFC 6749 §3.1). */
import { parseJsonObject } from '../oauth/json.ts';

export interface Parameters {
  get(name: string): string | undefined;
  /** A name that was sent more than once, if there is one; such a request is refused. */
  readonly repeated: string | undefined;
  /** All of them. */
  readonly pairs: readonly (readonly [name: string, value: string])[];
}

/** Parameters of a query or a form. */
export function readFormParameters(form: URLSearchParams): Parameters {
  const seen = new Set<string>();
  return {
    get: (name) => form.get(name) || undefined,
    repeated: [...form.keys()].find((name) => seen.size === seen.add(name).size),
    get pairs() {
      return [...form];
    },
  };
}

/** The body of a page's form, or `undefined` when it is none, or has a name twice. */
export async function readPageForm(request: Request): Promise<Parameters | undefined> {
  if (contentTypeOf(request) !== formType) return undefined;
  const form = readFormParameters(new URLSearchParams(await request.text()));
  return form.repeated === undefined ? form : undefined;
}

/** The body of a POST as parameters, or `undefined` when it is neither a form nor a JSON object of texts. */
export async function readBodyParameters(request: Request): Promise<Parameters | undefined> {
  return readParameters(request, await request.text());
}

/** The same, of a request that somebody else is to read, too; nothing for a body that is too large. */
export async function peekAtBodyParameters(request: Request): Promise<Parameters | undefined> {
  const body = await textWithin(largestBody, request.clone());
  return body === undefined ? undefined : readParameters(request, body);
}

/** Bytes: no request of a client comes near it. */
export const largestBody = 256 * 1024;

async function textWithin(limit: number, { body }: Request): Promise<string | undefined> {
  if (!body) return '';
  const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let size = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    size += next.value.length;
    if (size > limit) {
      reader.cancel().catch(() => {}); // it waits for the other reader
      return undefined;
    }
    text += decoder.decode(next.value, { stream: true });
  }
  return text + decoder.decode();
}

function readParameters(request: Request, body: string): Parameters | undefined {
  const type = contentTypeOf(request);
  if (type === formType) return readFormParameters(new URLSearchParams(body));
  return type === 'application/json' ? readJsonParameters(body) : undefined;
}

/** The JSON object that a body holds; nothing for any other, nor for one that no honest client nests so deep. */
export function readJsonObject(body: string): Record<string, unknown> | undefined {
  const object = parseJsonObject(body);
  return object && isWithin(deepest, object) ? object : undefined;
}

/** The same of a JSON list. */
export function readJsonList(body: string): readonly unknown[] | undefined {
  try {
    const list: unknown = JSON.parse(body);
    return Array.isArray(list) && isWithin(deepest, list) ? list : undefined;
  } catch {
    return undefined;
  }
}

/** Levels: what validates and writes JSON goes down by recursion, and a body may have more levels than the stack. */
const deepest = 100;

const isWithin = (levels: number, value: unknown): boolean =>
  typeof value !== 'object' ||
  value === null ||
  (levels > 0 && Object.values(value).every((member) => isWithin(levels - 1, member)));

const formType = 'application/x-www-form-urlencoded';

/** The media type of a body, without its parameters. */
export const contentTypeOf = ({ headers }: Request): string | undefined =>
  headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();

function readJsonParameters(body: string): Parameters | undefined {
  const members = readJsonObject(body);
  if (!members) return undefined;
  const given = Object.entries(members).filter(([, value]) => value !== null);
  const texts = new Map<string, string>();
  for (const [name, value] of given) {
    if (typeof value !== 'string') return undefined;
    texts.set(name, value);
  }
  return { get: (name) => texts.get(name) || undefined, repeated: undefined, pairs: [...texts] };
}
