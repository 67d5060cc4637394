/** The page where a person lets an application do what it asks for. A plain form: it works without JavaScript. */
import { html } from 'hono/html';
import type { Markup } from './layout.ts';

export interface ConsentPage {
  readonly clientName: string;
  /** Of the person who is asked. */
  readonly userName: string;
  readonly audience: string | null;
  readonly scopes: readonly { readonly name: string; readonly description: string | null }[];
  /** Of the device that it is about, or `null`. */
  readonly userCode: string | null;
  /** The tenant's `state` of this sign-in. */
  readonly state: string;
  readonly csrf: string;
}

export function consentPage({
  clientName,
  userName,
  audience,
  scopes,
  userCode,
  state,
  csrf,
}: ConsentPage): Markup {
  return html`<h1>Authorize ${clientName}</h1>
    <p class="quiet">
      ${userName}, this application asks for access to your
      account${audience === null ? '' : html` at ${audience}`}:
    </p>
    <ul>
      ${scopes.map(
        ({ name, description }) =>
          html`<li>${description ?? words[name] ?? name} <span class="quiet">${name}</span></li>`,
      )}
    </ul>
    ${userCode === null ? '' : html`<p>Go on only if your device shows <strong>${userCode}</strong>.</p>`}
    <form method="post" action="/u/consent?state=${encodeURIComponent(state)}">
      <input type="hidden" name="csrf" value="${csrf}" />
      <button type="submit" name="decision" value="accept">Accept</button>
      <button type="submit" name="decision" value="decline" class="second">Decline</button>
    </form>`;
}

const words: Readonly<Record<string, string>> = {
  openid: 'Know who you are',
  profile: 'See your name and picture',
  email: 'See your e-mail address',
  address: 'See your postal address',
  phone: 'See your phone number',
  offline_access: 'Keep this access while you are away',
};
