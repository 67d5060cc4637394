/** The pages where a person says which organization to sign in to. Plain forms: they work without JavaScript. */
import { html } from 'hono/html';
import type { Organization } from '../configuration.ts';
import type { Markup } from './layout.ts';

interface AnyOrganizationPage {
  readonly clientName: string;
  /** The tenant's `state` of this sign-in. */
  readonly state: string;
  readonly csrf: string;
  readonly error: string | null;
  /** Whether the person may sign in to none. */
  readonly isOptional: boolean;
}

export interface OrganizationPage extends AnyOrganizationPage {
  /** What stands in the field. */
  readonly name: string;
  /** Seeded organizations: this is a development tenant, and nobody remembers them. */
  readonly knownNames: readonly string[];
}

export interface OrganizationPickerPage extends AnyOrganizationPage {
  readonly organizations: readonly Pick<Organization, 'id' | 'display_name'>[];
}

const skipButton = html`<button type="submit" name="action" value="skip" class="second" formnovalidate>
  Without an organization
</button>`;

/** Before the login: it is typed in. */
export function organizationPage({
  clientName,
  state,
  csrf,
  name,
  error,
  isOptional,
  knownNames,
}: OrganizationPage): Markup {
  return html`<h1>Enter your organization</h1>
    <p class="quiet">to continue to ${clientName}</p>
    ${error === null ? '' : html`<p class="bad" id="error" role="alert">${error}</p>`}
    <form method="post" action="/u/organization?state=${encodeURIComponent(state)}">
      <input type="hidden" name="csrf" value="${csrf}" />
      <label for="organizationName">Name of the organization</label>
      <input
        id="organizationName"
        name="organizationName"
        autocomplete="organization"
        autocapitalize="none"
        spellcheck="false"
        required
        value="${name}"
        ${error === null ? '' : html`aria-describedby="error"`}
        autofocus
      />
      <button type="submit">Continue</button>
      ${isOptional ? skipButton : ''}
    </form>
    ${
      knownNames.length === 0
        ? ''
        : html`<p class="note">Development tenant. Organizations: ${knownNames.join(', ')}</p>`
    }`;
}

/** After the login: it is one of the person's own. */
export function organizationPickerPage({
  clientName,
  state,
  csrf,
  error,
  isOptional,
  organizations,
}: OrganizationPickerPage): Markup {
  return html`<h1>Choose an organization</h1>
    <p class="quiet">to continue to ${clientName}</p>
    ${error === null ? '' : html`<p class="bad" id="error" role="alert">${error}</p>`}
    <form method="post" action="/u/organization/picker?state=${encodeURIComponent(state)}">
      <input type="hidden" name="csrf" value="${csrf}" />
      ${organizations.map(
        ({ id, display_name }) =>
          html`<button type="submit" name="organization" value="${id}">${display_name}</button>`,
      )}
      ${isOptional ? skipButton : ''}
    </form>`;
}
