/** Everything a tenant remembers as one JSON value, and a tenant that goes on from there. */
import type { Milliseconds } from '../clock.ts';
import type { TenantContext, TenantState } from './context.ts';
import type { WaitingFault } from './faults.ts';
import type { JournalEntry } from './journal.ts';
import { checksum } from './randomness.ts';
import type { TenantClock } from './tenant-clock.ts';

/** Plain JSON, to be written to a file or put away. `remembered` is for `restore` alone; whoever edits it spoils it. */
export interface TenantSnapshot {
  readonly format: 'latchkey tenant snapshot';
  readonly version: typeof version;
  readonly warning: string;
  readonly checksum: number;
  readonly remembered: unknown;
}

/** It is no snapshot, one of another version, a damaged one, or one of a tenant that was configured otherwise. */
export class TenantSnapshotError extends Error {
  override readonly name = 'TenantSnapshotError';
}

const format = 'latchkey tenant snapshot';
const version = 2;

/** What is in a snapshot. */
interface Remembered {
  /** What the configuration fixes and no request changes; it must be the same in the tenant that is restored. */
  readonly fixed: Readonly<Record<string, unknown>>;
  readonly clock: { readonly offset: Milliseconds } | { readonly frozenAt: Milliseconds };
  readonly random: readonly number[] | null;
  readonly journal: readonly JournalEntry[];
  readonly faults: readonly WaitingFault[];
  readonly forgetting: TenantContext['forgetting'];
  /** Maps as their entries. */
  readonly state: { readonly [Name in keyof TenantState]: unknown[] };
}

/** What a tenant consists of, as far as it is remembered. */
export interface SnapshotParts {
  readonly context: TenantContext;
  readonly clock: TenantClock;
  readonly faults: {
    readonly save: () => WaitingFault[];
    readonly load: (saved: readonly WaitingFault[]) => void;
  };
}

export function takeSnapshot({ context, clock, faults }: SnapshotParts): TenantSnapshot {
  const content: Remembered = {
    fixed: fixedBy(context),
    clock: clock.frozen ? { frozenAt: clock.now() } : { offset: clock.offset },
    random: context.random.position(),
    journal: context.journal.entries,
    faults: faults.save(),
    forgetting: context.forgetting,
    state: mapState(context.state, (held) => [...held]),
  };
  const text = JSON.stringify(content);
  return {
    format,
    version,
    warning: 'Holds secrets: passwords, client secrets, cookies and refresh tokens of this tenant.',
    checksum: checksum(text),
    remembered: JSON.parse(text), // a copy: what happens later must not reach it
  };
}

/** @throws {TenantSnapshotError} before anything has changed */
export function restoreSnapshot({ context, clock, faults }: SnapshotParts, source: unknown): void {
  const remembered = readSnapshot(source, context);
  const { state } = context;
  restoreClock(clock, remembered.clock);
  context.random.goOnFrom(remembered.random);
  context.journal.replace(remembered.journal.map((entry) => Object.freeze(entry)));
  faults.load(remembered.faults);
  context.forgetting.lastAt = remembered.forgetting.lastAt;
  mapState(state, (held, name) => {
    const entries = remembered.state[name];
    if (Array.isArray(held)) (held as unknown[]).splice(0, held.length, ...entries);
    else {
      held.clear();
      // The checksum says that these are the entries of this very map.
      for (const [key, value] of entries as [string, never][]) held.set(key, value);
    }
    return entries;
  });
}

/** @throws {TenantSnapshotError} before anything has changed */
function restoreClock(clock: TenantClock, remembered: Remembered['clock']): void {
  if ('frozenAt' in remembered) {
    clock.freeze();
    clock.set(remembered.frozenAt);
    return;
  }
  const underneath = clock.now() - clock.offset;
  try {
    clock.set(underneath + remembered.offset);
  } catch (cause) {
    throw new TenantSnapshotError('the clock of the snapshot is as far ahead as no calendar reaches by now', {
      cause,
    });
  }
  clock.resume();
}

/** @returns what was remembered, a copy of it */
function readSnapshot(source: unknown, context: TenantContext): Remembered {
  const found: Partial<TenantSnapshot> = typeof source === 'object' && source !== null ? source : {};
  if (found.format !== format) throw new TenantSnapshotError('this is no snapshot of a tenant');
  if (found.version !== version)
    throw new TenantSnapshotError(
      `expected a snapshot of version ${version}, found version ${textOf(found.version)}`,
    );
  const text = textOf(found.remembered);
  if (checksum(text) !== found.checksum)
    throw new TenantSnapshotError('the snapshot is damaged: its checksum is another');
  const remembered = JSON.parse(text) as Remembered; // what `takeSnapshot` wrote, says the checksum
  for (const [name, value] of Object.entries(fixedBy(context)))
    if (JSON.stringify(value) !== JSON.stringify(remembered.fixed[name]))
      throw new TenantSnapshotError(
        `the snapshot is of a tenant with another configuration: ${name} differs`,
      );
  return remembered;
}

function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'nothing';
  } catch (cause) {
    throw new TenantSnapshotError('the snapshot is damaged: it cannot be written as JSON', { cause });
  }
}

const fixedBy = ({ configuration, keys, random }: TenantContext) => ({
  baseUrl: configuration.baseUrl,
  mfa_policy: configuration.mfaPolicy,
  quirks: configuration.quirks,
  seed: { given: random.position() !== null, key: keys(0).kid },
});

/** Every part of the state by its name, once; a part that is added must be remembered, or this does not compile. */
function mapState(
  state: TenantState,
  to: (held: TenantState[keyof TenantState], name: keyof TenantState) => unknown[],
): Remembered['state'] {
  return {
    clients: to(state.clients, 'clients'),
    settings: to(state.settings, 'settings'),
    connections: to(state.connections, 'connections'),
    users: to(state.users, 'users'),
    organizations: to(state.organizations, 'organizations'),
    invitations: to(state.invitations, 'invitations'),
    sessions: to(state.sessions, 'sessions'),
    transactions: to(state.transactions, 'transactions'),
    logouts: to(state.logouts, 'logouts'),
    pushedRequests: to(state.pushedRequests, 'pushedRequests'),
    devices: to(state.devices, 'devices'),
    codes: to(state.codes, 'codes'),
    resourceServers: to(state.resourceServers, 'resourceServers'),
    clientGrants: to(state.clientGrants, 'clientGrants'),
    grants: to(state.grants, 'grants'),
    families: to(state.families, 'families'),
    refreshTokens: to(state.refreshTokens, 'refreshTokens'),
    pastFamilies: to(state.pastFamilies, 'pastFamilies'),
    metadata: to(state.metadata, 'metadata'),
    rateLimits: to(state.rateLimits, 'rateLimits'),
    opaqueAccessTokens: to(state.opaqueAccessTokens, 'opaqueAccessTokens'),
    authenticators: to(state.authenticators, 'authenticators'),
    mfaTokens: to(state.mfaTokens, 'mfaTokens'),
    wrongPasswords: to(state.wrongPasswords, 'wrongPasswords'),
    passwordlessCodes: to(state.passwordlessCodes, 'passwordlessCodes'),
    rememberedBrowsers: to(state.rememberedBrowsers, 'rememberedBrowsers'),
    outbox: to(state.outbox, 'outbox'),
    signingKeys: to(state.signingKeys, 'signingKeys'),
    dpopNonces: to(state.dpopNonces, 'dpopNonces'),
    dpopProofs: to(state.dpopProofs, 'dpopProofs'),
  };
}
