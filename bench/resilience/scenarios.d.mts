import type { Page } from 'puppeteer-core';

export type Sdk = 'latchkey' | 'auth0-spa-js';

/** What a call of a page came to. */
export interface Outcome {
  readonly token?: string;
  readonly error?: string;
  readonly reason?: string;
  /** The diagnosis, whole, where a call failed of an SDK that makes one; and the cause that it names. */
  readonly diagnosis?: string;
  readonly cause?: string;
}
export interface Scenario {
  readonly pain: string;
  readonly name: string;
  readonly rounds: number;
  readonly saved?: boolean;
  readonly ends?: boolean;
  readonly long?: boolean;
  readonly because?: RegExp;
  readonly compared?: boolean;
  readonly outage?: boolean;
  run(world: { openTab(sdk: Sdk): Promise<Page> }, sdk: Sdk): Promise<Outcome[]>;
}
export const scenarios: readonly Scenario[];
export const outages: readonly Scenario[];
