/** The frame of every page a person may see: no script, no framing, no referrer, never cached. */
import type { Context } from 'hono';
import { html, raw } from 'hono/html';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Randomness } from '../randomness.ts';

export type Markup = ReturnType<typeof html>;

/**
 * Answers with a page. There is no `form-action` in the policy: browsers hold redirects after a form against it, and
 * the way back to the application is such a redirect. There is no Cross-Origin-Opener-Policy either, unless the
 * tenant's quirks ask for one: it would cut the popup's `window.opener`.
 */
export async function respondWithPage(
  c: Context,
  random: Randomness,
  { title, status, body }: { title: string; status: ContentfulStatusCode; body: Markup },
): Promise<Response> {
  const nonce = random.text(16);
  const page = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <style nonce="${nonce}">
          ${raw(styles)}
        </style>
      </head>
      <body>
        <main>${body}</main>
      </body>
    </html>`;
  return c.html(page, status, {
    'Cache-Control': 'no-store',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': `default-src 'none'; style-src 'nonce-${nonce}'; base-uri 'none'; frame-ancestors 'none'`,
  });
}

const styles = `
:root {
  color-scheme: light dark;
  --page: #f3f4f6; --card: #fff; --text: #16181d; --quiet: #5b6270; --line: #8b92a0;
  --accent: #2450b5; --on-accent: #fff; --bad: #a4161a; --bad-page: #fdecec;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #111318; --card: #1b1e26; --text: #eceef2; --quiet: #a3abba; --line: #6c7485;
    --accent: #9db8ff; --on-accent: #0d1a3d; --bad: #ffb4ab; --bad-page: #3b1a1c;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; min-height: 100dvh; display: grid; place-items: center; padding: 1rem;
  background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif;
}
main {
  width: 100%; max-width: 24rem; padding: 2rem; border-radius: .75rem; background: var(--card);
  box-shadow: 0 1px 3px rgb(0 0 0 / .2); overflow-wrap: anywhere;
}
h1 { margin: 0 0 .25rem; font-size: 1.5rem; line-height: 1.25; }
p { margin: 0 0 1.25rem; }
label { display: block; margin-bottom: .25rem; font-weight: 600; }
input {
  width: 100%; margin-bottom: 1.25rem; padding: .625rem .75rem; font: inherit; color: inherit;
  background: transparent; border: 1px solid var(--line); border-radius: .5rem;
}
button {
  width: 100%; padding: .75rem; font: inherit; font-weight: 600; cursor: pointer;
  color: var(--on-accent); background: var(--accent); border: 0; border-radius: .5rem;
}
a { color: var(--accent); }
label.choice { display: flex; align-items: center; gap: .5rem; margin-bottom: 1.25rem; font-weight: 400; }
.choice input { width: auto; margin: 0; }
button + button { margin-top: .75rem; }
.second { color: var(--accent); background: transparent; border: 1px solid var(--line); }
ul { margin: 0 0 1.25rem; padding-left: 1.25rem; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.quiet { color: var(--quiet); }
.note { margin: 1.5rem 0 0; font-size: .875rem; color: var(--quiet); }
.bad { padding: .625rem .75rem; border-radius: .5rem; color: var(--bad); background: var(--bad-page); }
`;
