import type { TextStorage } from '../environment.ts';

/** The storage is looked up at each call: even reading the global throws where the user has blocked site data. */
export const textStorage = (storage: () => Storage): TextStorage => ({
  get: (name) => storage().getItem(name),
  set: (name, text) => storage().setItem(name, text),
  remove: (name) => storage().removeItem(name),
  names: () => Object.keys(storage()),
});

export const pageLocalStorage = textStorage(() => localStorage);
