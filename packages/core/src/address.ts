// Addresses: where a peer can be dialed (protocol.md §3). One strict parser with one normal form, the scope that
// decides who may be told, and the keys by which limits count.
//
//   ws://host:port   wss://host:port   tcp://host:port   wrtc:<id>?via=<address>[&via=…]   memory:<name>
//
// `#<id>` at the end pins the identity. An app with a transport function of its own may use any `scheme:rest`
// (`parseForeignAddress`): stored and dialed for the local user, never taken from or told to the network.
import { type Ip, parseIp, type Scope, scopeRank } from './ip.js';
import { type PeerId, parsePeerId } from './peer-id.js';

/** Longest address, bytes; they are ASCII (protocol.md §2). */
export const addressBytesMax = 256;

export interface Address {
  /** Normal form without the `#id`: what is stored, compared and told. */
  readonly text: string;
  readonly scheme: string;
  /** Host without brackets; '' for wrtc, memory and foreign schemes. */
  readonly host: string;
  /** 0 where there is none. */
  readonly port: number;
  /** The parsed host if it is an IP literal. */
  readonly ip?: Ip | undefined;
  /** The identity that must answer: from `#id`, or the target of wrtc. */
  readonly id?: PeerId | undefined;
  /** Relays of a wrtc address. */
  readonly via: readonly Address[];
  readonly scope: Scope | 'forbidden';
}

const defaultPort: Readonly<Record<string, number>> = { ws: 80, wss: 443 };
const hostSchemes: ReadonlySet<string> = new Set(['ws', 'wss', 'tcp']);

/** The address that `text` spells, or undefined. Accepts what is not in normal form (case of scheme and host, a `/` at the end). */
export function parseAddress(text: string): Address | undefined {
  if (text.length > addressBytesMax || !/^[!-~]+$/.test(text)) return undefined;
  const colon = text.indexOf(':');
  if (colon < 1) return undefined;
  const scheme = text.slice(0, colon).toLowerCase();
  const rest = text.slice(colon + 1);
  if (hostSchemes.has(scheme))
    return rest.startsWith('//') ? parseHostAddress(scheme, rest.slice(2)) : undefined;
  if (scheme === 'wrtc') return parseWrtc(rest);
  if (scheme === 'memory') return parseMemory(rest);
  return undefined;
}

/** `scheme:rest` that only the app's own transport understands; for what the local user says. */
export function parseForeignAddress(text: string): Address | undefined {
  const known = parseAddress(text);
  if (known !== undefined) return known;
  const match = /^([a-z][a-z0-9+.-]*):[!-~]+$/.exec(text);
  const scheme = match?.[1];
  if (scheme === undefined || text.length > addressBytesMax) return undefined;
  if (hostSchemes.has(scheme) || scheme === 'wrtc' || scheme === 'memory') return undefined;
  return { text, scheme, host: '', port: 0, via: [], scope: 'loopback' };
}

/** Splits `…#id`. Undefined if what follows the # is no id. */
function splitPin(rest: string): { body: string; id: PeerId | undefined } | undefined {
  const hash = rest.indexOf('#');
  if (hash < 0) return { body: rest, id: undefined };
  const id = parsePeerId(rest.slice(hash + 1).toLowerCase());
  return id && { body: rest.slice(0, hash), id };
}

function parseHostAddress(scheme: string, rest: string): Address | undefined {
  const pinned = splitPin(rest);
  if (pinned === undefined) return undefined;
  const body = pinned.body.endsWith('/') ? pinned.body.slice(0, -1) : pinned.body;
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/?@\\%]+))(?::([0-9]{1,5}))?$/.exec(body);
  if (match === null) return undefined;
  const [, bracketed, bare, digits] = match;
  const port = digits === undefined ? (defaultPort[scheme] ?? 0) : Number(digits);
  if (port < 1 || port > 65_535 || digits?.startsWith('0')) return undefined;
  const ip = parseIp(bracketed ?? bare ?? '');
  if (bracketed !== undefined && (ip === undefined || !bracketed.includes(':'))) return undefined;
  const host = ip?.text ?? parseName(bare ?? '');
  if (host === undefined) return undefined;
  const text = `${scheme}://${ip?.version === 6 ? `[${host}]` : host}:${port}`;
  if (text.length > addressBytesMax) return undefined; // the port that was left out made it too long
  return { text, scheme, host, port, ip, id: pinned.id, via: [], scope: ip?.scope ?? scopeOfName(host) };
}

/**
 * A host name in lower case, or undefined. Its last label has a letter first: `0x7f.1` and `127.1` are no names. With
 * scheme and port it has to fit into an address, so it is never longer than the 253 bytes of DNS.
 */
function parseName(text: string): string | undefined {
  const name = text.toLowerCase();
  const labels = name.split('.');
  if (!labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?$/.test(label))) return undefined;
  return /^[a-z]/.test(labels.at(-1) ?? '') ? name : undefined;
}

function scopeOfName(name: string): Scope {
  if (name === 'localhost' || name.endsWith('.localhost')) return 'loopback';
  if (name.endsWith('.local')) return 'link-local';
  if (!name.includes('.') || /\.(internal|lan|home|corp|intranet|arpa)$/.test(name)) return 'private';
  return 'global';
}

function parseWrtc(rest: string): Address | undefined {
  const [target = '', query, ...more] = rest.split('?');
  const id = parsePeerId(target.toLowerCase());
  if (id === undefined || more.length > 0) return undefined;
  const via: Address[] = [];
  for (const part of query === undefined ? [] : query.split('&')) {
    const relay = part.startsWith('via=') ? parseAddress(part.slice(4)) : undefined;
    if (relay === undefined || relay.scheme === 'wrtc' || via.length === 3) return undefined;
    via.push(relay);
  }
  const text = `wrtc:${id}${via.map((relay, i) => `${i === 0 ? '?' : '&'}via=${formatAddress(relay)}`).join('')}`;
  if (text.length > addressBytesMax) return undefined;
  return { text, scheme: 'wrtc', host: '', port: 0, id, via, scope: narrowest(via) };
}

/** Who is introduced by a relay in a narrow network can be reached in no wider one. */
function narrowest(via: readonly Address[]): Address['scope'] {
  const rank = ({ scope }: Address): number => (scope === 'forbidden' ? -1 : scopeRank(scope));
  return (
    via.reduce<Address | undefined>((a, b) => (a && rank(a) < rank(b) ? a : b), undefined)?.scope ?? 'global'
  );
}

function parseMemory(rest: string): Address | undefined {
  const pinned = splitPin(rest);
  if (pinned === undefined || !/^[A-Za-z0-9_.-]{1,64}$/.test(pinned.body)) return undefined;
  return {
    text: `memory:${pinned.body}`,
    scheme: 'memory',
    host: '',
    port: 0,
    id: pinned.id,
    via: [],
    scope: 'loopback',
  };
}

/** The address with its pinned identity. */
export function formatAddress(address: Address): string {
  return address.id === undefined || address.scheme === 'wrtc'
    ? address.text
    : `${address.text}#${address.id}`;
}

/** By what limits count an address. */
export interface LimitKeys {
  /** IP, or name. */
  readonly host: string;
  /** /24 or /48. */
  readonly net: string;
  /** /16 or /32: what an attacker has to pay for. */
  readonly group: string;
}

/**
 * Limit keys of an address. Only global addresses have hosts, nets and groups in common: in narrower scopes all
 * neighbours share one net, so there the key is the address itself, and limits on it bind nobody else (protocol.md §3).
 */
export function limitKeys(address: Address): LimitKeys {
  if (address.scope !== 'global' || address.host === '') {
    const own = address.host === '' ? address.text : `${address.host}:${address.port}`;
    return { host: own, net: own, group: own };
  }
  if (address.ip === undefined) {
    const group = `dns:${address.host.split('.').slice(-2).join('.')}`;
    return { host: address.host, net: address.host, group };
  }
  return ipLimitKeys(address.ip);
}

/** Limit keys of a global IP: itself (v6: its /64), /24 or /48, /16 or /32. */
export function ipLimitKeys(ip: Ip): LimitKeys {
  const prefix = (count: number): string =>
    ip.parts
      .slice(0, count)
      .map((part) => part.toString(16))
      .join(':');
  if (ip.version === 4) return { host: ip.text, net: `4/${prefix(3)}`, group: `4/${prefix(2)}` };
  return { host: `6/${prefix(4)}`, net: `6/${prefix(3)}`, group: `6/${prefix(2)}` };
}

/** Whether somebody's word may lead us to such a port in the internet: to none of the system but those of the web (protocol.md §3). */
export function isHearsayPort(port: number, portMin = 1_024): boolean {
  return port >= portMin || port === 80 || port === 443;
}
