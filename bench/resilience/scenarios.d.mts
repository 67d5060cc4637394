export interface Scenario {
  readonly pain: string;
  readonly name: string;
  readonly rounds: number;
  readonly saved?: boolean;
  readonly ends?: boolean;
  readonly long?: boolean;
}
export const scenarios: readonly Scenario[];
