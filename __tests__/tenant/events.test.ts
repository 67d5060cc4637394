import { afterEach, describe, expect, it } from '@jest/globals';
import { serve } from '../../src/tenant-node/index.ts';
import type { JournalEntry, Tenant } from '../../src/tenant/index.ts';
import { aTenant, login, refresh } from './a-tenant.ts';

const guess = (tenant: Tenant, client_id: string) => refresh(tenant, 'guessed', { client_id });

/** The next entries of a reader. */
async function take(events: AsyncIterator<JournalEntry>, count: number): Promise<JournalEntry[]> {
  const taken: JournalEntry[] = [];
  while (taken.length < count) {
    const { done, value } = await events.next();
    if (done) throw new Error(`the events ended after ${taken.length}`);
    taken.push(value);
  }
  return taken;
}

describe('the events of a tenant', () => {
  it('are the entries of the journal from the call on', async () => {
    const tenant = aTenant();
    await login(tenant);
    const before = tenant.journal.length;
    const events = tenant.events();
    await login(tenant);
    const after = tenant.journal.slice(before);
    expect(after.length).toBeGreaterThan(1);
    expect(await take(events, after.length)).toEqual(after);
  });

  it('are waited for', async () => {
    const tenant = aTenant();
    const waiting = [take(tenant.events(), 1), take(tenant.events(), 1)];
    await guess(tenant, 'a');
    expect(await Promise.all(waiting)).toEqual([tenant.journal, tenant.journal]);
  });

  it('come in order to who asks for several at once', async () => {
    const tenant = aTenant();
    const events = tenant.events();
    const both = [events.next(), events.next()];
    await guess(tenant, 'a');
    await guess(tenant, 'b');
    expect((await Promise.all(both)).map(({ value }) => value?.client_id)).toEqual(['a', 'b']);
  });

  it('are each reader’s own: one that ends or sleeps holds up no other', async () => {
    const tenant = aTenant();
    const [ended, slow, other] = [tenant.events(), tenant.events(), tenant.events()];
    await ended.return?.();
    await guess(tenant, 'a');
    await guess(tenant, 'b');
    expect(await take(other, 2)).toEqual(tenant.journal);
    expect(await ended.next()).toEqual({ done: true, value: undefined });
    expect(await take(slow, 1)).toEqual(tenant.journal.slice(0, 1));
  });

  it('end for a reader that waits when it is told to', async () => {
    const events = aTenant().events();
    const waiting = events.next();
    await Promise.resolve();
    await events.return?.();
    expect(await waiting).toEqual({ done: true, value: undefined });
  });

  it('end with the loop that reads them', async () => {
    const tenant = aTenant();
    const events = tenant.events();
    await guess(tenant, 'a');
    for await (const { client_id } of events) if (client_id === 'a') break;
    await guess(tenant, 'b');
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  it('are told again after an entry that was seen; all that is kept, after one that is not', async () => {
    const tenant = aTenant();
    for (const client of ['a', 'b', 'c']) await guess(tenant, client);
    expect(await take(tenant.events(tenant.journal[0]?.log_id), 2)).toEqual(tenant.journal.slice(1));
    expect(await take(tenant.events('long gone'), 3)).toEqual(tenant.journal);
  });

  it('skip, for a reader who is too slow, what the journal has dropped', async () => {
    const tenant = aTenant();
    const events = tenant.events();
    for (let entry = 1; entry <= 1002; entry += 1) await guess(tenant, `c${entry}`);
    expect((await take(events, 2)).map(({ client_id }) => client_id)).toEqual(['c3', 'c4']);
  });
});

describe('GET /__tenant/events', () => {
  const open: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of open.splice(0)) await close();
  });

  async function connect(url: string, headers: Record<string, string> = {}) {
    const response = await fetch(`${url}/__tenant/events`, { headers });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    return {
      response,
      close: () => reader.cancel(),
      /** The next messages, as `[id, data]`. */
      async messages(count: number): Promise<[id: string | undefined, data: unknown][]> {
        const found = () =>
          text
            .split('\n\n')
            .slice(0, -1)
            .filter((message) => message.includes('data: '));
        while (found().length < count) {
          const { done, value } = await reader.read();
          if (done) throw new Error('the stream ended');
          text += value;
        }
        return found().map((message) => [
          /^id: (.*)$/m.exec(message)?.[1],
          JSON.parse(/^data: (.*)$/m.exec(message)?.[1] ?? '') as unknown,
        ]);
      },
    };
  }

  async function served() {
    const tenant = aTenant();
    const server = await serve(tenant, { port: 0 });
    open.push(server.close);
    return { tenant, url: server.url };
  }

  it('tells them live, as server-sent events', async () => {
    const { tenant, url } = await served();
    await guess(tenant, 'earlier');
    const { response, messages } = await connect(url);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    await guess(tenant, 'a');
    await guess(tenant, 'b');
    const later = tenant.journal.slice(1);
    expect(await messages(2)).toEqual(
      later.map((entry) => [entry.log_id, JSON.parse(JSON.stringify(entry))]),
    );
  });

  it('goes on after the Last-Event-ID', async () => {
    const { tenant, url } = await served();
    const { messages, close } = await connect(url);
    await guess(tenant, 'a');
    const [[id = ''] = []] = await messages(1);
    await close();
    await guess(tenant, 'b');
    const again = await connect(url, { 'last-event-id': id });
    await guess(tenant, 'c');
    expect(await again.messages(2)).toMatchObject([
      [expect.any(String), { client_id: 'b' }],
      [expect.any(String), { client_id: 'c' }],
    ]);
  });

  it('ends its reader when the page goes away', async () => {
    const tenant = aTenant();
    const reader = tenant.events();
    Object.assign(tenant, { events: () => reader });
    const response = await tenant.fetch(new Request(`${tenant.baseUrl}/__tenant/events`));
    await response.body?.cancel();
    expect(await reader.next()).toEqual({ done: true, value: undefined });
  });
});
