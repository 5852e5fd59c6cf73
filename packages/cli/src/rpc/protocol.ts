// What a command and the daemon say to each other (JSON-RPC 2.0). Types only: the wire is frames.ts, the meaning
// is methods.ts. The daemon greets first, with `hello`; rows of a running request come as `$/progress` with the
// request's id as token; `$/cancelRequest` ends one early. Raise `controlProtocol` when a meaning changes;
// `hello`, `busy` and `close` stay as they are for ever, so that any version can end any other.
import type { Finding, KnownRow, SearchRow } from 'peernet';
import type { LogEvent } from '../event-log.js';
import type { Peer } from '../node.js';
import type { Remembered, ServiceRow } from '../services.js';

/** The daemon's first words. */
export interface Hello {
  /** `controlProtocol` of the daemon. */
  readonly protocol: number;
  /** Of the package. */
  readonly version: string;
  readonly pid: number;
  readonly id: string;
}

export interface Status {
  readonly id: string;
  readonly version: string;
  readonly pid: number;
  readonly uptimeMs: number;
  readonly path: string;
  readonly services: readonly ServiceRow[];
  readonly own: readonly string[];
  readonly connections: number;
  readonly wanted: number;
  readonly known: number;
  readonly verified: number;
  readonly subnets: readonly string[];
  /** Estimated number of nodes. */
  readonly size: number;
  /** Bytes received and sent over the present connections. */
  readonly rx: number;
  readonly tx: number;
}

type Nothing = Record<string, never>;

/** Every method: what it takes, what it gives, and the rows that come before that. */
export interface Methods {
  status: { params: Nothing; result: Status; row: never };
  explain: { params: Nothing; result: { findings: readonly Finding[] }; row: never };
  peers: { params: Nothing; result: Nothing; row: Peer };
  known: { params: Nothing; result: Nothing; row: KnownRow };
  own: { params: Nothing; result: { addresses: readonly string[] }; row: never };
  connections: { params: Nothing; result: { addresses: readonly string[] }; row: never };
  connect: {
    params: { address: string; timeoutMs?: number };
    result: { id: string; address?: string };
    row: never;
  };
  disconnect: { params: { target: string }; result: { connected: boolean }; row: never };
  add: { params: { addresses: readonly string[] }; result: Nothing; row: never };
  rm: { params: { addresses: readonly string[] }; result: Nothing; row: never };
  join: { params: { names: readonly string[] }; result: Nothing; row: never };
  part: { params: { names: readonly string[] }; result: Nothing; row: never };
  subnets: { params: Nothing; result: Nothing; row: { key: string } };
  search: {
    params: { name: string; limit?: number; timeoutMs?: number };
    result: { rows: number; connections: number };
    row: Omit<SearchRow, 'meta'> & { meta?: string };
  };
  listen: { params: Remembered; result: ServiceRow; row: never };
  unlisten: {
    params: { protocol?: string; port?: number };
    result: { closed: readonly ServiceRow[] };
    row: never;
  };
  servers: { params: Nothing; result: { services: readonly ServiceRow[] }; row: never };
  log: { params: { recent?: number }; result: Nothing; row: LogEvent };
  close: { params: Nothing; result: { pid: number }; row: never };
}

export type Method = keyof Methods;

/** `data` of an error response. */
export interface ErrorData {
  readonly code: string;
  readonly exit: number;
  readonly hint?: string;
}
