/** The page where a person types in the code that a device shows. A plain form: it works without JavaScript. */
import { html } from 'hono/html';
import type { Markup } from './layout.ts';

export interface ActivatePage {
  /** What stands in the field. */
  readonly userCode: string;
  readonly csrf: string;
  readonly error: string | null;
}

export function activatePage({ userCode, csrf, error }: ActivatePage): Markup {
  return html`<h1>Activate a device</h1>
    <p class="quiet">Enter the code that it shows.</p>
    ${error === null ? '' : html`<p class="bad" id="error" role="alert">${error}</p>`}
    <form method="post" action="/activate">
      <input type="hidden" name="csrf" value="${csrf}" />
      <label for="user_code">Code</label>
      <input
        id="user_code"
        name="user_code"
        autocomplete="off"
        autocapitalize="characters"
        spellcheck="false"
        required
        value="${userCode}"
        ${error === null ? '' : html`aria-describedby="error"`}
        autofocus
      />
      <button type="submit">Continue</button>
    </form>`;
}
