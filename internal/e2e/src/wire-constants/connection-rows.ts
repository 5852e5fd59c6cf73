// Hello, identity, records and channels of a connection, by their decoders, by the cipher, and by a whole Mux.
import { createCrypto } from '@peernet/connection';
import { concatBytes, messageBytesMax, seededRandom } from '@peernet/core';
import { DEFAULTS, WIRE } from '../../../../packages/connection/src/defaults.js';
import { BufferPool } from '../../../../packages/connection/src/machine/buffers.js';
import { RecordCipher } from '../../../../packages/connection/src/machine/noise.js';
import { RecordReader } from '../../../../packages/connection/src/machine/record-reader.js';
import {
  decodeHello,
  decodeIdentity,
  encodeU32,
  FRAME,
  FrameView,
  magic,
  readFrame,
} from '../../../../packages/connection/src/wire.js';
import { frameOf } from '../fuzz/decoders.js';
import { marks, zeros } from './layouts.js';
import { MuxEnd } from './mux-end.js';
import { type Row, rateRows, read } from './row.js';

const file = 'connection/src/defaults.ts';

function wire(
  name: keyof typeof WIRE,
  bound: Row['bound'],
  refused: string,
  become: (n: number) => string,
  decides: Row['decides'] = { in: WIRE, key: name },
): Row {
  return { file, key: `WIRE.${name}`, value: WIRE[name], bound, become, refused, decides };
}

const exactly = (name: keyof typeof WIRE, become: (n: number) => string, decides?: Row['decides']): Row =>
  wire(name, 'exactly', 'malformed', become, decides);

const helloOf = (nonce: number): Uint8Array => concatBytes(magic, zeros(1), marks(nonce));
const identityOf = (key: number, signature: number): Uint8Array =>
  concatBytes(marks(key), zeros(8), zeros(signature));

/** A record whose tag has `n` bytes. */
function tagged(n: number): string {
  const { primitives } = createCrypto({ random: seededRandom(1) });
  const aead = primitives.aead(zeros(32));
  const text = marks(9);
  const sealed = new RecordCipher(aead).seal(text);
  const bytes = new Uint8Array(text.length + n);
  bytes.set(sealed.subarray(0, bytes.length));
  return read(new RecordCipher(aead).open(bytes));
}

function cut(n: number): string {
  let seen = 0;
  const bytes = concatBytes(Uint8Array.of(n >>> 8, n), zeros(n));
  const fine = new RecordReader(new BufferPool(1)).push(bytes, (record) => {
    seen = record.length;
    return true;
  });
  return fine && seen === n ? 'taken' : 'malformed';
}

/** Bytes and their cost on one channel of which nothing is read. */
function sent(total: number): string {
  const end = new MuxEnd();
  const id = end.open();
  for (let left = total; left > 0; ) {
    const cost = Math.min(left, messageBytesMax + WIRE.frameCostBytes);
    const isLast = left - cost < 2 * WIRE.frameCostBytes;
    const now = isLast ? Math.min(left, cost) : cost - 2 * WIRE.frameCostBytes;
    end.hear(FRAME.DATA, id, zeros(now - frameCost));
    left -= now;
  }
  return end.came;
}
/** As it was, whatever a control makes of it. */
const frameCost = WIRE.frameCostBytes;
const windowBytes = WIRE.windowBytes;

/** As many empty messages as fit into a window if each costs `cost`. */
function empties(cost: number): string {
  const end = new MuxEnd();
  const id = end.open();
  const frame = frameOf(FRAME.DATA, id, zeros(0));
  const all = new Uint8Array(Math.floor(windowBytes / cost) * frame.length);
  for (let at = 0; at < all.length; at += frame.length) all.set(frame, at);
  end.mux.receive(all, 0);
  return end.came;
}

/** Credit that makes the window that we may use `total`. */
function credited(total: number): string {
  const end = new MuxEnd();
  const channel = end.opened();
  end.mux.send(channel, zeros(100), 'rows');
  end.mux.flush(0);
  end.hear(FRAME.CREDIT, channel.id, encodeU32(total - windowBytes + 100 + frameCost));
  return end.came;
}

function crowd(channels: number): string {
  const end = new MuxEnd();
  for (let n = 0; n < channels; n++) {
    end.nowMs += 100; // ten per second
    end.open();
  }
  return end.came;
}

export const connectionRows: readonly Row[] = [
  exactly('helloBytes', (n) => read(decodeHello(helloOf(n - magic.length - 1))), 'the sum of its fields'),
  exactly('helloNonceBytes', (n) => read(decodeHello(helloOf(n)))),
  exactly('keyBytes', (n) => read(decodeIdentity(identityOf(n, 64))), 'Ed25519 has no other'),
  exactly('identityBytes', (n) => read(decodeIdentity(identityOf(32, n - 40))), 'the sum of its fields'),
  exactly('tagBytes', tagged, 'Poly1305 has no other'),
  wire('recordBytesMin', 'least', 'malformed', cut, 'it is copied where records are cut'),
  wire('nameBytesMax', 'most', 'PROTOCOL', (n) => {
    const end = new MuxEnd();
    end.open('messages', 'x'.repeat(n));
    return end.came;
  }),
  wire('windowBytes', 'most', 'PROTOCOL', sent),
  {
    ...wire('windowBytes', 'most', 'PROTOCOL', credited),
    part: 'by CREDIT',
    decides: 'it begins as large as it may become',
  },
  wire('frameCostBytes', 'least', 'PROTOCOL', empties),
  wire('channelIdMax', 'most', 'malformed', (n) =>
    readFrame(frameOf(FRAME.DATA, n, zeros(0)), 0, new FrameView()) < 0 ? 'malformed' : 'taken',
  ),
  {
    file: 'core/src/link.ts',
    key: 'messageBytesMax',
    value: messageBytesMax,
    bound: 'most',
    become(n) {
      const end = new MuxEnd();
      end.hear(FRAME.DATA, end.open(), zeros(n));
      return end.came;
    },
    refused: 'PROTOCOL',
    decides: 'a number that stands alone cannot be changed from outside',
  },
  {
    file,
    key: 'DEFAULTS.channelsMax',
    value: DEFAULTS.channelsMax,
    bound: 'most',
    become: crowd,
    refused: 'FULL 1',
    decides: { in: DEFAULTS, key: 'channelsMax' },
  },
  ...rateRows({
    file,
    key: 'DEFAULTS.opens',
    rate: DEFAULTS.opens,
    refused: 'RATE',
    open() {
      const end = new MuxEnd();
      return {
        say(n) {
          for (let i = 0; i < n; i++) end.open();
          return end.came;
        },
        wait(ms) {
          end.nowMs += ms;
        },
      };
    },
  }),
];
