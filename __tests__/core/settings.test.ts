import { describe, expect, it } from '@jest/globals';
import { Auth0Client } from '../../src/auth0-client.ts';
import type { Auth0ClientOptions } from '../../src/core/options.ts';
import { readSettings, storageName } from '../../src/core/settings.ts';
import { toV2Options } from '../../src/compatibility/v1-options.ts';
import { InMemoryCache, type ICache } from '../../src/core/cache.ts';

const good: Auth0ClientOptions = { domain: 'tenant.example', clientId: 'spa' };

describe('options that name no tenant and no application', () => {
  it.each([
    ['no options', undefined, /Options are no object/],
    ['no domain', { clientId: 'spa' }, /no domain/],
    ['an empty domain', { ...good, domain: '' }, /no domain/],
    ['a domain with a path', { ...good, domain: 'tenant.example/login' }, /no domain/],
    ['a domain with credentials', { ...good, domain: 'https://a@tenant.example' }, /no domain/],
    ['a domain that is no host', { ...good, domain: 'not a host' }, /no domain/],
    ['no client id', { domain: 'tenant.example' }, /"clientId" is missing/],
    ['an empty client id', { ...good, clientId: '' }, /"clientId" is missing/],
    [
      'an unknown cache location',
      { ...good, cacheLocation: 'sessionstorage' },
      /Invalid cacheLocation "sessionstorage"/,
    ],
    [
      'a cache location that has no text',
      { ...good, cacheLocation: Symbol('x') },
      /"cacheLocation" is no text/,
    ],
    [
      'a scope that has no text',
      { ...good, authorizationParams: { scope: Symbol('x') } },
      /"scope" is no text/,
    ],
    ['such a scope in the spelling of v1', { domain: 'd', client_id: 'a', scope: Symbol('x') }, /"scope"/],
    ['an issuer that has no text', { ...good, issuer: Symbol('x') }, /"issuer" is no/],
    ['an issuer that is no host', { ...good, issuer: 'not a host' }, /"issuer" is no/],
    ['an issuer with a query', { ...good, issuer: 'https://id.example/?a' }, /"issuer" is no/],
    ['an issuer with a fragment', { ...good, issuer: 'https://id.example/#a' }, /"issuer" is no/],
    ['discovery that is neither on nor off', { ...good, discovery: 'true' }, /"discovery" is no boolean/],
    ['signatures that are', { ...good, verifyIdTokenSignature: 1 }, /"verifyIdTokenSignature" is no boolean/],
    ['a cache that is none', { ...good, cache: 'localstorage' }, /"cache" is no cache/],
    ['a cache that gives nothing', { ...good, cache: {} }, /"cache" is no cache/],
    ['a negative leeway', { ...good, leeway: -1 }, /"leeway"/],
    ['a limit that is not finite', { ...good, httpTimeoutInSeconds: Infinity }, /"httpTimeoutInSeconds"/],
    ['a limit that is no number', { ...good, httpTimeoutInSeconds: '10' }, /"httpTimeoutInSeconds"/],
    ['a part of a life that is none', { ...good, refreshAheadInSeconds: '60' }, /"refreshAheadInSeconds"/],
    [
      'a scope without a text in a map',
      { ...good, authorizationParams: { scope: { a: Symbol('x') } } },
      /"scope"/,
    ],
    ['a mode that is not there', { ...good, refreshTokenMode: 'online' }, /refreshTokenMode/],
    ['a clock that is none', { ...good, nowProvider: 5 }, /"nowProvider" is no function/],
    ['a caller without a name', { ...good, auth0Client: { version: '1' } }, /"auth0Client"/],
    [
      'a caller of which no JSON can be made',
      { ...good, auth0Client: { name: 'a', env: { a: 5n } } },
      /"auth0Client"/,
    ],
    ['a key that is neither wanted nor not', { ...good, useDpop: 'true' }, /"useDpop" is no boolean/],
    ['a caller that is a text', { ...good, auth0Client: 'me' }, /"auth0Client"/],
    ['a cookie domain that has no text', { ...good, cookieDomain: Symbol('x') }, /"cookieDomain" is no text/],
    ['two client ids', { ...good, client_id: 'other' }, /"client_id" and "clientId"/],
    [
      'two scopes',
      { domain: 'd', client_id: 'a', scope: 'x', authorizationParams: { scope: 'y' } },
      /"scope"/,
    ],
  ])('are refused with a typed error: %s', (_, options, message) => {
    const construct = () => new Auth0Client(options as Auth0ClientOptions);
    expect(construct).toThrow(message);
    expect(construct).toThrow(
      expect.objectContaining({
        name: 'InvalidConfigurationError',
        error: 'invalid_configuration',
        retryable: false,
      }),
    );
  });
});

describe('settings', () => {
  it.each([
    ['tenant.example', 'https://tenant.example'],
    ['https://tenant.example/', 'https://tenant.example'],
    ['http://localhost:4400', 'http://localhost:4400'],
  ])('read the domain %s as the origin %s', (domain, domainUrl) => {
    expect(readSettings({ ...good, domain })).toMatchObject({ domainUrl, issuer: `${domainUrl}/` });
  });

  it.each([
    ['https://id.example/realms/shop', 'https://id.example/realms/shop'],
    ['http://localhost:5000', 'http://localhost:5000'],
    ['id.example', 'https://id.example/'],
    ['id.example/realms/shop', 'https://id.example/realms/shop/'],
    ['', 'https://tenant.example/'],
    [undefined, 'https://tenant.example/'],
    [null, 'https://tenant.example/'],
  ])('read the issuer %j as %s', (issuer, expected) => {
    expect(readSettings({ ...good, issuer: issuer as string }).issuer).toBe(expected);
  });

  it('name what is stored after the issuer, where that is not the domain’s own', () => {
    const name = (issuer?: string) => storageName(readSettings({ ...good, issuer }));
    expect(name('https://tenant.example/')).toBe(name());
    expect(name('https://tenant.example/realms/shop')).not.toBe(name());
    expect(name('https://tenant.example')).not.toBe(name());
  });

  it('R54, R55: ask for openid and for what is configured, and for offline_access with refresh tokens only', () => {
    const scope = (options: Partial<Auth0ClientOptions>) =>
      readSettings({ ...good, ...options }).authorizationParams.scope;
    expect(scope({})).toBe('openid profile email');
    expect(scope({ authorizationParams: { scope: 'read:a  read:a' } })).toBe('openid read:a');
    expect(scope({ useRefreshTokens: true })).toBe('openid profile email offline_access');
  });

  it('keep a leeway of 0', () => {
    expect(readSettings({ ...good, leeway: 0 }).leeway).toBe(0);
  });

  it('take a limit of 0 for the default, where auth0-spa-js does', () => {
    const settings = readSettings({ ...good, httpTimeoutInSeconds: 0, sessionCheckExpiryDays: 0 });
    expect(settings).toMatchObject({ callerLimit: 10_000, cookie: { days: 1 } });
  });

  it('tell of the caller what Auth0 knows, and nothing else', () => {
    const read = (auth0Client: unknown) => {
      const { telemetry } = readSettings({ ...good, auth0Client: auth0Client as never });
      return [telemetry?.query, telemetry?.header].map((text) => JSON.parse(atob(text ?? '')) as unknown);
    };
    expect(read({ name: 'n', version: 2, env: { a: 'b' }, secret: 's' })).toEqual([
      { name: 'n', version: 2 },
      { name: 'n', version: 2, env: { a: 'b' } },
    ]);
    expect(read({ name: 'n', version: {}, env: 'x' })).toEqual([{ name: 'n' }, { name: 'n' }]);
  });

  it('count a built-in cache as its location', () => {
    expect(readSettings({ ...good, cache: new InMemoryCache().enclosedCache }).cacheLocation).toBe('memory');
    expect(
      readSettings({ ...good, cache: { get: () => undefined, set() {}, remove() {} } }).cacheLocation,
    ).toBe('custom');
  });

  it('count any other cache as one of the app’s own, wherever it says it is', () => {
    const cache: object = { location: 'redis', get: () => undefined, set() {}, remove() {} };
    expect(readSettings({ ...good, cache: cache as ICache }).cacheLocation).toBe('custom');
    expect(() => new Auth0Client({ ...good, cache: cache as ICache })).not.toThrow();
  });

  it('take null for no parameters', () => {
    const none = { ...good, authorizationParams: null as never };
    expect(readSettings(none).authorizationParams).toEqual({ scope: 'openid profile email' });
  });

  it('name storage so that no client id can imitate another one’s names', () => {
    const one = storageName(readSettings({ ...good, clientId: 'a/tokens' }), 'x');
    const other = storageName(readSettings({ ...good, clientId: 'a' }), 'tokens', 'x');
    expect(one).not.toBe(other);
    expect(one.startsWith('latchkey/1/')).toBe(true);
  });
});

describe('options in the spelling of v1', () => {
  it('mean what they meant there', () => {
    const settings = readSettings(
      toV2Options({
        domain: 'tenant.example',
        client_id: 'spa',
        audience: 'https://api',
        scope: 'read:a',
        useRefreshTokens: true,
      }),
    );
    expect(settings).toMatchObject({ clientId: 'spa', fallback: 'on' });
    expect(settings.authorizationParams).toEqual({
      audience: 'https://api',
      scope: 'openid profile email read:a offline_access',
    });
  });

  it('leave options in the spelling of v2 as they are', () => {
    expect(toV2Options(good)).toBe(good);
  });

  it('leave scopes by audience as they are', () => {
    const scope = { 'https://api': 'read:a' };
    const given = { domain: 'tenant.example', client_id: 'spa', authorizationParams: { scope } };
    expect(toV2Options(given as never).authorizationParams).toEqual({ scope });
  });

  it('say nothing with a client_id that is undefined', () => {
    expect(toV2Options({ ...good, client_id: undefined as never })).toEqual(good);
  });

  it('accept both spellings where they agree', () => {
    expect(toV2Options({ ...good, client_id: 'spa' }).clientId).toBe('spa');
  });
});

it.each([null, '', undefined])("cookies of no domain are the host's alone: %p", (cookieDomain) => {
  expect(readSettings({ ...good, cookieDomain: cookieDomain as string }).cookie.domain).toBeUndefined();
});
