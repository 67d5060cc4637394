import type { Scenario } from './scenarios.mjs';

export interface Row {
  readonly rounds: number;
  readonly lost: number;
  readonly reuses: number;
  readonly requests: number;
  readonly failed: number;
  readonly retryable: number;
  readonly worst: number;
  /** What `diagnose()` said of the calls that failed, each line once; absent where none did. */
  readonly diagnosis?: readonly string[];
}
export function measure(scenario: Scenario, sdk: 'latchkey' | 'auth0-spa-js', rounds: number): Promise<Row>;
