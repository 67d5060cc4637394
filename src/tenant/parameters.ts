/** Request parameters: a query, a form or JSON, each name once, empty ones as if they were absent (RFC 6749 §3.1). */
import { parseJsonObject } from '../oauth/json.ts';

export interface Parameters {
  get(name: string): string | undefined;
  /** A name that was sent more than once, if there is one; such a request is refused. */
  readonly repeated: string | undefined;
}

/** Parameters of a query or a form. */
export function readFormParameters(form: URLSearchParams): Parameters {
  const seen = new Set<string>();
  return {
    get: (name) => form.get(name) || undefined,
    repeated: [...form.keys()].find((name) => seen.size === seen.add(name).size),
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
  const type = contentTypeOf(request);
  const body = await request.text();
  if (type === formType) return readFormParameters(new URLSearchParams(body));
  return type === 'application/json' ? readJsonParameters(body) : undefined;
}

const formType = 'application/x-www-form-urlencoded';

const contentTypeOf = ({ headers }: Request): string | undefined =>
  headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();

function readJsonParameters(body: string): Parameters | undefined {
  const members = parseJsonObject(body);
  if (!members) return undefined;
  const given = Object.entries(members).filter(([, value]) => value !== null);
  const texts = new Map<string, string>();
  for (const [name, value] of given) {
    if (typeof value !== 'string') return undefined;
    texts.set(name, value);
  }
  return { get: (name) => texts.get(name) || undefined, repeated: undefined };
}
