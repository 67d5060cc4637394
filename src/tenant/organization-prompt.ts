/** Which organization a user signs in to where the client names none and has them asked: before they sign in, or after. */
import type { Client, Organization } from './configuration.ts';
import { maySignIn } from './connections.ts';
import type { TenantContext } from './context.ts';

export interface OrganizationPrompt {
  readonly when: 'before_login' | 'after_login';
  /** Whether the user may sign in to none. */
  readonly isOptional: boolean;
}

/** What is asked for, as far as it decides on that. */
interface Login {
  readonly clientId: string;
  readonly connection: string | null;
  readonly organizationId: string | null;
  readonly organizationPrompt: OrganizationPrompt | null;
}

export function organizationPromptOf(client: Client): OrganizationPrompt | null {
  const { organization_usage, organization_require_behavior } = client;
  if (organization_usage === 'deny' || organization_require_behavior === 'no_prompt') return null;
  return {
    when: organization_require_behavior === 'pre_login_prompt' ? 'before_login' : 'after_login',
    isOptional: organization_usage === 'allow',
  };
}

/** After the login: those that the user is a member of, and may sign in to by the connection of the account. */
export function organizationChoices(
  context: TenantContext,
  login: Login,
  userId: string,
): readonly Organization[] {
  const user = context.state.users.get(userId);
  if (!user || login.organizationPrompt?.when !== 'after_login') return [];
  return [...context.state.organizations.values()].filter(
    ({ id, members }) =>
      members.includes(userId) && maySignIn(context, { ...login, organizationId: id }, user),
  );
}

/** Who can sign in to one organization alone, and not to none, is not asked. */
export function mustChooseOrganization(context: TenantContext, login: Login, userId: string): boolean {
  const { length } = organizationChoices(context, login, userId);
  return length > (login.organizationPrompt?.isOptional ? 0 : 1);
}

/** Whether the user must sign in to an organization, and there is none. */
export const lacksOrganization = (context: TenantContext, login: Login, userId: string): boolean =>
  login.organizationPrompt?.when === 'after_login' &&
  !login.organizationPrompt.isOptional &&
  organizationChoices(context, login, userId).length === 0;

/** What is asked for, with the user's answer, or with the one that there could be. */
export function inOrganization<Asked extends Login>(
  context: TenantContext,
  login: Asked,
  { userId, choice }: { readonly userId: string; readonly choice: { organizationId: string | null } | null },
): Asked {
  if (choice) return { ...login, organizationId: choice.organizationId, organizationPrompt: null };
  if (mustChooseOrganization(context, login, userId)) return login;
  const [only] = organizationChoices(context, login, userId);
  return only ? { ...login, organizationId: only.id, organizationPrompt: null } : login;
}
