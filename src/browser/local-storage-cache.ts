import type { ICache } from '../core/cache.ts';
import type { TextStorage } from '../environment.ts';
import { StorageError } from '../errors.ts';
import { pageLocalStorage } from './text-storage.ts';

/** Keeps entries as JSON in `localStorage`: they outlive the page and are shared by the tabs of an origin. */
export class LocalStorageCache implements ICache {
  readonly location = 'localstorage';
  readonly #storage: TextStorage;

  /** @param storage Default: the page's `localStorage`. */
  constructor(storage: TextStorage = pageLocalStorage) {
    this.#storage = storage;
  }

  /** The entry; `undefined` where there is none, and where it is not JSON. @throws {StorageError} when storage is blocked. */
  get<T = unknown>(key: string): T | undefined {
    const text = attempt('an entry could not be read from localStorage', () => this.#storage.get(key));
    try {
      return text === null ? undefined : (JSON.parse(text) as T);
    } catch {
      return undefined;
    }
  }

  /** @throws {StorageError} when storage is full or blocked. */
  set(key: string, entry: unknown): void {
    attempt('an entry could not be written to localStorage', () =>
      this.#storage.set(key, JSON.stringify(entry)),
    );
  }

  /** @throws {StorageError} when storage is blocked. */
  remove(key: string): void {
    attempt('an entry could not be removed from localStorage', () => this.#storage.remove(key));
  }

  /** Every key of the origin, other applications' too. @throws {StorageError} when storage is blocked. */
  allKeys(): string[] {
    return attempt('localStorage could not be listed', () => this.#storage.names());
  }
}

function attempt<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw new StorageError(what, cause);
  }
}
