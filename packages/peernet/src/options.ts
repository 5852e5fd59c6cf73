// Checks what a programmer passes: misuse is a TypeError that names the option, at once.
import { inCidr, parseForeignAddress, parseIp, type Transport, withLimits } from '@peernet/core';
import { DEFAULTS } from './defaults.js';
import { seedOf } from './identity.js';
import { listenTarget } from './services.js';
import type { Options, TransportFunction } from './types.js';

/** Whether `value` looks like a database handle of the Level family, old or new. */
export function isDatabase(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return typeof value === 'function' && 'batch' in value;
  return 'batch' in value || 'sublevel' in value || 'get' in value;
}

/** Throws TypeError for anything that cannot be meant. */
export function checkOptions(options: Options): void {
  if (typeof options !== 'object' || options === null)
    throw new TypeError('peernet: the options must be an object');
  duration('interval', options.interval);
  duration('purge', options.purge);
  const { connections } = options;
  if (connections !== undefined && !(Number.isInteger(connections) && connections >= 0)) {
    throw new TypeError(`peernet: opts.connections must be an integer ≥ 0, got ${String(connections)}`);
  }
  if (connections !== undefined && connections > DEFAULTS.connectionsMax) {
    throw new TypeError(
      `peernet: opts.connections is at most ${DEFAULTS.connectionsMax}, got ${connections}`,
    );
  }
  typed(options, 'string', ['network']);
  typed(options, 'boolean', ['debug', 'bootstrap', 'lan', 'relay']);
  typed(options, 'function', ['log']);
  for (const name of ['announce', 'seeds'] as const) addresses(name, options[name]);
  for (const name of ['origins', 'trustProxy'] as const) texts(name, options[name]);
  const anyIp = parseIp('127.0.0.1');
  for (const range of options.trustProxy ?? []) if (anyIp !== undefined) inCidr(anyIp, range);
  withLimits(options.limits);
  for (const at of [options.listen ?? []].flat()) listenTarget(at, {});
  parts(options);
  webrtc(options);
  seedOf(options.identity);
  transportList(options.transport);
}

/** Absent, or of that type. */
function typed(options: Options, type: string, names: readonly (keyof Options)[]): void {
  for (const name of names) {
    const value: unknown = options[name];
    if (value === undefined || typeof value === type) continue;
    throw new TypeError(
      `peernet: opts.${name} must be a ${type}, got ${value === null ? 'null' : typeof value}`,
    );
  }
}

/** `{ RTCPeerConnection }` or false; STUN and TURN servers as browsers take them. */
function webrtc({ wrtc, iceServers }: Options): void {
  const given: unknown = wrtc;
  const made = (given as { RTCPeerConnection?: unknown } | undefined | null)?.RTCPeerConnection;
  if (given !== undefined && given !== false && typeof made !== 'function') {
    throw new TypeError(
      'peernet: opts.wrtc must be a WebRTC implementation ({ RTCPeerConnection }, as @roamhq/wrtc has it), or false',
    );
  }
  const isServer = (server: { urls?: unknown } | null): boolean =>
    [server?.urls].flat().every((url) => /^(stuns?|turns?):./.test(String(url)));
  if (iceServers !== undefined && !(Array.isArray(iceServers) && iceServers.every(isServer))) {
    throw new TypeError("peernet: opts.iceServers must be an array of { urls: 'stun:host:port', … }");
  }
}

/** What a program brings of its own, by the methods that are used. */
function parts(options: Options): void {
  const needed = {
    signal: ['addEventListener'],
    clock: ['now', 'wall', 'alarm'],
    random: ['uint32'],
  } as const;
  for (const [name, methods] of Object.entries(needed)) {
    const value = options[name as keyof typeof needed] as Record<string, unknown> | undefined;
    if (value === undefined) continue;
    for (const method of methods) {
      if (typeof value?.[method] === 'function') continue;
      throw new TypeError(`peernet: opts.${name} must have ${methods.map((m) => `${m}()`).join(', ')}`);
    }
  }
}

function duration(name: string, value: unknown): void {
  if (value === undefined) return;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
    throw new TypeError(`peernet: opts.${name} must be milliseconds ≥ 0 (0: off), got ${String(value)}`);
  }
}

function texts(name: string, list: readonly string[] | undefined): void {
  if (list === undefined || (Array.isArray(list) && list.every((text) => typeof text === 'string'))) return;
  throw new TypeError(`peernet: opts.${name} must be an array of strings`);
}

function addresses(name: string, list: readonly string[] | undefined): void {
  texts(name, list);
  for (const text of list ?? []) {
    if (parseForeignAddress(text) !== undefined) continue;
    throw new TypeError(`peernet: opts.${name}: not an address: ${text}`);
  }
}

/** What opts.transport amounts to: transports by scheme, and the app's function for every other address. */
export interface TransportChoice {
  readonly transports: readonly Transport[] | undefined;
  readonly foreign: TransportFunction | undefined;
  /** The choice was left to us. */
  readonly ours: boolean;
}

/** `require('peernet/transport')` is a function with its transports attached: then those are used directly. */
export function transportList(option: Options['transport']): TransportChoice {
  if (option === undefined) return { transports: undefined, foreign: undefined, ours: true };
  if (typeof option === 'function') {
    const attached = (option as { transports?: readonly Transport[] }).transports;
    return attached
      ? { transports: attached, foreign: undefined, ours: true }
      : { transports: [], foreign: option, ours: false };
  }
  const list = Array.isArray(option) ? (option as readonly Transport[]) : [option as Transport];
  for (const transport of list) {
    if (typeof transport?.dial !== 'function' || !Array.isArray(transport.schemes)) {
      throw new TypeError(
        'peernet: opts.transport must be a function or Transports ({ schemes, dial, listen? })',
      );
    }
  }
  return { transports: list, foreign: undefined, ours: false };
}
