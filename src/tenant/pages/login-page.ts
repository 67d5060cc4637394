/** The page where a person signs in. A plain form: it works without JavaScript and with password managers. */
import { html } from 'hono/html';
import type { Markup } from './layout.ts';

export interface LoginPage {
  readonly clientName: string;
  /** The tenant's `state` of this sign-in. */
  readonly state: string;
  readonly csrf: string;
  /** What stands in the e-mail field. */
  readonly email: string;
  readonly error: string | null;
  /** Seeded accounts: this is a development tenant, and nobody remembers them. */
  readonly knownEmails: readonly string[];
}

/** The first field of a form for an account. It has the focus as long as it is empty, and the password's otherwise. */
export const emailField = ({ email, error }: Pick<LoginPage, 'email' | 'error'>): Markup =>
  html`<label for="email">Email</label>
    <input
      id="email"
      name="email"
      type="email"
      autocomplete="username"
      autocapitalize="none"
      spellcheck="false"
      required
      value="${email}"
      ${error === null ? '' : html`aria-describedby="error"`}
      ${email === '' ? html`autofocus` : ''}
    />`;

export function loginPage({ clientName, state, csrf, email, error, knownEmails }: LoginPage): Markup {
  return html`<h1>Sign in</h1>
    <p class="quiet">to continue to ${clientName}</p>
    ${error === null ? '' : html`<p class="bad" id="error" role="alert">${error}</p>`}
    <form method="post" action="/u/login?state=${encodeURIComponent(state)}">
      <input type="hidden" name="csrf" value="${csrf}" />
      ${emailField({ email, error })}
      <label for="password">Password</label>
      <input
        id="password"
        name="password"
        type="password"
        autocomplete="current-password"
        required
        ${error === null ? '' : html`aria-describedby="error"`}
        ${email === '' ? '' : html`autofocus`}
      />
      <button type="submit">Continue</button>
    </form>
    <p class="note">No account? <a href="/u/signup?state=${encodeURIComponent(state)}">Sign up</a></p>
    ${
      knownEmails.length === 0
        ? ''
        : html`<p class="note">Development tenant. Accounts: ${knownEmails.join(', ')}</p>`
    }`;
}
