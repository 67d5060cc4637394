/** Records in the page's heap: gone with the page, and seen by no other tab. */
import type { RecordStore } from '../environment.ts';

export function createMemoryRecordStore(): RecordStore {
  const records = new Map<string, unknown>();
  return {
    // Asynchronous like every other store, so that no caller comes to rely on more.
    async update(name, step) {
      const [record, result] = step(records.get(name));
      records.set(name, record);
      return result;
    },
    close() {},
  };
}
