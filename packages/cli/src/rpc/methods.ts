// What the daemon does for commands. Parameters come from a socket, so each is judged here; what the node throws is
// told as it is.
import { parseForeignAddress } from '@peernet/core';
import type { SearchRow } from 'peernet';
import {
  idPrefixMin,
  limitMax,
  logRecentMax,
  nameCharsMax,
  namesMax,
  rowsPerFrame,
  timeoutMsMax,
} from '../defaults.js';
import type { EventLog } from '../event-log.js';
import { exit, Failure } from '../exit.js';
import type { Node, Peer } from '../node.js';
import type { Remembered, Services } from '../services.js';
import type { Methods, Status } from './protocol.js';
import type { Handler, Params, Request } from './server.js';

export interface MethodsOptions {
  readonly node: Node;
  readonly services: Services;
  readonly events: EventLog;
  readonly path: string;
  readonly version: string;
  readonly startedMs: number;
  /** Ends the daemon; called after the answer is on its way. */
  readonly close: () => void;
}

type Typed = { [M in keyof Methods]: (params: Params, request: Request) => Promise<Methods[M]['result']> };

export function createMethods(options: MethodsOptions): ReadonlyMap<string, Handler> {
  const { node, services, events } = options;
  const methods: Typed = {
    ...bookMethods(node),
    ...subnetMethods(node),
    ...serviceMethods(services),
    status: async () => statusOf(options),
    explain: async () => ({ findings: await node.explain() }),
    peers: async (_, { send }) => {
      for (const rows of inParts(node.peers().map(plainPeer))) await send(rows);
      return {};
    },
    own: async () => ({ addresses: node.own() }),
    log: async (params, { send, signal }) => {
      const recent = optionalInteger(params, 'recent', logRecentMax) ?? 0;
      for await (const event of events.follow(recent, signal)) await send([event]);
      return {};
    },
    close: async () => {
      setImmediate(options.close);
      return { pid: process.pid };
    },
  };
  return new Map(Object.entries(methods));
}

function bookMethods(node: Node) {
  return {
    known: async (_: Params, { send }: Request) => {
      await sendAll(node.known(), send);
      return {};
    },
    connections: async () => ({ addresses: node.connections() }),
    connect: async (params: Params, { signal }: Request) => {
      const address = text(params, 'address');
      const timeoutMs = optionalInteger(params, 'timeoutMs', timeoutMsMax);
      const { id, address: proven } = await within(timeoutMs, signal, `connecting to ${address}`, (both) =>
        node.connect(address, { signal: both }),
      );
      await node.save([address]);
      return { id, ...(proven === undefined ? {} : { address: proven }) };
    },
    disconnect: async (params: Params) => {
      const said = text(params, 'target');
      const address = parseForeignAddress(said);
      const written = address?.text ?? said; // as peers have it, but for whom they met by WebRTC
      const target = (address?.scheme === 'wrtc' ? address.id : undefined) ?? written;
      const id = idOf(node.peers(), target);
      const connected = id !== undefined || node.connections().includes(target);
      node.disconnect(id ?? written);
      return { connected };
    },
    add: async (params: Params) => {
      await node.save(texts(params, 'addresses'));
      return {};
    },
    rm: async (params: Params) => {
      await node.remove(texts(params, 'addresses'));
      return {};
    },
  };
}

function subnetMethods(node: Node) {
  return {
    join: async (params: Params) => {
      await misuse(() => node.join(texts(params, 'names')));
      return {};
    },
    part: async (params: Params) => {
      await misuse(() => node.part(texts(params, 'names')));
      return {};
    },
    subnets: async (_: Params, { send }: Request) => {
      await sendAll(node.subnets(), send);
      return {};
    },
    search: async (params: Params, { send, signal }: Request) => {
      const name = text(params, 'name');
      const limit = optionalInteger(params, 'limit', limitMax);
      const timeout = optionalInteger(params, 'timeoutMs', timeoutMsMax);
      const found = await misuse(async () => node.search(name, { limit, timeout, signal }));
      let rows = 0;
      for await (const { meta, ...row } of found as AsyncIterable<SearchRow>) {
        await send([meta === undefined ? row : { ...row, meta: Buffer.from(meta).toString('hex') }]);
        rows += 1;
      }
      return { rows, connections: node.connections().length };
    },
  };
}

function serviceMethods(services: Services) {
  return {
    listen: async (params: Params) => {
      const optional = (key: string): string | undefined =>
        params[key] === undefined ? undefined : text(params, key);
      const [host, cert, key] = ['host', 'cert', 'key'].map(optional);
      const wanted: Remembered = {
        protocol: text(params, 'protocol'),
        port: optionalInteger(params, 'port', 65_535) ?? 0,
        ...(host === undefined ? {} : { host }),
        ...(params.announce === undefined ? {} : { announce: texts(params, 'announce') }),
        ...(cert === undefined || key === undefined ? {} : { cert, key }),
      };
      return misuse(() => services.listen(wanted));
    },
    unlisten: async (params: Params) => ({
      closed: await services.unlisten({
        protocol: params.protocol === undefined ? undefined : text(params, 'protocol'),
        port: optionalInteger(params, 'port', 65_535),
      }),
    }),
    servers: async () => ({ services: services.list() }),
  };
}

function statusOf({ node, services, path, version, startedMs }: MethodsOptions): Status {
  const { connections, book, subnets, size } = node.snapshot();
  const peers = node.peers();
  return {
    id: node.id,
    version,
    pid: process.pid,
    uptimeMs: Date.now() - startedMs,
    path,
    services: services.list(),
    own: node.own(),
    connections: connections.overlay,
    wanted: connections.target,
    known: book.known,
    verified: book.verified,
    subnets: subnets.slice(0, rowsPerFrame),
    size,
    rx: peers.reduce((sum, peer) => sum + peer.rx, 0),
    tx: peers.reduce((sum, peer) => sum + peer.tx, 0),
  };
}

/** The peer that `target` means: its id, the beginning of it that only one has, or its address. */
function idOf(peers: readonly Peer[], target: string): string | undefined {
  const beginning = target.toLowerCase();
  const isBeginning = beginning.length >= idPrefixMin && /^[0-9a-f]{1,64}$/.test(beginning);
  const meant = peers.filter((peer) =>
    isBeginning ? peer.id.startsWith(beginning) : peer.address === target,
  );
  const ids = new Set(meant.map((peer) => peer.id));
  if (ids.size > 1)
    throw new Failure(`${ids.size} peers begin with ${target}`, { code: 'USAGE', exit: exit.usage });
  return meant[0]?.id;
}

/** Only what is data: peers have methods and getters. */
function plainPeer({ id, address, transport, direction, kind, since, rtt, rx, tx }: Peer): Peer {
  const known = { ...(address === undefined ? {} : { address }), ...(rtt === undefined ? {} : { rtt }) };
  return { id, transport, direction, kind, since, rx, tx, ...known };
}

// ---- rows ----

function* inParts<T>(rows: readonly T[]): Generator<T[]> {
  for (let at = 0; at < rows.length; at += rowsPerFrame) yield rows.slice(at, at + rowsPerFrame);
}

async function sendAll(rows: AsyncIterable<unknown>, send: Request['send']): Promise<void> {
  let part: unknown[] = [];
  for await (const row of rows) {
    part.push(row);
    if (part.length < rowsPerFrame) continue;
    await send(part);
    part = [];
  }
  if (part.length > 0) await send(part);
}

// ---- parameters ----

function bad(key: string, what: string): Failure {
  return new Failure(`${key} is ${what}`, { code: 'USAGE', exit: exit.usage });
}

function text(params: Params, key: string): string {
  const value = params[key];
  if (typeof value === 'string' && value.length <= nameCharsMax) return value;
  throw bad(key, `a string of at most ${nameCharsMax} characters`);
}

function texts(params: Params, key: string): string[] {
  const value = params[key];
  const fits = Array.isArray(value) && value.length <= namesMax;
  if (fits && value.every((item) => typeof item === 'string' && item.length <= nameCharsMax)) return value;
  throw bad(key, `a list of at most ${namesMax} strings of at most ${nameCharsMax} characters`);
}

function optionalInteger(params: Params, key: string, max: number): number | undefined {
  const value = params[key];
  if (value === undefined) return undefined;
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max) return value as number;
  throw bad(key, `an integer 0 … ${max}`);
}

/** The node answers misuse with a TypeError: here the user's words are what is wrong. */
async function misuse<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Failure(error.message, { code: 'USAGE', exit: exit.usage, cause: error });
  }
}

/** Runs `work` with a signal that also ends it after `timeoutMs`; the Failure then is TIMEOUT. */
async function within<T>(
  timeoutMs: number | undefined,
  signal: AbortSignal,
  what: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (timeoutMs === undefined) return work(signal);
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    return await work(AbortSignal.any([signal, timeout]));
  } catch (error) {
    if (!timeout.aborted) throw error;
    throw new Failure(`${what} took longer than ${timeoutMs / 1000} s`, { code: 'TIMEOUT', cause: error });
  }
}
