import type { Scenario, Sdk } from './scenarios.mjs';

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
export function measure(scenario: Scenario, sdk: Sdk, rounds: number): Promise<Row>;
export function compare(scenario: Scenario, names: readonly Sdk[], rounds: number): Promise<Row[]>;
