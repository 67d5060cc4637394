/** The page where a person makes an account. A plain form: it works without JavaScript and with password managers. */
import { html } from 'hono/html';
import { emailField, type LoginPage } from './login-page.ts';
import type { Markup } from './layout.ts';

export type SignUpPage = Omit<LoginPage, 'knownEmails'>;

export function signUpPage({ clientName, state, csrf, email, error }: SignUpPage): Markup {
  const query = encodeURIComponent(state);
  return html`<h1>Sign up</h1>
    <p class="quiet">to continue to ${clientName}</p>
    ${error === null ? '' : html`<p class="bad" id="error" role="alert">${error}</p>`}
    <form method="post" action="/u/signup?state=${query}">
      <input type="hidden" name="csrf" value="${csrf}" />
      ${emailField({ email, error })}
      <label for="password">Password</label>
      <input
        id="password"
        name="password"
        type="password"
        autocomplete="new-password"
        required
        ${email === '' ? '' : html`autofocus`}
      />
      <button type="submit">Continue</button>
    </form>
    <p class="note">Have an account? <a href="/u/login?state=${query}">Sign in</a></p>`;
}
