import { plainFetch } from './request-log.js';

/** The tenant's development routes, as far as the playground uses them. */
export function connectTenant({ tenantUrl, developmentToken, clientId }) {
  async function call(method, path, body) {
    const response = await plainFetch(`${tenantUrl}/__tenant/${path}`, {
      method,
      headers: {
        ...(method !== 'GET' && { 'x-tenant-token': developmentToken }),
        ...(body && { 'content-type': 'application/json' }),
      },
      body: body && JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method} /__tenant/${path}: the tenant answered ${response.status}`);
    return response.json();
  }

  return {
    journal: () => call('GET', 'journal'),
    clock: () => call('GET', 'clock'),
    advanceClock: (milliseconds) => call('POST', 'clock', { advance: milliseconds }),
    families: () => call('GET', 'families'),
    replay: (familyId) => call('POST', `families/${encodeURIComponent(familyId)}/replay`),
    setLeeway: (leeway) =>
      call('PATCH', `clients/${encodeURIComponent(clientId)}`, {
        refresh_token: { rotation_type: 'rotating', expiration_type: 'expiring', leeway },
      }),
  };
}
