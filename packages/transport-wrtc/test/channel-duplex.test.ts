// The stream over a data channel, on channels that do exactly what they are told.
import { leakCheck, until } from '@peernet/testkit';
import { afterEach, describe, expect, test } from 'vitest';
import { ChannelDuplex, type Side } from '../src/channel-duplex.js';
import { bufferedBytesMax, chunkBytes, chunkOverheadBytes, unreadBytesMax } from '../src/defaults.js';

afterEach(leakCheck());

/** Sends only when told; as in @roamhq/wrtc there is no event for having room, unless `event`. */
class Channel extends EventTarget {
  binaryType = '';
  readonly label = 'peernet/1';
  readyState = 'open';
  bufferedAmount = 0;
  readonly sent: (number | string)[] = [];
  bufferedAmountLowThreshold?: number;

  constructor(event: boolean) {
    super();
    if (event) this.bufferedAmountLowThreshold = 0;
  }
  send(data: Uint8Array | string): void {
    this.sent.push(typeof data === 'string' ? data : data.byteLength);
    if (typeof data !== 'string') this.bufferedAmount += data.byteLength;
  }
  close(): void {
    if (this.readyState === 'closed') return;
    this.readyState = 'closed';
    this.dispatchEvent(new Event('close'));
  }
  say(data: unknown): void {
    this.dispatchEvent(new MessageEvent('message', { data }));
  }
}

class Connection extends EventTarget {
  connectionState = 'connected';
  closed = 0;
  close(): void {
    this.closed++;
  }
}

/** One that is open, or, if `side` is named, one where nothing was said yet. */
function make({ event = false, side }: { event?: boolean; side?: Side } = {}) {
  const channel = new Channel(event);
  const connection = new Connection();
  const duplex = new ChannelDuplex(channel, connection as never, side ?? 'answers');
  if (side === undefined) channel.say('open');
  const errors: { code?: string }[] = [];
  duplex.on('error', (error: Error) => void errors.push(error as { code?: string }));
  return { channel, connection, duplex, errors };
}

describe('the beginning', () => {
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  test('who answers sends nothing before it has heard that the channel is open', async () => {
    const { channel, duplex } = make({ side: 'answers' });
    let opened = false;
    duplex.on('open', () => {
      opened = true;
    });
    duplex.write(new Uint8Array(21));
    await turn();
    channel.dispatchEvent(new Event('open')); // Chromium says so too early
    await turn();
    expect([opened, channel.sent]).toEqual([false, []]);
    channel.say('open');
    await until('its message', () => channel.sent.length > 0);
    expect([opened, channel.sent]).toEqual([true, [21]]);
    duplex.destroy();
  });

  test('who offers says so before anything else, once the channel is open', async () => {
    const { channel, duplex } = make({ side: 'offers' });
    channel.readyState = 'connecting';
    duplex.write(new Uint8Array(55));
    await turn();
    expect(channel.sent).toEqual([]);
    channel.readyState = 'open';
    channel.dispatchEvent(new Event('open'));
    await until('its message', () => channel.sent.length > 1);
    expect(channel.sent).toEqual(['open', 55]);
    duplex.destroy();
  });

  test('a channel that closes before it is open is lost', async () => {
    const { channel, duplex, errors } = make({ side: 'answers' });
    await turn();
    channel.close();
    await until('closed', () => duplex.destroyed);
    expect(errors.map((error) => error.code)).toEqual(['LOST']);
  });

  test('the word of who offers, from who answers, breaks it also while the channel is not open', async () => {
    const { channel, duplex, errors } = make({ side: 'offers' });
    channel.readyState = 'connecting';
    await turn();
    channel.say('open');
    await until('closed', () => duplex.destroyed);
    expect(errors.map((error) => error.code)).toEqual(['PROTOCOL']);
  });

  test.each<[string, unknown, Side]>([
    ['data before it', new ArrayBuffer(1), 'answers'],
    ['an end before it', 'end', 'answers'],
    ['the word of who offers, from who answers', 'open', 'offers'],
  ])('%s breaks it', async (_name, data, side) => {
    const { channel, duplex, errors } = make({ side });
    await turn();
    channel.say(data);
    await until('closed', () => duplex.destroyed);
    expect(errors.map((error) => error.code)).toEqual(['PROTOCOL']);
  });
});

describe('writing', () => {
  test.each([true, false])(
    '16 KiB a message, 1 MiB in the buffer, and on when there is room; event: %s',
    async (event) => {
      const { channel, duplex } = make({ event });
      const total = 4 * 1024 * 1024;
      duplex.write(new Uint8Array(total));
      const bytes = (): number => channel.sent.reduce<number>((sum, part) => sum + Number(part), 0);
      let waits = 0;
      while (bytes() < total) {
        const before = bytes();
        await until('it waits', () => channel.bufferedAmount === bufferedBytesMax);
        waits++;
        channel.bufferedAmount = 0;
        if (event) channel.dispatchEvent(new Event('bufferedamountlow'));
        if (bytes() === total || before + bufferedBytesMax >= total) break;
        await until('it goes on', () => bytes() > before + bufferedBytesMax - 1);
      }
      await until('all', () => bytes() === total);
      expect(waits).toBeGreaterThanOrEqual(3);
      expect(Math.max(...channel.sent.map(Number))).toBe(chunkBytes);
      duplex.destroy();
    },
  );

  test('a lost event costs a moment, not the stream', async () => {
    const { channel, duplex } = make({ event: true });
    duplex.write(new Uint8Array(2 * bufferedBytesMax));
    await until('it waits', () => channel.bufferedAmount === bufferedBytesMax);
    channel.bufferedAmount = 0;
    await until('it goes on', () => channel.bufferedAmount === bufferedBytesMax);
    duplex.destroy();
  });
});

describe('reading', () => {
  test.each([
    ['a text that is no word of ours', 'hello', 'PROTOCOL'],
    ['a Blob', new Blob([]), 'PROTOCOL'],
    ['got, where nothing has ended', 'got', 'PROTOCOL'],
    ['open, a second time', 'open', 'PROTOCOL'],
  ])('%s breaks it', async (_name, data, code) => {
    const { channel, connection, duplex, errors } = make();
    channel.say(data);
    await until('closed', () => duplex.destroyed);
    expect([errors.map((error) => error.code), connection.closed]).toEqual([[code], 1]);
  });

  test('an end, a second time, breaks it', async () => {
    const { channel, duplex, errors } = make();
    channel.say('end');
    channel.say('end');
    await until('closed', () => duplex.destroyed);
    expect(errors.map((error) => error.code)).toEqual(['PROTOCOL']);
  });

  test('single bytes that nobody reads count as what they cost', async () => {
    const { channel, duplex, errors } = make();
    const most = unreadBytesMax / chunkOverheadBytes;
    for (let sent = 0; sent < 1.2 * most; sent++) channel.say(new ArrayBuffer(1));
    await until('closed', () => duplex.destroyed);
    expect(errors.map((error) => error.code)).toEqual(['LIMIT']);
  });

  test('data after the end breaks it', async () => {
    const { channel, duplex, errors } = make();
    channel.say('end');
    channel.say(new ArrayBuffer(1));
    await until('closed', () => duplex.destroyed);
    expect(errors.map((error) => error.code)).toEqual(['PROTOCOL']);
  });

  test('more than anybody reads breaks it; control: who reads may get as much as he likes', async () => {
    for (const reads of [false, true]) {
      const { channel, duplex, errors } = make();
      if (reads) duplex.resume();
      for (let sent = 0; sent <= 2 * unreadBytesMax; sent += 65_536) {
        channel.say(new ArrayBuffer(65_536));
        if (reads) await new Promise((resolve) => setImmediate(resolve));
      }
      await new Promise((resolve) => setImmediate(resolve));
      expect(errors.map((error) => error.code)).toEqual(reads ? [] : ['LIMIT']);
      duplex.destroy();
    }
  });
});

describe('the end', () => {
  test('is said after all data, answered, and the connection goes when both have both', async () => {
    const { channel, connection, duplex } = make();
    duplex.resume();
    duplex.write(new Uint8Array(10));
    duplex.end();
    await until('our end', () => channel.sent.includes('end'));
    expect(channel.sent).toEqual([10, 'end']);
    channel.say('end');
    expect(channel.sent).toEqual([10, 'end', 'got']);
    await until('the stream is closed', () => duplex.destroyed);
    expect(connection.closed).toBe(0);
    channel.say('got');
    expect([channel.readyState, connection.closed]).toEqual(['closed', 1]);
  });

  test('an end that is never answered does not keep the connection', async () => {
    const { channel, connection, duplex } = make();
    duplex.resume();
    duplex.end();
    channel.say('end');
    await until('closed', () => connection.closed === 1);
  });

  test('a connection that fails ends the stream', async () => {
    const { connection, duplex, errors } = make();
    connection.connectionState = 'failed';
    connection.dispatchEvent(new Event('connectionstatechange'));
    await until('closed', () => duplex.destroyed);
    expect([errors.map((error) => error.code), connection.closed]).toEqual([['LOST'], 1]);
  });
});
