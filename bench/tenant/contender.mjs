// What the servers of this benchmark have in common: they listen, say where, and then how to be asked.
/**
 * Prints where a server listens, and answers its parent with what `begin` makes: how to refresh, and as many tokens as asked.
 * @param {import('node:http').Server} server
 * @param {(count: number) => unknown} begin
 */
export function announce(server, begin) {
  server.listen(0, '127.0.0.1', () => {
    const url = `http://127.0.0.1:${server.address().port}`;
    serveParent(url, begin);
  });
}

/** The same, for a server that listens already. */
export function serveParent(url, begin) {
  process.on('message', async ({ count }) => {
    if (count !== undefined) return process.send({ url, ...(await begin(count)) });
    globalThis.gc();
    return process.send({ heap: process.memoryUsage().heapUsed });
  });
  process.on('disconnect', () => process.exit());
  process.send({ url });
}
