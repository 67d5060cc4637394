/** A transaction: a login begun and not yet returned. It outlives the page, and holds what the return is judged by. */
import { isText, parseJsonObject } from '../oauth/json.ts';

export interface Transaction {
  readonly state: string;
  readonly nonce: string;
  readonly code_verifier: string;
  /** `''` where none was asked for. */
  readonly audience: string;
  readonly scope: string;
  readonly redirect_uri?: string | undefined;
  readonly organization?: string | undefined;
  readonly max_age?: number | undefined;
  readonly appState?: unknown;
}

/** A transaction out of stored text; text of another shape is none. */
export function readTransaction(text: string | null): Transaction | undefined {
  const value = text === null ? undefined : parseJsonObject(text);
  const required = ['state', 'nonce', 'code_verifier', 'audience', 'scope'];
  return value && required.every((name) => isText(value[name])) && isText(value.organization ?? '')
    ? (value as unknown as Transaction)
    : undefined;
}
