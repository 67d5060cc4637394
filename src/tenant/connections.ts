/** Where accounts come from, and by which of those places somebody may sign in. */
import type { Connection, User } from './configuration.ts';
import type { TenantContext } from './context.ts';

/** What is signed in to, as far as it decides on that. */
interface Login {
  readonly clientId: string;
  readonly organizationId: string | null;
  /** By name, the only one that will do. */
  readonly connection: string | null;
}

export const findConnection = ({ state }: TenantContext, name: string): Connection | undefined =>
  [...state.connections.values()].find((connection) => connection.name === name);

/** Those that are enabled for the client, and for the organization where one is meant. */
export function usableConnections({ state }: TenantContext, login: Login): readonly Connection[] {
  const { clientId, organizationId } = login;
  const enabled = state.organizations.get(organizationId ?? '')?.enabled_connections ?? [];
  return [...state.connections.values()].filter(
    ({ id, name, enabled_clients }) =>
      name === (login.connection ?? name) &&
      enabled_clients.includes(clientId) &&
      (organizationId === null || enabled.some(({ connection_id }) => connection_id === id)),
  );
}

/** Codes by mail and text are for every client, and for no organization. */
export function maySignIn(context: TenantContext, login: Login, user: User): boolean {
  if (user.connection === 'email' || user.connection === 'sms')
    return login.organizationId === null && (login.connection ?? user.connection) === user.connection;
  return usableConnections(context, login).some(({ name }) => name === user.connection);
}

/** A new client gets every connection that there is, as at Auth0 unless a tenant says otherwise. */
export function enableConnections({ state }: TenantContext, clientId: string): void {
  for (const connection of state.connections.values())
    state.connections.set(connection.id, {
      ...connection,
      enabled_clients: [...connection.enabled_clients, clientId],
    });
}

export function disableConnections({ state }: TenantContext, clientId: string): void {
  for (const connection of state.connections.values())
    state.connections.set(connection.id, {
      ...connection,
      enabled_clients: connection.enabled_clients.filter((id) => id !== clientId),
    });
}
