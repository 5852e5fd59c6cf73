// Checks what a programmer passes: misuse is a TypeError that names the option, at once.
import { parseForeignAddress, type Transport } from '@peernet/core';
import { DEFAULTS } from './defaults.js';
import { seedOf } from './identity.js';
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
  if (options.network !== undefined && typeof options.network !== 'string') {
    throw new TypeError('peernet: opts.network must be a string');
  }
  for (const name of ['announce', 'seeds'] as const) addresses(name, options[name]);
  seedOf(options.identity);
  transportList(options.transport);
}

function duration(name: string, value: unknown): void {
  if (value === undefined) return;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
    throw new TypeError(`peernet: opts.${name} must be milliseconds ≥ 0 (0: off), got ${String(value)}`);
  }
}

function addresses(name: string, list: readonly string[] | undefined): void {
  if (list === undefined) return;
  if (!Array.isArray(list)) throw new TypeError(`peernet: opts.${name} must be an array of addresses`);
  for (const text of list) {
    if (typeof text !== 'string' || parseForeignAddress(text) === undefined) {
      throw new TypeError(`peernet: opts.${name}: not an address: ${String(text)}`);
    }
  }
}

/** What opts.transport amounts to: transports by scheme, and the app's function for every other address. */
export interface TransportChoice {
  readonly transports: readonly Transport[] | undefined;
  readonly foreign: TransportFunction | undefined;
}

/** `require('peernet/transport')` is a function with its transports attached: then those are used directly. */
export function transportList(option: Options['transport']): TransportChoice {
  if (option === undefined) return { transports: undefined, foreign: undefined };
  if (typeof option === 'function') {
    const attached = (option as { transports?: readonly Transport[] }).transports;
    return attached ? { transports: attached, foreign: undefined } : { transports: [], foreign: option };
  }
  const list = Array.isArray(option) ? (option as readonly Transport[]) : [option as Transport];
  for (const transport of list) {
    if (typeof transport?.dial !== 'function' || !Array.isArray(transport.schemes)) {
      throw new TypeError(
        'peernet: opts.transport must be a function or Transports ({ schemes, dial, listen? })',
      );
    }
  }
  return { transports: list, foreign: undefined };
}
