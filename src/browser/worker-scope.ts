type Hear = (message: never) => void;

/**
 * Serves the page of a dedicated worker, or every page that connects to a shared one: each tells what to answer it with, and is
 * told what to do with its messages.
 */
export function serveOn(
  begin: (isShared: boolean) => (post: (message: unknown) => void) => { hear: Hear; leave(): void },
): void {
  const isShared = 'onconnect' in globalThis;
  const connect = begin(isShared);
  if (!isShared) {
    const { hear } = connect((message) => postMessage(message));
    return addEventListener('message', ({ data }) => hear(data as never));
  }
  addEventListener('connect', (event) => {
    const [port] = (event as MessageEvent).ports as [MessagePort];
    const { hear, leave } = connect((message) => port.postMessage(message));
    port.onmessage = ({ data }) => hear(data as never);
    port.addEventListener('close', leave); // where the browser tells
  });
}
