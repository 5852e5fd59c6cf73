// Session descriptions (SDP), read into the few fields that one data channel needs and written anew from them. What a
// stranger wrote never reaches the parser of the WebRTC implementation, and what our implementation wrote (addresses
// in `c=`, `o=` and elsewhere) never leaves. Pure and total: RFC 8866, 8839 (ICE), 8841 (data channels), 8122 (DTLS).
import { signalBytesMax } from '@peernet/core';
import { candidatesMax, chunkBytes, descriptionLinesMax } from './defaults.js';

export interface Description {
  readonly mid: string;
  readonly ufrag: string;
  readonly pwd: string;
  /** SHA-256 of the certificate, `AB:CD:…`. */
  readonly fingerprint: string;
  readonly setup: 'actpass' | 'active' | 'passive';
  readonly sctpPort: number;
  /** Largest message that it takes, bytes. */
  readonly messageBytesMax: number;
  /** Lines without `a=`, not judged. */
  readonly candidates: readonly string[];
}

/** Why a description is refused: the names under which such are counted. */
export type DescriptionRefusal =
  | 'sdpBytes'
  | 'sdpSyntax'
  /** Not exactly one media line, or another one than that of a data channel. */
  | 'sdpMedia'
  | 'sdpCandidates';

/** What an endpoint takes that does not say (RFC 8841 §6). */
const messageBytesDefault = 65_536;
/** What we say that we take: the most that any implementation sends in one piece by default. */
const messageBytesTold = 262_144;

const patterns = {
  mid: /^[A-Za-z0-9]{1,3}$/,
  'ice-ufrag': /^[A-Za-z0-9+/]{4,256}$/,
  'ice-pwd': /^[A-Za-z0-9+/]{22,256}$/,
  fingerprint: /^sha-256 ([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}$/i,
  setup: /^(actpass|active|passive)$/,
  'sctp-port': /^[1-9][0-9]{0,4}$/,
  'max-message-size': /^[0-9]{1,16}$/,
} as const;
type Name = keyof typeof patterns;

const mediaLine = /^application [0-9]{1,5} UDP\/DTLS\/SCTP webrtc-datachannel$/;

/** How much a description may hold. */
export interface DescriptionLimits {
  readonly bytes: number;
  readonly lines: number;
  readonly candidates: number;
}

const theirLimits: DescriptionLimits = {
  bytes: signalBytesMax,
  lines: descriptionLinesMax,
  candidates: candidatesMax,
};

/** For what our own implementation writes, on a machine with hundreds of interfaces; most of it will not be told. */
export const ownLimits: DescriptionLimits = { bytes: 1_048_576, lines: 8192, candidates: 8192 };

/** What `sdp` says, or why it is refused. By default as strict as strangers deserve. */
export function parseDescription(
  sdp: string,
  role: 'offer' | 'answer',
  limits: DescriptionLimits = theirLimits,
): Description | DescriptionRefusal {
  if (sdp.length > limits.bytes) return 'sdpBytes';
  // What we write and read is ASCII; so characters are bytes.
  if (!/^[\r\n -~]*$/.test(sdp)) return 'sdpSyntax';
  const lines = sdp.split(/\r?\n/).filter((line) => line !== '');
  if (lines.length > limits.lines || lines[0] !== 'v=0') return 'sdpSyntax';
  const fields = new Map<Name, string>();
  const candidates: string[] = [];
  let media = 0;
  for (const line of lines) {
    if (!/^[a-z]=/.test(line)) return 'sdpSyntax';
    if (line.startsWith('m=')) {
      if (++media > 1 || !mediaLine.test(line.slice(2))) return 'sdpMedia';
    } else if (line.startsWith('a=candidate:')) candidates.push(line.slice(2));
    else if (!takeField(line, fields)) return 'sdpSyntax';
  }
  if (media !== 1) return 'sdpMedia';
  if (candidates.length > limits.candidates) return 'sdpCandidates';
  return complete(fields, candidates, role) ?? 'sdpSyntax';
}

/** Notes an attribute that we use; false if it is malformed or contradicts itself. */
function takeField(line: string, fields: Map<Name, string>): boolean {
  const match = /^a=([a-z-]+):(.*)$/.exec(line);
  const name = match?.[1] ?? '';
  const value = match?.[2] ?? '';
  if (!Object.hasOwn(patterns, name)) return true;
  const known = fields.get(name as Name);
  if (!patterns[name as Name].test(value) || (known !== undefined && known !== value)) return false;
  fields.set(name as Name, value);
  return true;
}

function complete(
  fields: ReadonlyMap<Name, string>,
  candidates: readonly string[],
  role: 'offer' | 'answer',
): Description | undefined {
  const [ufrag, pwd] = [fields.get('ice-ufrag'), fields.get('ice-pwd')];
  const [fingerprint, setup] = [fields.get('fingerprint'), fields.get('setup')];
  if (ufrag === undefined || pwd === undefined || fingerprint === undefined) return undefined;
  // Who answers has to choose (RFC 8842 §5.3).
  if (setup === undefined || (role === 'answer') === (setup === 'actpass')) return undefined;
  const sctpPort = Number(fields.get('sctp-port') ?? 5000);
  const told = Number(fields.get('max-message-size') ?? messageBytesDefault);
  const messageBytesMax = told === 0 ? messageBytesTold : told; // 0: any size
  if (sctpPort > 65_535 || messageBytesMax < chunkBytes) return undefined;
  return {
    mid: fields.get('mid') ?? '0',
    ufrag,
    pwd,
    fingerprint: fingerprint.slice('sha-256 '.length).toUpperCase(),
    setup: setup as Description['setup'],
    sctpPort,
    messageBytesMax,
    candidates,
  };
}

/** The description as SDP with `candidates` instead of its own. */
export function formatDescription(description: Description, candidates: readonly string[]): string {
  const { mid, ufrag, pwd, fingerprint, setup, sctpPort, messageBytesMax } = description;
  return [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1', // RFC 8829 §5.2.1; whoever reads it takes nothing from it
    's=-',
    't=0 0',
    `a=group:BUNDLE ${mid}`,
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    'c=IN IP4 0.0.0.0',
    ...candidates.map((line) => `a=${line}`),
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${pwd}`,
    'a=ice-options:trickle',
    `a=fingerprint:sha-256 ${fingerprint}`,
    `a=setup:${setup}`,
    `a=mid:${mid}`,
    `a=sctp-port:${sctpPort}`,
    `a=max-message-size:${Math.min(messageBytesMax, messageBytesTold)}`,
    '',
  ].join('\r\n');
}
