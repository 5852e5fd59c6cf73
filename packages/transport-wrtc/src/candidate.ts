// Which ICE candidates may be told and tried (protocol.md §7). A candidate makes somebody's machine send packets to
// an address that somebody else named, so both directions pass the same rule: a candidate must be one that the other
// side can use at all, and may not lead from a wide network into a narrow one. Pure functions and one counter.
//
// Candidates are read into fields and written anew: what an implementation adds (related addresses behind a NAT,
// network ids, costs, user name fragments) tells about the inside of a network and leaves here.
import { inCidr, ipLimitKeys, parseIp, type Scope, scopeRank } from '@peernet/core';
import { candidatesMax, hostsMax, portMin } from './defaults.js';

export interface Candidate {
  /** 1 … 2^31 - 1, RFC 8839 §5.1. */
  readonly priority: number;
  /** IP in normal form, or an mDNS name. */
  readonly host: string;
  readonly port: number;
  readonly type: 'host' | 'srflx' | 'prflx' | 'relay';
}

/** Why a candidate is not used: the names under which such are counted. */
export type CandidateRefusal =
  /** Not of the form of RFC 8839. */
  | 'candidateSyntax'
  /** TCP, or of a second component. */
  | 'candidateKind'
  /** A name that is no mDNS name as browsers make them. */
  | 'candidateName'
  /** Metadata services, multicast, documentation, reserved: never. */
  | 'candidateForbidden'
  /** Of a narrower network than the way that introduced us. */
  | 'candidateScope'
  /** A port of well-known services. */
  | 'candidatePort'
  /** More than a side may name. */
  | 'candidateCount';

export interface CandidateRule {
  /** The widest network that the introduction crossed. */
  readonly scope: Scope;
  /** Everything but what is forbidden: for networks of which the user says that he trusts them. */
  readonly lan: boolean;
}

/** Longest candidate line that is looked at, characters: four times what implementations write. */
const candidateCharsMax = 512;

const grammar =
  /^candidate:[A-Za-z0-9+/]{1,32} ([0-9]{1,3}) ([A-Za-z]{2,16}) ([0-9]{1,10}) ([!-~]{1,255}) ([0-9]{1,5}) typ (host|srflx|prflx|relay)( [ -~]*)?$/;

/** A random UUID, as browsers name themselves instead of their address (draft-ietf-mmusic-mdns-ice-candidates §3.1.1). */
const mdnsName = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.local$/i;

/** Nets that exist in documents only (RFC 5737, 3849, 9637). Core lets users dial them; no stranger sends us there. */
const documentation = ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '2001:db8::/32', '3fff::/20'];

/** `text` (with or without `a=`) as a candidate that may be used under `rule`, or why not. Total. */
export function judgeCandidate(text: string, rule: CandidateRule): Candidate | CandidateRefusal {
  if (text.length > candidateCharsMax) return 'candidateSyntax';
  const match = grammar.exec(text.replace(/^a=/, '').trimEnd());
  if (match === null) return 'candidateSyntax';
  const [, component, transport, priority, host = '', port, type] = match;
  if (component !== '1' || transport?.toLowerCase() !== 'udp') return 'candidateKind';
  const fields = { priority: Number(priority), port: Number(port), type: type as Candidate['type'] };
  if (fields.priority < 1 || fields.priority > 0x7fff_ffff || fields.port > 65_535) return 'candidateSyntax';
  if (fields.port < portMin) return 'candidatePort';
  if (mdnsName.test(host)) return { ...fields, host: host.toLowerCase() };
  const ip = parseIp(host);
  if (ip === undefined) return 'candidateName';
  if (ip.scope === 'forbidden' || documentation.some((net) => inCidr(ip, net))) return 'candidateForbidden';
  if (!rule.lan && scopeRank(ip.scope) < scopeRank(rule.scope)) return 'candidateScope';
  return { ...fields, host: ip.text };
}

/**
 * The candidate as a line without `a=`. The foundation is the caller's: what implementations put there is a hash of
 * addresses that were not to be told. So are related addresses (RFC 8839 §5.1 lets them be 0.0.0.0:0).
 */
export function formatCandidate(candidate: Candidate, foundation: string): string {
  const { priority, host, port, type } = candidate;
  const related = type === 'host' ? '' : ' raddr 0.0.0.0 rport 0';
  return `candidate:${foundation} 1 udp ${priority} ${host} ${port} typ ${type}${related}`;
}

/** The candidates of one side of one introduction: judged, each once, and not too many. */
export class CandidateList {
  readonly #lan: boolean;
  readonly #known = new Set<string>();
  readonly #hosts = new Set<string>();

  constructor(lan: boolean) {
    this.#lan = lan;
  }

  /** The line to pass on; why it is not; or undefined if it was passed on before. */
  admit(text: string, scope: Scope): { readonly line: string } | CandidateRefusal | undefined {
    const candidate = judgeCandidate(text, { scope, lan: this.#lan });
    if (typeof candidate === 'string') return candidate;
    const key = `${candidate.host} ${candidate.port} ${candidate.type}`;
    if (this.#known.has(key)) return undefined;
    if (this.#known.size >= candidatesMax || !this.#hasRoomFor(candidate.host)) return 'candidateCount';
    this.#known.add(key);
    return { line: formatCandidate(candidate, String(this.#known.size)) };
  }

  #hasRoomFor(host: string): boolean {
    const ip = parseIp(host);
    if (ip?.scope !== 'global') return true;
    const key = ipLimitKeys(ip).host;
    if (!this.#hosts.has(key) && this.#hosts.size >= hostsMax) return false;
    this.#hosts.add(key);
    return true;
  }
}
