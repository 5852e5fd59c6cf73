// Descriptions as a stranger would write them.
const bytes = Array.from({ length: 32 }, (_, i) => (i * 7).toString(16).padStart(2, '0'));

/** An offer with these candidates; `fingerprint` is the first byte of it, hex. */
export function offerWith(candidates: readonly string[], fingerprint = '00'): string {
  return [
    'v=0',
    'o=- 1 2 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    'c=IN IP4 0.0.0.0',
    ...candidates.map((line) => `a=${line}`),
    'a=ice-ufrag:dzae',
    'a=ice-pwd:qhlb8gfu4cpPvxsUpB3KuW4Q',
    `a=fingerprint:sha-256 ${[fingerprint, ...bytes.slice(1)].join(':').toUpperCase()}`,
    'a=setup:actpass',
    'a=mid:0',
    'a=sctp-port:5000',
    'a=max-message-size:262144',
    '',
  ].join('\r\n');
}

/** The answer to it. */
export function answerWith(candidates: readonly string[]): string {
  return offerWith(candidates).replace('actpass', 'active');
}

export function candidate(host: string, port: number): string {
  return `candidate:1 1 udp 2122265343 ${host} ${port} typ host`;
}
