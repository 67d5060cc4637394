import type { TextStorage } from '../environment.ts';

/**
 * The storage is looked up until it is found: even reading the global throws where the user has blocked site data. It takes as long
 * as to read an entry.
 */
export const textStorage = (find: () => Storage): TextStorage => {
  let found: Storage | undefined;
  const storage = () => (found ??= find());
  return {
    get: (name) => storage().getItem(name),
    set: (name, text) => storage().setItem(name, text),
    remove: (name) => storage().removeItem(name),
    names: () => Object.keys(storage()),
  };
};

export const pageLocalStorage = textStorage(() => localStorage);
