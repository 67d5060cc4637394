/** `/api/v2/*`: the Management API, as far as it concerns clients, users and what they hold (Auth0 Management API v2). */
import { Hono } from 'hono';
import type { TenantContext } from '../context.ts';
import { allow, type Access, type ManagementContext } from './access.ts';
import {
  createClient,
  deleteClient,
  listClients,
  rotateSecret,
  showClient,
  updateClient,
} from './clients.ts';
import { respondWithError } from './management-error.ts';

type Endpoint = (context: TenantContext, c: ManagementContext) => Response | Promise<Response>;

export function managementApi(context: TenantContext): Hono<{ Variables: { access: Access } }> {
  const app = new Hono<{ Variables: { access: Access } }>();
  const on = (route: string, scopes: readonly string[], endpoint: Endpoint) => {
    const [method = '', path = ''] = route.split(' ');
    app.on(method, path, allow(context, ...scopes), async (c) => {
      const response = await endpoint(context, c);
      if (method !== 'GET') writeDown(context, c);
      return response;
    });
  };
  on('GET /clients', ['read:clients', 'read:client_keys'], listClients);
  on('POST /clients', ['create:clients'], createClient);
  on('GET /clients/:id', ['read:clients', 'read:client_keys'], showClient);
  on('PATCH /clients/:id', ['update:clients', 'update:client_keys'], updateClient);
  on('DELETE /clients/:id', ['delete:clients'], deleteClient);
  on('POST /clients/:id/rotate-secret', ['update:client_keys'], rotateSecret);
  app.onError(respondWithError);
  return app;
}

/** Never a body: passwords and secrets come in them. */
function writeDown({ journal }: TenantContext, c: ManagementContext): void {
  const { method, path } = c.req;
  journal.write({
    type: 'sapi',
    description: `${method} ${path}`,
    client_id: c.get('access').clientId,
    details: { request: { method, path } },
    decision: 'carry out',
    reason: 'the access token allows it',
  });
}
