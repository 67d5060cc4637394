/** What only a page has, and may refuse; nothing outside of one. */
export function attempt<T>(action: () => T): T | undefined {
  try {
    return typeof document === 'undefined' ? undefined : action();
  } catch {
    return undefined;
  }
}
