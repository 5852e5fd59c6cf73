// IP literals: one strict parser and one classification, for addresses from strangers. No octal, hex, short forms
// or zones: what a lenient parser "helpfully" reads as 127.0.0.1 is how servers get tricked into dialing themselves.

/** Narrow to wide: over what kind of network something can be reached. */
export const scopes = ['loopback', 'link-local', 'private', 'global'] as const;
export type Scope = (typeof scopes)[number];

/** An IP literal in its normal form (RFC 5952 for IPv6; IPv4-mapped IPv6 becomes IPv4). */
export interface Ip {
  readonly version: 4 | 6;
  readonly text: string;
  /** 4 bytes or 8 16-bit groups. */
  readonly parts: readonly number[];
  /** `forbidden`: never dialed, whoever asks (metadata services, multicast, unspecified, reserved). */
  readonly scope: Scope | 'forbidden';
}

/** How wide `scope` is, 0 … 3. */
export function scopeRank(scope: Scope): number {
  return scopes.indexOf(scope);
}

/** Dotted decimal, four numbers, no leading zeros; or an IPv6 literal without brackets and zone. Undefined for anything else. */
export function parseIp(text: string): Ip | undefined {
  if (text.length > 45) return undefined;
  if (!text.includes(':')) {
    const bytes = parseV4(text);
    return bytes && { version: 4, text: bytes.join('.'), parts: bytes, scope: scopeOfV4(bytes) };
  }
  const groups = parseV6(text);
  if (groups === undefined) return undefined;
  if (groups.slice(0, 5).every((g) => g === 0) && groups[5] === 0xffff) {
    const bytes = embeddedV4(groups, 6);
    return { version: 4, text: bytes.join('.'), parts: bytes, scope: scopeOfV4(bytes) };
  }
  return { version: 6, text: formatV6(groups), parts: groups, scope: scopeOfV6(groups) };
}

function parseV4(text: string): number[] | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part))) return undefined;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

function parseV6(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const sides: number[][] = [];
  for (const [index, half] of halves.entries()) {
    const groups: number[] = [];
    const pieces = half === '' ? [] : half.split(':');
    for (const [at, piece] of pieces.entries()) {
      const last = index === halves.length - 1 && at === pieces.length - 1;
      if (last && piece.includes('.')) {
        const v4 = parseV4(piece);
        if (v4 === undefined) return undefined;
        const [a = 0, b = 0, c = 0, d = 0] = v4;
        groups.push(a * 256 + b, c * 256 + d);
      } else if (/^[0-9a-fA-F]{1,4}$/.test(piece)) groups.push(Number.parseInt(piece, 16));
      else return undefined;
    }
    sides.push(groups);
  }
  const [head = [], tail] = sides;
  if (tail === undefined) return head.length === 8 ? head : undefined;
  const gap = 8 - head.length - tail.length;
  return gap < 1 ? undefined : [...head, ...new Array<number>(gap).fill(0), ...tail];
}

function embeddedV4(groups: readonly number[], at: number): number[] {
  const high = groups[at] ?? 0;
  const low = groups[at + 1] ?? 0;
  return [high >> 8, high & 255, low >> 8, low & 255];
}

function formatV6(groups: readonly number[]): string {
  let best = { at: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > best.length) best = { at: i, length: end - i };
  }
  const hex = (list: readonly number[]): string => list.map((g) => g.toString(16)).join(':');
  if (best.at < 0) return hex(groups);
  return `${hex(groups.slice(0, best.at))}::${hex(groups.slice(best.at + best.length))}`;
}

/**
 * Where clouds hand out credentials, by the vendors' manuals: instance metadata, time and pod identities of AWS,
 * Tencent and Alibaba Cloud, the wire server of Azure (a global address), and the IPv6 one of Google Cloud. Those of
 * Oracle (192.0.0.192) and the IPv6 ones of AWS are in ranges that are forbidden as a whole.
 */
const metadataServices: ReadonlySet<string> = new Set([
  '169.254.169.254',
  '169.254.169.253',
  '169.254.169.123',
  '169.254.170.2',
  '169.254.170.23',
  '169.254.0.23',
  '100.100.100.200',
  '168.63.129.16',
  'fd20:ce::254',
]);

/** IANA special-purpose registries (RFC 6890 and updates). */
function scopeOfV4(bytes: readonly number[]): Ip['scope'] {
  const [a = 0, b = 0, c = 0] = bytes;
  if (a === 127) return 'loopback';
  if (a === 0 || a >= 224) return 'forbidden'; // this network, multicast, reserved, broadcast
  if (metadataServices.has(bytes.join('.'))) return 'forbidden';
  if (a === 169 && b === 254) return 'link-local';
  if (a === 10 || (a === 172 && b >= 16 && b <= 31) || (a === 192 && b === 168)) return 'private';
  if (a === 100 && b >= 64 && b <= 127) return 'private'; // carrier-grade NAT
  if (a === 198 && (b === 18 || b === 19)) return 'private'; // benchmarking
  // Documentation nets are used inside sandboxes; protocol assignments are nobody's.
  if (a === 192 && b === 0 && c === 2) return 'private';
  if ((a === 198 && b === 51 && c === 100) || (a === 203 && b === 0 && c === 113)) return 'private';
  if (a === 192 && b === 0 && c === 0) return 'forbidden';
  if (a === 192 && b === 88 && c === 99) return 'forbidden'; // 6to4 relay anycast
  return 'global';
}

function scopeOfV6(groups: readonly number[]): Ip['scope'] {
  const [g0 = 0, g1 = 0] = groups;
  const zeros = (from: number, to: number): boolean => groups.slice(from, to).every((g) => g === 0);
  if (zeros(0, 7) && groups[7] === 1) return 'loopback';
  if (zeros(0, 6)) return 'forbidden'; // unspecified; IPv4-compatible, deprecated
  if (g0 >= 0xff00) return 'forbidden'; // multicast
  if ((g0 & 0xffc0) === 0xfe80) return 'link-local';
  if ((g0 & 0xfe00) === 0xfc00) {
    if (g0 === 0xfd00 && g1 === 0xec2) return 'forbidden'; // services of AWS to its instances
    return metadataServices.has(formatV6(groups)) ? 'forbidden' : 'private';
  }
  // Documentation, RFC 3849 and RFC 9637
  if ((g0 === 0x2001 && g1 === 0xdb8) || (g0 === 0x3fff && g1 < 0x1000)) return 'private';
  // Translated and tunnelled IPv4 (NAT64, 6to4, Teredo) could hide a private target; so could the rest of the
  // protocol assignments 2001::/23 (benchmarking, ORCHID …), where nobody's peers are.
  if ((g0 === 0x64 && g1 === 0xff9b) || g0 === 0x2002 || (g0 === 0x2001 && g1 < 0x200)) return 'forbidden';
  return (g0 & 0xe000) === 0x2000 ? 'global' : 'forbidden';
}

/** Whether `ip` lies in `cidr` (`10.0.0.0/8`, `::1/128`, or a bare IP). TypeError if `cidr` is none. */
export function inCidr(ip: Ip, cidr: string): boolean {
  const [base = '', bits, ...more] = cidr.split('/');
  const net = parseIp(base);
  const width = net?.version === 4 ? 32 : 128;
  const length = bits === undefined ? width : Number(bits);
  if (net === undefined || more.length > 0 || !/^\d{1,3}$/.test(bits ?? '0') || length > width) {
    throw new TypeError(`not an address range: ${cidr}`);
  }
  if (net.version !== ip.version) return false;
  const unit = net.version === 4 ? 8 : 16;
  for (let i = 0, left = length; left > 0; i++, left -= unit) {
    const shift = Math.max(0, unit - left);
    if (((net.parts[i] ?? 0) ^ (ip.parts[i] ?? 0)) >> shift !== 0) return false;
  }
  return true;
}
