import type { ICache } from '../core/cache.ts';
import type { TextStorage } from '../environment.ts';
import { StorageError } from '../errors.ts';
import { pageLocalStorage } from './text-storage.ts';

/** Keeps entries as JSON in `localStorage`: they outlive the page and are shared by the tabs of an origin. */
export class LocalStorageCache implements ICache {
  readonly location = 'localstorage';
  /** @param storage Default: the page's `localStorage`. */
  constructor(private readonly storage: TextStorage = pageLocalStorage) {}

  /** The entry; `undefined` where there is none; what is not JSON, as text. @throws {StorageError} when storage is blocked. */
  get<T = unknown>(key: string): T | undefined {
    const text = attempt(() => this.storage.get(key));
    if (text === null) return undefined;
    try {
      return JSON.parse(text) as T;
    } catch {
      return text as T;
    }
  }

  /** @throws {StorageError} when storage is full or blocked. */
  set(key: string, entry: unknown): void {
    attempt(() => this.storage.set(key, JSON.stringify(entry)));
  }

  /** @throws {StorageError} when storage is blocked. */
  remove(key: string): void {
    attempt(() => this.storage.remove(key));
  }

  /** Every key of the origin, other applications' too. @throws {StorageError} when storage is blocked. */
  allKeys(): string[] {
    return attempt(() => this.storage.names());
  }
}

function attempt<T>(action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw new StorageError('localStorage is full or blocked', cause);
  }
}
