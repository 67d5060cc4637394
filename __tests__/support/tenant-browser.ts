/** A browser without windows, for a tenant in the same process: keeps cookies, follows redirects, fills in forms. */

export interface Visit {
  /** Where the browser ended up; an application's address when the tenant sent it there. */
  readonly url: URL;
  /** The last answer of the tenant, which is the redirect itself when `url` is not the tenant's. */
  readonly response: Response;
  readonly body: string;
}

export interface TenantBrowser {
  /** Cookies by name, as the tenant set them. */
  readonly cookies: ReadonlyMap<string, string>;
  setCookie(nameAndValue: string): void;
  /** Opens an address of the tenant and follows its redirects as far as the tenant's own origin reaches. */
  visit(url: string | URL, init?: RequestInit): Promise<Visit>;
  /** One request with the browser's cookies, no redirect followed. */
  request(url: string | URL, init?: RequestInit): Promise<Response>;
  /** Sends the page's form with these values over its hidden ones. */
  submit(page: Visit, values: Readonly<Record<string, string>>): Promise<Visit>;
}

interface TenantLike {
  readonly baseUrl: string;
  fetch(request: Request): Promise<Response>;
}

export function tenantBrowser(tenant: TenantLike): TenantBrowser {
  const cookies = new Map<string, string>();

  async function request(url: string | URL, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    if (cookie !== '') headers.set('cookie', cookie);
    const response = await tenant.fetch(
      new Request(new URL(url, tenant.baseUrl), { ...init, headers, redirect: 'manual' }),
    );
    for (const line of response.headers.getSetCookie()) keepCookie(cookies, line);
    return response;
  }

  async function visit(target: string | URL, init?: RequestInit): Promise<Visit> {
    const url = new URL(target, tenant.baseUrl);
    const response = await request(url, init);
    const location = response.headers.get('location');
    if (location === null) return { url, response, body: await response.text() };
    const next = new URL(location, url);
    return next.origin === tenant.baseUrl ? visit(next) : { url: next, response, body: '' };
  }

  return {
    cookies,
    setCookie: (nameAndValue) => keepCookie(cookies, nameAndValue),
    request,
    visit,
    submit: (page, values) => {
      const action = attribute(/<form[^>]*\saction="([^"]*)"/.exec(page.body)?.[1] ?? page.url.href);
      const hidden = [...page.body.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(
        ([, name = '', value = '']) => [name, attribute(value)] as const,
      );
      const body = new URLSearchParams({ ...Object.fromEntries(hidden), ...values });
      return visit(new URL(action, page.url), { method: 'POST', body });
    },
  };
}

function keepCookie(cookies: Map<string, string>, line: string): void {
  const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
  const [name = '', ...value] = pair.split('=');
  if (attributes.some((part) => /^max-age=0$/i.test(part))) cookies.delete(name);
  else cookies.set(name, value.join('='));
}

const attribute = (text: string): string =>
  text.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
