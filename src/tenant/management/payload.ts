/** Request bodies, judged by JSON schemas; refused in Auth0's words, which are z-schema's, with one message. */
import { TenantConfigurationError } from '../configuration-error.ts';
import { contentTypeOf, readJsonObject } from '../parameters.ts';
import type { ManagementContext } from './access.ts';
import { ManagementError } from './management-error.ts';

/** JSON schema, draft 4. */
export type Schema = Readonly<Record<string, unknown>>;

export type Payload = Readonly<Record<string, unknown>>;

/** Loaded with the first body that there is to judge: it is more than the rest of the tenant. */
const loadValidator = async () => new (await import('z-schema')).default({});
let validator: ReturnType<typeof loadValidator> | undefined;

/** An object with these members and no other. */
export const objectOf = (properties: Readonly<Record<string, Schema>>, required: readonly string[] = []) => ({
  type: 'object',
  properties,
  additionalProperties: false,
  ...(required.length > 0 && { required }),
});

/** @param adapt what is done to the body before it is judged */
export async function readPayload(
  c: ManagementContext,
  schema: Schema,
  adapt: (payload: Payload) => Payload = (payload) => payload,
): Promise<Payload> {
  // Auth0 takes a body without a type for JSON.
  if ((contentTypeOf(c.req.raw) ?? 'application/json') !== 'application/json')
    throw new ManagementError(415, 'Unsupported Media Type');
  const parsed = readJsonObject(await c.req.text());
  if (!parsed) throw new ManagementError(400, 'Invalid request payload JSON format');
  const payload = adapt(parsed);
  const held = await (validator ??= loadValidator());
  if (held.validate(payload, schema)) return payload;
  const [first] = held.getLastErrors();
  if (first?.code === 'ENUM_MISMATCH' && first.params[0] === 'reusable')
    c.header('x-tenant-hint', 'the rotation type that reuses a token is called "non-rotating"'); // R62: a page of Auth0's says so
  throw invalidBody(
    first?.message ?? 'invalid',
    (first?.path ?? '#/').slice(2).replaceAll('/', '.'),
    first?.description,
  );
}

/** Runs a check of the configuration's, and refuses the body where it refuses a value. */
export function judge<T>(prefix: string, schema: Schema, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof TenantConfigurationError)) throw error;
    const path = error.field.replace(`${prefix}.`, '');
    throw invalidBody(error.reason, path, describe(schema, path.split('.')));
  }
}

function invalidBody(reason: string, path: string, description?: string): ManagementError {
  const place = path && ` on property ${path}${description ? ` (${description})` : ''}`;
  return new ManagementError(400, `Payload validation error: '${reason}'${place}.`, 'invalid_body');
}

function describe(schema: unknown, [name, ...rest]: readonly string[]): string | undefined {
  const { properties, description } = schema as { properties?: Schema; description?: string };
  if (name === undefined) return description;
  const member = properties?.[name];
  return member === undefined ? undefined : describe(member, rest);
}
