import { describe, expect, it } from '@jest/globals';
import { isFederatedDomain } from '../../src/index.ts';

describe('whether a domain is federated', () => {
  const answering = (status: number) => {
    const asked: URL[] = [];
    return {
      asked,
      customFetch: (async (url: string) => {
        asked.push(new URL(url));
        return new Response(null, { status });
      }) as typeof fetch,
    };
  };

  it.each([
    [200, true],
    [404, false],
    [500, false],
  ])('is what the tenant answers: %d', async (status, expected) => {
    const { asked, customFetch } = answering(status);
    expect(await isFederatedDomain(`${status}.example`, 'acme.com', { customFetch })).toBe(expected);
    expect(asked[0]?.origin).toBe(`https://${status}.example`);
    expect(asked[0]?.pathname).toBe('/.well-known/webfinger');
    expect(asked[0]?.searchParams.get('resource')).toBe('urn:auth0:discovery:domain:acme.com');
    await isFederatedDomain(`${status}.example`, 'acme.com', { customFetch });
    expect(asked).toHaveLength(status === 500 ? 2 : 1); // a tenant in trouble is asked again
  });

  it('is no where nobody answers', async () => {
    const customFetch = (() => Promise.reject(new TypeError('offline'))) as typeof fetch;
    expect(await isFederatedDomain('nobody.example', 'acme.com', { customFetch })).toBe(false);
  });
});
