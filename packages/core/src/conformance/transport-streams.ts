// The cases of `transportCases` about the byte streams themselves: what arrives, who waits for whom, how it ends.
import { concatBytes } from '../bytes.js';
import { type Case, check } from './case.js';
import {
  dial,
  eventually,
  fill,
  next,
  pattern,
  quietMs,
  Sink,
  sameBytes,
  type TransportSubject,
  turn,
  withHost,
  withPair,
} from './duplexes.js';

type TransportCase = Case<TransportSubject>;

/** No transport holds more than this for a reader that does not read: sockets of systems hold some MiB each way. */
const heldBytesMax = 64 * 1024 * 1024;

/** ms without a `drain` after which a writer counts as held back. */
const stallMs = 300;

const bytes: readonly TransportCase[] = [
  {
    name: 'bytes arrive whole and in order, both ways at once',
    run: async (make) =>
      withPair(await make(), async ({ near, far }) => {
        const chunks = Array.from({ length: 300 }, (_, i) => pattern(1 + ((i * 37) % 2000), i));
        const whole = concatBytes(...chunks);
        const sinks = [new Sink(near), new Sink(far)];
        for (const chunk of chunks) for (const end of [near, far]) end.write(chunk);
        for (const sink of sinks) sameBytes(await sink.read(whole.length), whole, 'what arrived');
      }),
  },
  {
    name: 'one large write arrives whole, both ways',
    run: async (make) =>
      withPair(await make(), async ({ near, far }) => {
        const large = [pattern(1024 * 1024, 1), pattern(1024 * 1024, 10)] as const;
        const sinks = [new Sink(far), new Sink(near)] as const;
        near.write(large[0]);
        far.write(large[1]);
        for (const i of [0, 1] as const) {
          sameBytes(await sinks[i].read(large[i].length), large[i], 'a write of 1 MiB');
        }
      }),
  },
  {
    name: 'a view is sent as exactly its bytes',
    run: async (make) =>
      withPair(await make(), async ({ near, far }) => {
        const sink = new Sink(far);
        near.write(pattern(100, 2).subarray(10, 20));
        near.write(pattern(1, 3));
        const expected = new Uint8Array([...pattern(100, 2).slice(10, 20), ...pattern(1, 3)]);
        sameBytes(await sink.read(11), expected, 'a view of 10 bytes, then one byte');
      }),
  },
  {
    name: 'received chunks stay as they are',
    run: async (make) =>
      withPair(await make(), async ({ near, far }) => {
        const kept: Uint8Array[] = [];
        far.on('data', (chunk: Uint8Array) => kept.push(chunk));
        const had = (): number => kept.reduce((sum, chunk) => sum + chunk.length, 0);
        for (let i = 0; i < 5; i++) {
          near.write(new Uint8Array(100).fill(i));
          await eventually('the next chunk', () => had() === 100 * (i + 1));
        }
        const expected = Array.from({ length: 500 }, (_, i) => Math.floor(i / 100));
        sameBytes(
          new Uint8Array(kept.flatMap((chunk) => [...chunk])),
          new Uint8Array(expected),
          'kept chunks',
        );
      }),
  },
  {
    name: 'what arrives before anybody listens is kept',
    run: async (make) =>
      withPair(await make(), async ({ near, far }) => {
        near.write(pattern(1000, 4));
        await turn(quietMs);
        sameBytes(await new Sink(far).read(1000), pattern(1000, 4), 'early bytes');
      }),
  },
  {
    name: 'many connections at once, each with its own bytes',
    run: async (make) => {
      const subject = await make();
      await withHost(subject, async ({ address, accepted }) => {
        const nears = await Promise.all(Array.from({ length: 16 }, () => dial(subject, address)));
        await eventually('16 connections', () => accepted.length === 16);
        for (const { duplex } of accepted) duplex.on('data', (chunk: Uint8Array) => duplex.write(chunk));
        const sinks = nears.map((near) => new Sink(near));
        for (const [i, near] of nears.entries()) near.write(pattern(500, i));
        for (const [i, sink] of sinks.entries())
          sameBytes(await sink.read(500), pattern(500, i), `echo ${i}`);
        for (const near of nears) near.destroy();
      });
    },
  },
];

const flow: readonly TransportCase[] = [
  {
    name: 'a paused reader gets nothing until it resumes',
    needs: 'back-pressure',
    run: async (make) =>
      withPair(await make(), async ({ near, far }) => {
        const sink = new Sink(far);
        near.write(pattern(10, 5));
        await sink.read(10);
        far.pause();
        near.write(pattern(10, 6));
        await turn(quietMs);
        check(sink.bytes === 10, 'data arrived at a paused reader');
        far.resume();
        await sink.read(20);
      }),
  },
  {
    name: 'a reader that does not read holds the writer back',
    needs: 'back-pressure',
    run: async (make) =>
      withPair(await make(), async ({ near }) => {
        const written = await fill(near, heldBytesMax, stallMs);
        check(written < heldBytesMax, `${heldBytesMax} bytes were taken for a reader that reads nothing`);
      }),
  },
  {
    name: 'drain comes when the reader goes on, and nothing was lost',
    run: async (make) =>
      withPair(await make(), async ({ near, far }) => {
        let written = 0;
        let free = true;
        while (free && written < 8 * 1024 * 1024) {
          free = near.write(new Uint8Array(65_536));
          written += 65_536;
        }
        const drained = free ? undefined : next(near, 'drain');
        drained?.catch(() => {});
        await new Sink(far).read(written);
        await drained;
      }),
  },
];

const ends: readonly TransportCase[] = [
  {
    name: 'end arrives after all the data',
    run: async (make) =>
      withPair(await make(), async ({ near, far }) => {
        const sink = new Sink(far);
        const ended = next(far, 'end');
        near.resume();
        near.write(pattern(200_000, 7));
        near.end();
        await ended;
        sameBytes(await sink.read(200_000), pattern(200_000, 7), 'what was written before the end');
      }),
  },
  {
    name: 'after an end both sides close: once, and as the last event',
    run: async (make) =>
      withPair(await make(), async ({ near, far }) => {
        const sides = [near, far].map((side) => {
          const events: string[] = [];
          for (const name of ['data', 'end', 'close']) side.on(name, () => events.push(name));
          return events;
        });
        near.end();
        // The other side answers an end with its own, as every pipe does.
        far.on('end', () => far.end());
        for (const events of sides) await eventually("'close'", () => events.includes('close'));
        await turn(quietMs);
        for (const events of sides) {
          check(events.filter((name) => name === 'close').length === 1, "more than one 'close'");
          check(events.at(-1) === 'close', `'${events.at(-1)}' came after 'close'`);
        }
      }),
  },
  {
    name: 'destroy is seen at the other side',
    run: async (make) =>
      withPair(await make(), async ({ near, far }) => {
        far.resume();
        const closed = next(far, 'close');
        near.destroy();
        await closed;
      }),
  },
  {
    name: 'writing to what is destroyed does not throw',
    run: async (make) =>
      withPair(await make(), async ({ near }) => {
        const closed = next(near, 'close');
        near.destroy();
        near.write(pattern(10, 8));
        await closed;
        near.write(pattern(10, 8));
        near.end();
      }),
  },
];

/** All of them. */
export const streamCases: readonly TransportCase[] = [...bytes, ...flow, ...ends];
