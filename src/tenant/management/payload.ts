/** Request bodies, judged by JSON schemas; refused in Auth0's words, which are z-schema's, with one message. */
import { TenantConfigurationError } from '../configuration-error.ts';
import { contentTypeOf, readJsonList, readJsonObject } from '../parameters.ts';
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
  const payload = adapt(await readJson(c, readJsonObject));
  await validate(c, payload, schema);
  return payload;
}

/** A body that is a list. @param schema of the list, whose items are objects */
export async function readListPayload(c: ManagementContext, schema: Schema): Promise<readonly Payload[]> {
  const list = await readJson(c, readJsonList);
  await validate(c, list, schema);
  return list as readonly Payload[]; // says the schema
}

async function readJson<T>(c: ManagementContext, read: (body: string) => T | undefined): Promise<T> {
  // Auth0 takes a body without a type for JSON.
  if ((contentTypeOf(c.req.raw) ?? 'application/json') !== 'application/json')
    throw new ManagementError(415, 'Unsupported Media Type');
  const parsed = read(await c.req.text());
  if (!parsed) throw new ManagementError(400, 'Invalid request payload JSON format');
  return parsed;
}

async function validate(c: ManagementContext, payload: unknown, schema: Schema): Promise<void> {
  const held = await (validator ??= loadValidator());
  if (held.validate(payload, schema)) return;
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
