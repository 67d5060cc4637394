/** One piece of work for all who ask for the same at the same time. */
export interface Flights {
  /** Joins the work under way for `key`, or begins it. All who joined get its one result or error. */
  share<T>(key: string, work: () => Promise<T>): Promise<T>;
}

export function createFlights(): Flights {
  const flights = new Map<string, Promise<unknown>>();
  return {
    share<T>(key: string, work: () => Promise<T>): Promise<T> {
      const underway = flights.get(key);
      if (underway) return underway as Promise<T>; // a key stands for one kind of work, hence one type
      const flight = work().finally(() => flights.delete(key));
      flights.set(key, flight);
      return flight;
    },
  };
}
