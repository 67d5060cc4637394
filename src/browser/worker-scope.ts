/** Serves the page of a dedicated worker: `begin` gets what to answer with, and tells what to do with a message. */
export function serveOn(begin: (post: (message: unknown) => void) => (message: never) => void): void {
  const hear = begin((message) => postMessage(message));
  addEventListener('message', ({ data }) => hear(data as never));
}
