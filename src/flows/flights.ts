/** One piece of work for all who ask for the same, and a queue for what must not overlap. */

export interface Flights {
  /** Joins the work under way for `key`, or begins it. All who joined get its one result or error. */
  share<T>(key: string, work: () => Promise<T>): Promise<T>;
  /** Begins `work` when all earlier work of `queue` has ended, however it ended. */
  queue<T>(queue: string, work: () => Promise<T>): Promise<T>;
}

export function createFlights(): Flights {
  const shared = new Map<string, Promise<unknown>>();
  const tails = new Map<string, Promise<unknown>>();
  return {
    share<T>(key: string, work: () => Promise<T>): Promise<T> {
      const underway = shared.get(key);
      if (underway) return underway as Promise<T>; // a key stands for one kind of work, hence one type
      const flight = work().finally(() => shared.delete(key));
      shared.set(key, flight);
      return flight;
    },
    queue<T>(queue: string, work: () => Promise<T>): Promise<T> {
      const turn = (tails.get(queue) ?? Promise.resolve()).then(work, work);
      tails.set(queue, turn);
      return turn;
    },
  };
}
