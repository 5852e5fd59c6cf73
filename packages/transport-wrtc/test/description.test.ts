// Descriptions: those of three implementations are understood, those of strangers are cut to what we need or refused.
import { seededRandom, signalBytesMax } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import { candidatesMax } from '../src/defaults.js';
import { formatDescription, parseDescription } from '../src/description.js';

const fingerprint = Array.from({ length: 32 }, (_, i) => (i * 7).toString(16).padStart(2, '0'))
  .join(':')
  .toUpperCase();

/** As @roamhq/wrtc and Chromium write it, then node-datachannel, then Firefox. */
const offers = {
  chromium: `v=0
o=- 3923417027534033743 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=extmap-allow-mixed
a=msid-semantic: WMS
m=application 49479 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 10.1.2.3
a=candidate:3229573512 1 udp 2122194687 10.1.2.3 49479 typ host generation 0 network-id 1
a=ice-ufrag:dzae
a=ice-pwd:qhlb8gfu4cpPvxsUpB3KuW4Q
a=ice-options:trickle
a=fingerprint:sha-256 ${fingerprint}
a=setup:actpass
a=mid:0
a=sctp-port:5000
a=max-message-size:262144
`,
  'node-datachannel': `v=0
o=rtc 2068688054 0 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=group:LS 0
a=msid-semantic:WMS *
a=ice-options:ice2,trickle
a=fingerprint:sha-256 ${fingerprint}
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=mid:0
a=sendrecv
a=sctp-port:5000
a=max-message-size:262144
a=setup:actpass
a=ice-ufrag:4EF2
a=ice-pwd:ykCK2PSwLzmv74QHNNI27t
a=end-of-candidates
`,
  firefox: `v=0
o=mozilla...THIS_IS_SDPARTA-99.0 4962303333179871722 0 IN IP4 0.0.0.0
s=-
t=0 0
a=sendrecv
a=fingerprint:sha-256 ${fingerprint}
a=group:BUNDLE 0
a=ice-options:trickle
a=msid-semantic:WMS *
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=sendrecv
a=ice-pwd:b4d0e3a5f6b54ad2c39a2c4f7e4c1d22
a=ice-ufrag:8d7f3a21
a=mid:0
a=setup:actpass
a=sctp-port:5000
a=max-message-size:1073741823
`,
};

const offer = offers.chromium;

for (const [name, sdp] of Object.entries(offers)) {
  test(`an offer of ${name} is understood, and written anew it says the same and nothing else`, () => {
    const read = parseDescription(sdp.replaceAll('\n', '\r\n'), 'offer');
    if (typeof read === 'string') throw new Error(read);
    expect(read).toMatchObject({ mid: '0', setup: 'actpass', sctpPort: 5000, fingerprint });
    const written = formatDescription(read, []);
    expect(written).not.toContain('10.1.2.3');
    expect(written).not.toContain('mozilla');
    const messageBytesMax = Math.min(read.messageBytesMax, 262_144);
    expect(parseDescription(written, 'offer')).toEqual({ ...read, messageBytesMax, candidates: [] });
  });
}

describe('refused', () => {
  const without = (start: string): string =>
    offer
      .split('\n')
      .filter((line) => !line.startsWith(start))
      .join('\n');
  const candidates = (count: number): string =>
    offer + 'a=candidate:1 1 udp 1 10.0.0.1 5000 typ host\n'.repeat(count);
  const cases: [string, string, string][] = [
    ['nothing', '', 'sdpSyntax'],
    ['what is none', 'hello', 'sdpSyntax'],
    ['JSON', '{"type":"offer"}', 'sdpSyntax'],
    ['no media line', without('m='), 'sdpMedia'],
    ['two media lines', `${offer}m=application 9 UDP/DTLS/SCTP webrtc-datachannel\n`, 'sdpMedia'],
    [
      'audio',
      offer.replace(
        'm=application 49479 UDP/DTLS/SCTP webrtc-datachannel',
        'm=audio 9 UDP/TLS/RTP/SAVPF 111',
      ),
      'sdpMedia',
    ],
    ['audio besides', `${offer}m=audio 9 UDP/TLS/RTP/SAVPF 111\n`, 'sdpMedia'],
    ['no fingerprint', without('a=fingerprint'), 'sdpSyntax'],
    ['a short fingerprint', offer.replace(fingerprint, fingerprint.slice(3)), 'sdpSyntax'],
    ['SHA-1', offer.replace('sha-256', 'sha-1'), 'sdpSyntax'],
    ['two fingerprints', `${offer}a=fingerprint:sha-256 ${fingerprint.replace('00', '01')}\n`, 'sdpSyntax'],
    ['no ufrag', without('a=ice-ufrag'), 'sdpSyntax'],
    ['a short password', offer.replace('qhlb8gfu4cpPvxsUpB3KuW4Q', 'short'), 'sdpSyntax'],
    ['an offer that is decided', offer.replace('actpass', 'active'), 'sdpSyntax'],
    ['messages smaller than ours', offer.replace('262144', '1024'), 'sdpSyntax'],
    ['a port that is none', offer.replace('sctp-port:5000', 'sctp-port:65536'), 'sdpSyntax'],
    ['a long mid', offer.replace('a=mid:0', 'a=mid:0000'), 'sdpSyntax'],
    ['bytes that are not ASCII', `${offer}a=é\n`, 'sdpSyntax'],
    ['a zero byte', `${offer}a=\0\n`, 'sdpSyntax'],
    ['17 candidates', candidates(candidatesMax), 'sdpCandidates'],
    ['100 lines', offer + 'a=x\n'.repeat(100), 'sdpSyntax'],
    [`${signalBytesMax + 1} bytes`, offer + 'x'.repeat(signalBytesMax + 1 - offer.length), 'sdpBytes'],
  ];
  test.each(cases)('%s', (_name, sdp, expected) => {
    expect(parseDescription(sdp, 'offer')).toBe(expected);
  });

  test('control: the same offer as it is, and with one candidate less', () => {
    expect(parseDescription(offer, 'offer')).toBeTypeOf('object');
    expect(parseDescription(candidates(candidatesMax - 1), 'offer')).toBeTypeOf('object');
  });

  test('an answer has to choose a role, an offer must not', () => {
    expect(parseDescription(offer, 'answer')).toBe('sdpSyntax');
    for (const role of ['active', 'passive']) {
      expect(parseDescription(offer.replace('actpass', role), 'answer')).toBeTypeOf('object');
    }
  });
});

test('50 000 damaged descriptions: read or refused, never thrown at, and what is read is written as itself', () => {
  const random = seededRandom(5);
  const samples = Object.values(offers);
  let passed = 0;
  for (let i = 0; i < 50_000; i++) {
    let sdp = samples[i % samples.length] as string;
    for (let d = 1 + (random.uint32() % 3); d > 0; d--) {
      const at = random.uint32() % sdp.length;
      const cut = random.uint32() % 3 === 0 ? random.uint32() % 60 : 1;
      sdp = sdp.slice(0, at) + String.fromCharCode(random.uint32() % 140) + sdp.slice(at + cut);
    }
    const read = parseDescription(sdp, 'offer');
    if (typeof read === 'string') continue;
    passed++;
    const again = parseDescription(formatDescription(read, []), 'offer');
    const messageBytesMax = Math.min(read.messageBytesMax, 262_144);
    expect(again).toEqual({ ...read, messageBytesMax, candidates: [] });
  }
  expect(passed).toBeGreaterThan(2000);
  expect(passed).toBeLessThan(45_000);
});
