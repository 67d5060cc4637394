// oidc-provider with rotation, JWT access tokens and a plain Map for an adapter, so that its answers hold what the tenant's hold.
import { Provider } from 'oidc-provider';
import { createServer } from 'node:http';
import { announce } from './contender.mjs';
import { privateJwk } from './key.mjs';

const audience = 'https://api.example';

/** The least that the adapter interface asks for; nothing expires. */
class MapAdapter {
  static stores = new Map();
  constructor(name) {
    this.store = MapAdapter.stores.get(name) ?? new Map();
    MapAdapter.stores.set(name, this.store);
  }
  async upsert(id, payload) {
    this.store.set(id, payload);
  }
  async find(id) {
    return this.store.get(id);
  }
  async findByUid(uid) {
    for (const payload of this.store.values()) if (payload.uid === uid) return payload;
  }
  async consume(id) {
    this.store.get(id).consumed = Math.floor(Date.now() / 1000);
  }
  async destroy(id) {
    this.store.delete(id);
  }
  async revokeByGrantId(grantId) {
    for (const [id, payload] of this.store) if (payload.grantId === grantId) this.store.delete(id);
  }
}

const server = createServer();
let provider;
const redirect_uri = 'http://localhost:3000/cb';
announce(server, async (count) => {
  const tokens = [];
  const client = await provider.Client.find('spa');
  for (let index = 0; index < count; index++) {
    const grant = new provider.Grant({ accountId: 'ada', clientId: 'spa' });
    grant.addOIDCScope('openid offline_access');
    grant.addResourceScope(audience, 'read:things');
    const grantId = await grant.save();
    const token = new provider.RefreshToken({
      accountId: 'ada',
      client,
      grantId,
      gty: 'authorization_code',
      scope: 'openid offline_access read:things',
      resource: audience,
      rotations: 0,
      authTime: Math.floor(Date.now() / 1000),
    });
    tokens.push(await token.save());
  }
  return {
    path: '/token',
    form: { client_id: 'spa', grant_type: 'refresh_token', resource: audience },
    tokens,
    login: {
      client_id: 'spa',
      redirect_uri,
      resource: audience,
      scope: 'openid offline_access',
      prompt: 'consent',
    },
  };
});
server.once('listening', () => {
  provider = new Provider(`http://127.0.0.1:${server.address().port}`, {
    adapter: MapAdapter,
    clients: [
      {
        client_id: 'spa',
        token_endpoint_auth_method: 'none',
        application_type: 'native', // a redirect URI on localhost
        redirect_uris: [redirect_uri],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
      },
    ],
    jwks: { keys: [privateJwk] },
    cookies: { keys: ['bench'] },
    rotateRefreshToken: true,
    ttl: {
      RefreshToken: 30 * 86_400,
      AccessToken: 3600,
      IdToken: 36_000,
      Grant: 30 * 86_400,
      Session: 86_400,
      Interaction: 3600,
    },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    features: {
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: 'read:things',
          audience,
          accessTokenTTL: 3600,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  });
  server.on('request', provider.callback());
});
