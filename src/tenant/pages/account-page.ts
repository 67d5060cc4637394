/** The page where a person says as whom to go on. A plain form: it works without JavaScript. */
import { html } from 'hono/html';
import type { User } from '../configuration.ts';
import type { Markup } from './layout.ts';

export interface AccountPage {
  readonly clientName: string;
  /** Who is signed in. */
  readonly user: Pick<User, 'name' | 'email'>;
  /** The tenant's `state` of this sign-in. */
  readonly state: string;
  readonly csrf: string;
}

export function accountPage({ clientName, user, state, csrf }: AccountPage): Markup {
  return html`<h1>Choose an account</h1>
    <p class="quiet">to continue to ${clientName}</p>
    <form method="post" action="/u/account?state=${encodeURIComponent(state)}">
      <input type="hidden" name="csrf" value="${csrf}" />
      <button type="submit" name="account" value="this">
        ${user.name}${user.name === (user.email ?? user.name) ? '' : html` (${user.email})`}
      </button>
      <button type="submit" name="account" value="another" class="second">Another account</button>
    </form>`;
}
