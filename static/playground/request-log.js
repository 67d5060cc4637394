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

// A hidden iframe makes no fetch, and is gone before the page's timeline could tell of it.
new MutationObserver((changes) => {
  for (const { addedNodes } of changes)
    for (const node of addedNodes)
      if (node instanceof HTMLIFrameElement && node.src !== '') recordFrame(node.src);
}).observe(document, { childList: true, subtree: true });

function recordFrame(url) {
  const prompt = new URL(url).searchParams.get('prompt');
  record('GET', url, prompt ? `prompt=${prompt}` : '').status = 'hidden frame';
  changed();
}

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
