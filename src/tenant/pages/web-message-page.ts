/**
 * The page behind `response_mode=web_message`: it hands the answer to the window that opened or framed it, by
 * `postMessage` to one exact origin, never `*` (RFC 9700 §4.17). It may be framed, and it must not cut `window.opener`;
 * so it has neither X-Frame-Options nor, unless the tenant's quirks ask for one, a Cross-Origin-Opener-Policy.
 */
import type { AuthorizationResponse } from '../../oauth/authorization-endpoint.ts';
import { webMessageType, type WebMessage } from '../../oauth/web-message.ts';

export function webMessageResponse(
  response: AuthorizationResponse,
  targetOrigin: string,
  nonce: string,
): Response {
  const message: WebMessage = { type: webMessageType, response };
  const page = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Authorization Response</title></head><body><script nonce="${nonce}">
(function (page) {
  var target = ${scriptLiteral(targetOrigin)};
  var message = ${scriptLiteral(message)};
  var receiver = page.opener || page.parent;
  if (receiver && receiver !== page) receiver.postMessage(message, target);
  else document.body.append("This page answers the window that opened it, and there is none.");
})(window);
</script></body></html>
`;
  return new Response(page, {
    status: 200,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Cache-Control': 'no-store',
      'Referrer-Policy': 'no-referrer',
      'Content-Security-Policy': `default-src 'none'; script-src 'nonce-${nonce}'`,
    },
  });
}

/** JSON that cannot leave the script element or end a line of it. */
const scriptLiteral = (value: unknown): string =>
  JSON.stringify(value)
    .replaceAll('<', '\\u003c')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
