/** The page where a person is asked whether to sign out, because the client could not show that they want to. */
import { html } from 'hono/html';
import type { Markup } from './layout.ts';

export interface LogoutPage {
  /** Of the person who is asked. */
  readonly userName: string;
  readonly clientName: string | null;
  readonly csrf: string;
}

export function logoutPage({ userName, clientName, csrf }: LogoutPage): Markup {
  return html`<h1>Sign out?</h1>
    <p class="quiet">
      ${clientName === null ? 'An application' : clientName} asks to sign you out, ${userName}.
    </p>
    <form method="post" action="/u/logout">
      <input type="hidden" name="csrf" value="${csrf}" />
      <button type="submit" name="decision" value="accept">Sign out</button>
      <button type="submit" name="decision" value="decline" class="second">Stay signed in</button>
    </form>`;
}
