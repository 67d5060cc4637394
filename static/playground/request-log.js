// Evaluated before the SDK is: what the SDK calls `fetch` goes through here. Keeps no token, no code and no body.

/** The platform's own fetch, for requests that are not the SDK's. */
export const plainFetch = window.fetch.bind(window);

/** Requests to other origins since the page was loaded: `{ method, path, grantType, status }`. */
export const requests = [];

let changed = () => undefined;

/** Has `listener` called whenever `requests` has changed. */
export function onRequestsChange(listener) {
  changed = listener;
}

window.fetch = async (input, init) => {
  const request = new Request(input, init);
  if (new URL(request.url).origin === location.origin) return plainFetch(input, init);

  const entry = record(request.method, request.url, grantTypeOf(init?.body));
  try {
    const response = await plainFetch(input, init);
    entry.status = String(response.status);
    return response;
  } catch (error) {
    entry.status = 'failed';
    throw error;
  } finally {
    changed();
  }
};

// A hidden iframe makes no fetch; its address appears in the page's timeline.
new PerformanceObserver((list) => {
  for (const { name, initiatorType } of list.getEntries())
    if (initiatorType === 'iframe') {
      const prompt = new URL(name).searchParams.get('prompt');
      record('GET', name, prompt ? `prompt=${prompt}` : '').status = 'hidden frame';
      changed();
    }
}).observe({ type: 'resource', buffered: true });

function record(method, url, grantType) {
  const entry = { method, path: new URL(url).pathname, grantType, status: 'waiting' };
  requests.push(entry);
  changed();
  return entry;
}

function grantTypeOf(body) {
  if (typeof body !== 'string' && !(body instanceof URLSearchParams)) return '';
  return new URLSearchParams(body).get('grant_type') ?? '';
}
