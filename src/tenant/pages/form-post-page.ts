/** The page behind `response_mode=form_post`: a form that sends itself to the client (OAuth 2.0 Form Post Response Mode §2). */
import type { Context } from 'hono';
import { html } from 'hono/html';
import type { AuthorizationResponse } from '../../oauth/authorization-endpoint.ts';
import type { Randomness } from '../randomness.ts';
import { originOf } from '../url-matching.ts';

/** Nothing but this page's script runs, and its form goes nowhere but to the client. */
export async function respondWithFormPost(
  c: Context,
  random: Randomness,
  redirectUri: string,
  response: AuthorizationResponse,
): Promise<Response> {
  const nonce = random.text(16);
  const target = originOf(redirectUri) ?? new URL(redirectUri).protocol;
  const page = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>Authorization Response</title>
      </head>
      <body>
        <form method="post" action="${redirectUri}">
          ${Object.entries(response).map(
            ([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`,
          )}
          <noscript><button type="submit">Continue</button></noscript>
        </form>
        <script nonce="${nonce}">
          document.forms[0].submit();
        </script>
      </body>
    </html>`;
  return c.html(page, 200, {
    'Cache-Control': 'no-store',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': `default-src 'none'; script-src 'nonce-${nonce}'; form-action ${target}; base-uri 'none'; frame-ancestors 'none'`,
  });
}
