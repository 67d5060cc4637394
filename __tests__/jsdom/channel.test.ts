/**
 * @jest-environment ./__tests__/support/jsdom-environment.js
 * @jest-environment-options {"url": "http://localhost:3000/"}
 */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openChannel } from '../../src/browser/channel.ts';

/** Those that are open; a message is heard at once. */
class FakeChannel {
  static readonly open = new Set<FakeChannel>();
  onmessage: ((event: { data: unknown }) => void) | null = null;
  constructor(readonly name: string) {
    FakeChannel.open.add(this);
  }
  postMessage(data: unknown) {
    for (const other of FakeChannel.open)
      if (other !== this && other.name === this.name) other.onmessage?.({ data });
  }
  close() {
    FakeChannel.open.delete(this);
  }
}

const { BroadcastChannel: real } = globalThis;
beforeEach(() => install(FakeChannel));
afterEach(() => {
  FakeChannel.open.clear();
  install(real);
});
function install(value: unknown): void {
  Object.defineProperty(globalThis, 'BroadcastChannel', { value, configurable: true, writable: true });
}
function refusing(): never {
  throw new Error('no');
}

function listening() {
  const heard = { times: 0 };
  const channel = openChannel('latchkey/1/changes', {
    hear: () => void (heard.times += 1),
    names: 'latchkey/1',
  });
  return { heard, channel };
}
const tell = () => {
  const channel = openChannel('latchkey/1/changes');
  channel.tell();
  channel.close();
};
const shown = (persisted: boolean) => Object.assign(new Event('pageshow'), { persisted });
const stored = (key: string | null) => dispatchEvent(new StorageEvent('storage', { key }));

describe('a channel between tabs', () => {
  it('is heard by everybody but who tells, until it is closed', () => {
    const [one, other] = [listening(), listening()];
    one.channel.tell();
    expect([one.heard.times, other.heard.times]).toEqual([0, 1]);
    other.channel.close();
    tell();
    expect([one.heard.times, other.heard.times]).toEqual([1, 1]);
    one.channel.close();
    expect(FakeChannel.open.size).toBe(0);
  });

  it('is given back while the page is away, which hears when it is shown again what it may have missed', () => {
    const { heard, channel } = listening();
    dispatchEvent(new Event('pagehide'));
    expect(FakeChannel.open.size).toBe(0);
    tell();
    expect(heard.times).toBe(0);
    dispatchEvent(shown(true));
    expect(heard.times).toBe(1);
    tell();
    expect(heard.times).toBe(2);
    document.dispatchEvent(new Event('resume'));
    expect(heard.times).toBe(3);
    channel.close();
    dispatchEvent(shown(true));
    document.dispatchEvent(new Event('resume'));
    expect([heard.times, FakeChannel.open.size]).toEqual([3, 0]);
  });

  it('hears nothing of a page that is shown for the first time', () => {
    const { heard, channel } = listening();
    dispatchEvent(shown(false));
    expect(heard.times).toBe(0);
    channel.close();
  });

  it.each([
    ['refuses', refusing],
    ['lacks', undefined],
  ])('is made up for by storage events of its names where the browser %s it', (_, value) => {
    install(value);
    const { heard, channel } = listening();
    expect(() => channel.tell()).not.toThrow();
    stored('latchkey/1/user');
    stored('another');
    expect(heard.times).toBe(1);
    stored(null); // all of it was cleared
    expect(heard.times).toBe(2);
    channel.close();
    stored('latchkey/1/user');
    expect(heard.times).toBe(2);
  });
});
