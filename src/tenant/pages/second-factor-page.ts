/** The page that asks for a code, of an app, of a message or a written one. A plain form: it works without JavaScript. */
import { html } from 'hono/html';
import type { Markup } from './layout.ts';

export interface SecondFactorPage {
  /** What the person has to look at. */
  readonly from: string;
  /** Where the form goes. */
  readonly action: string;
  readonly csrf: string;
  readonly error: string | null;
}

export function secondFactorPage({ from, action, csrf, error }: SecondFactorPage): Markup {
  return html`<h1>Verify your identity</h1>
    <p class="quiet">Enter ${from}</p>
    ${error === null ? '' : html`<p class="bad" id="error" role="alert">${error}</p>`}
    <form method="post" action="${action}">
      <input type="hidden" name="csrf" value="${csrf}" />
      <label for="code">Code</label>
      <input
        id="code"
        name="code"
        autocomplete="one-time-code"
        autocapitalize="none"
        spellcheck="false"
        required
        autofocus
        ${error === null ? '' : html`aria-describedby="error"`}
      />
      <label class="choice"
        ><input type="checkbox" name="remember" value="yes" /> Remember this browser for 30 days</label
      >
      <button type="submit">Continue</button>
    </form>`;
}

/** A recovery code works once; this is the one that takes its place. */
export function newRecoveryCodePage(code: string, next: string): Markup {
  return html`<h1>A new recovery code</h1>
    <p>The one that you have used is worth nothing any more. Write this one down: <strong>${code}</strong></p>
    <p><a href="${next}">Continue</a></p>`;
}
