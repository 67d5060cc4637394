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

export function loginPage({ clientName, state, csrf, email, error, knownEmails }: LoginPage): Markup {
  const emailFirst = email === '';
  return html`<h1>Sign in</h1>
    <p class="quiet">to continue to ${clientName}</p>
    ${error === null ? '' : html`<p class="bad" id="error" role="alert">${error}</p>`}
    <form method="post" action="/u/login?state=${encodeURIComponent(state)}">
      <input type="hidden" name="csrf" value="${csrf}" />
      <label for="email">Email</label>
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
        ${emailFirst ? html`autofocus` : ''}
      />
      <label for="password">Password</label>
      <input
        id="password"
        name="password"
        type="password"
        autocomplete="current-password"
        required
        ${error === null ? '' : html`aria-describedby="error"`}
        ${emailFirst ? '' : html`autofocus`}
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
