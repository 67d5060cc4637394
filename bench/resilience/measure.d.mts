import type { Scenario } from './scenarios.mjs';

export interface Row {
  readonly rounds: number;
  readonly lost: number;
  readonly reuses: number;
  readonly requests: number;
  readonly failed: number;
  readonly retryable: number;
  readonly worst: number;
}
export function measure(scenario: Scenario, sdk: 'latchkey' | 'auth0-spa-js', rounds: number): Promise<Row>;
