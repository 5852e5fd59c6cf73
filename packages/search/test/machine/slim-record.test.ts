// What of a record may be told and believed, by the width of the link.
import { scopeRank, signRecord } from '@peernet/core';
import { createWorld, simCrypto } from '@peernet/sim';
import { describe, expect, it } from 'vitest';
import { believedAddresses, slimRecord } from '../../src/machine/slim-record.js';

const world = createWorld({ seed: 1 });
const crypto = simCrypto(world, 'shy');
const relay = simCrypto(world, 'relay');
const record = signRecord(crypto, {
  seq: 1,
  ttlSeconds: 600,
  addresses: ['ws://10.0.0.1:4000'],
  relays: [
    { id: relay.id, address: 'ws://10.0.0.2:4000' },
    { id: relay.id, address: 'ws://1.2.3.4:4000' },
  ],
  dialable: false,
  webrtc: true,
  stun: false,
});

describe('the record of a peer that cannot be dialed', () => {
  it('shows where it is reached: through relays that may be believed', () => {
    const through = (address: string): string => `wrtc:${crypto.id}?via=${address}#${relay.id}`;
    expect(believedAddresses(record, scopeRank('global'))).toEqual([through('ws://1.2.3.4:4000')]);
    expect(believedAddresses(record, scopeRank('private'))).toEqual([
      'ws://10.0.0.1:4000',
      through('ws://10.0.0.2:4000'),
      through('ws://1.2.3.4:4000'),
    ]);
  });

  it('keeps its relays in an advert', () => {
    const slim = slimRecord(crypto, record, scopeRank('global'), 1);
    expect(slim).toMatchObject({ relays: [{ address: 'ws://1.2.3.4:4000' }], webrtc: true, dialable: false });
  });
});
