/** The configuration, or a later change of it, cannot be used. `field` is the path of the value that is wrong. */
export class TenantConfigurationError extends Error {
  override readonly name = 'TenantConfigurationError';
  readonly field: string;
  /** What was expected and what was found: the message without the field. */
  readonly reason: string;

  /** @param found is quoted in the message, so it must never be a secret */
  constructor(field: string, expected: string, found: unknown) {
    const shown = typeof found === 'number' ? String(found) : (JSON.stringify(found) ?? 'nothing');
    const reason = `expected ${expected}, found ${shown}`;
    super(`${field}: ${reason}`);
    this.field = field;
    this.reason = reason;
  }
}
