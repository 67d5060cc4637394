// `npm run bench:durability`: what writing a claim and a successor durably costs a refresh, in a real Chromium, each figure
// beside the others in one run. All in ms; nothing is written.
import { openWorld } from '../resilience/world.mjs';

const rounds = 200;

const rows = [];
for (const cacheLocation of ['localstorage', 'memory']) {
  const world = await openWorld({ options: { cacheLocation } });
  try {
    await world.reset();
    const tab = await world.login('latchkey');
    if (cacheLocation === 'localstorage')
      for (const durability of ['strict', 'relaxed'])
        rows.push([
          `two IndexedDB transactions, ${durability}`,
          await tab.evaluate(transactions, durability, rounds),
        ]);
    rows.push([`getTokenSilently with a refresh, ${cacheLocation}`, await tab.evaluate(refreshes, rounds)]);
    if (cacheLocation === 'memory')
      rows.push(['a bare fetch of the token endpoint', await tab.evaluate(requests, rounds)]);
  } finally {
    await world.close();
  }
}

console.log(`\n${''.padEnd(44)}  median    p95   (ms, ${rounds} rounds)`);
for (const [name, times] of rows) {
  const at = (share) => times[Math.floor(share * times.length)].toFixed(2).padStart(6);
  console.log(`${name.padEnd(44)}  ${at(0.5)} ${at(0.95)}`);
}

/** In the page: read and write twice, as a refresh does. */
async function transactions(durability, rounds) {
  const database = await new Promise((resolve) => {
    const request = indexedDB.open('bench');
    request.onupgradeneeded = () => request.result.createObjectStore('s');
    request.onsuccess = () => resolve(request.result);
  });
  const record = { text: 'x'.repeat(4000) };
  const once = () =>
    new Promise((resolve) => {
      const transaction = database.transaction('s', 'readwrite', { durability });
      const store = transaction.objectStore('s');
      store.get('k').onsuccess = () => store.put(record, 'k');
      transaction.oncomplete = resolve;
    });
  const times = [];
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now();
    await once();
    await once();
    times.push(performance.now() - begun);
  }
  return times.sort((one, other) => one - other);
}

async function refreshes(rounds) {
  const times = [];
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now();
    await window.client.getTokenSilently({ cacheMode: 'off' });
    times.push(performance.now() - begun);
  }
  return times.sort((one, other) => one - other);
}

/** Refused ones: the way there and back is what counts. */
async function requests(rounds) {
  const times = [];
  for (let round = 0; round < rounds; round++) {
    const body = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: 'spa',
      refresh_token: 'none',
    });
    const begun = performance.now();
    await (await fetch('http://localhost:4400/oauth/token', { method: 'POST', body })).text();
    times.push(performance.now() - begun);
  }
  return times.sort((one, other) => one - other);
}
