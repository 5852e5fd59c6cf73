// The listeners that the user asked for, remembered in a file: they come back at the same port after a restart, and if
// that port is taken, they are tried again until it is free or the user says `unlisten`.
import { readFile, rename } from 'node:fs/promises';
import type { Service } from 'peernet';
import { readPrivate, writeAtomic } from './atomic-file.js';
import { serviceRetryMs, servicesMax } from './defaults.js';
import type { Fields } from './event-log.js';
import { Failure } from './exit.js';
import type { ListenAt, Node } from './node.js';

/** A service as the user asked for it, with the port that it got. */
export interface Remembered {
  /** 'ws' or 'tcp'; with `cert` and `key`, ws serves wss. */
  readonly protocol: string;
  readonly port: number;
  readonly host?: string;
  readonly announce?: readonly string[];
  /** Paths of PEM files: read again at each start, so that renewed ones count. */
  readonly cert?: string;
  readonly key?: string;
}

export interface ServiceRow {
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
  readonly address: string;
  /** Whether it listens now, or waits for its port. */
  readonly state: 'listening' | 'waiting';
  /** Why it waits, of the last attempt. */
  readonly why?: Why;
}

/** `code`: PORT_IN_USE, LISTEN_FAILED, … */
interface Why {
  readonly code: string;
  readonly message: string;
}

interface Entry {
  wanted: Remembered;
  service?: Service;
  why?: Why;
}

export interface ServicesOptions {
  readonly node: Pick<Node, 'listen'>;
  readonly path: string;
  readonly log: (event: string, fields?: Fields) => void;
  readonly retryMs?: number;
}

export class Services {
  readonly #node: Pick<Node, 'listen'>;
  readonly #path: string;
  readonly #log: ServicesOptions['log'];
  readonly #retryMs: number;
  #entries: Entry[] = [];
  /** Changes follow each other: two `listen` at once must not both find a port free. */
  #turn: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ServicesOptions) {
    this.#node = options.node;
    this.#path = options.path;
    this.#log = options.log;
    this.#retryMs = options.retryMs ?? serviceRetryMs;
  }

  /** Starts what is remembered. A port that is taken is no error: it is tried again. */
  restore(): Promise<void> {
    return this.#inTurn(async () => {
      for (const wanted of await this.#load()) this.#entries.push({ wanted });
      await this.#tryWaiting();
    });
  }

  /** Starts and remembers a service. One of ours at that port already: that one, unless something else is asked of it. */
  listen(wanted: Remembered): Promise<ServiceRow> {
    return this.#inTurn(async () => {
      const same = this.#entries.find((entry) => overlap(entry.wanted, wanted));
      if (same?.service !== undefined) {
        const other = differences(same.wanted, wanted);
        if (other === undefined) return rowOf(same);
        throw new Failure(
          `port ${wanted.port} serves ${rowOf(same).protocol} of this daemon already${other}`,
          {
            code: 'PORT_IN_USE',
            hint: `type: peernet unlisten :${wanted.port}`,
          },
        );
      }
      if (this.#entries.length >= servicesMax)
        throw new Failure(`this daemon has ${servicesMax} services already`, { code: 'LIMIT' });
      const meant = same === undefined ? wanted : again(same.wanted, wanted);
      const service = await this.#start(meant);
      const entry: Entry = { wanted: { ...meant, port: service.port }, service };
      try {
        await this.#remember([...this.#entries.filter((other) => other !== same), entry]);
      } catch (error) {
        await service.close();
        throw error;
      }
      return rowOf(entry);
    });
  }

  /** Ends and forgets the services of a protocol, or the one at a port. Returns what they were. */
  unlisten(which: { protocol?: string | undefined; port?: number | undefined }): Promise<ServiceRow[]> {
    return this.#inTurn(async () => {
      const gone = this.#entries.filter(
        (entry) =>
          (which.port === undefined || entry.wanted.port === which.port) &&
          (which.protocol === undefined || rowOf(entry).protocol === which.protocol),
      );
      if (gone.length === 0) return [];
      const rows = gone.map(rowOf);
      await this.#remember(this.#entries.filter((entry) => !gone.includes(entry)));
      await Promise.all(gone.map((entry) => entry.service?.close()));
      return rows;
    });
  }

  list(): ServiceRow[] {
    return this.#entries.map(rowOf);
  }

  /** Stops trying. The listeners themselves end with the node. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => {});
    return mine;
  }

  async #tryWaiting(): Promise<void> {
    for (const entry of this.#entries) {
      if (entry.service !== undefined || this.#closed) continue;
      try {
        entry.service = await this.#start(entry.wanted);
      } catch (error) {
        const { protocol, port } = entry.wanted;
        const { message, code } = error as Error & { code?: unknown };
        entry.why = { code: typeof code === 'string' ? code : 'INTERNAL', message };
        this.#log('service waits', { protocol, port, why: message, againMs: this.#retryMs });
      }
    }
    if (this.#closed || this.#entries.every((entry) => entry.service !== undefined)) return;
    this.#timer = setTimeout(() => void this.#inTurn(() => this.#tryWaiting()), this.#retryMs);
  }

  async #start(wanted: Remembered): Promise<Service> {
    const at: ListenAt = { port: wanted.port, host: wanted.host, announce: wanted.announce };
    if (wanted.cert !== undefined && wanted.key !== undefined)
      at.tls = { cert: await pem(wanted.cert), key: await pem(wanted.key) };
    return this.#node.listen(wanted.protocol, at);
  }

  /** All or nothing: what cannot be written down stays as it was. */
  async #remember(entries: Entry[]): Promise<void> {
    const services = entries.map((entry) => entry.wanted);
    await writeAtomic(this.#path, `${JSON.stringify({ v: 1, services }, undefined, 2)}\n`);
    this.#entries = entries;
  }

  /** A damaged list costs the list, not the start. */
  async #load(): Promise<Remembered[]> {
    const text = await readPrivate(this.#path);
    if (text === undefined) return [];
    try {
      const { v, services } = JSON.parse(text) as { v: unknown; services: unknown };
      if (v !== 1 || !Array.isArray(services) || !services.every(isRemembered))
        throw new Error('not its form');
      return services.slice(0, servicesMax);
    } catch (error) {
      const to = `${this.#path}.bad`;
      await rename(this.#path, to);
      this.#log('list of services set aside', { to, why: (error as Error).message });
      return [];
    }
  }
}

function isRemembered(value: unknown): value is Remembered {
  if (typeof value !== 'object' || value === null) return false;
  const { protocol, port, host, announce, cert, key } = value as Record<string, unknown>;
  const text = (field: unknown): boolean => field === undefined || typeof field === 'string';
  const texts = (field: unknown): boolean =>
    field === undefined || (Array.isArray(field) && field.every((item) => typeof item === 'string'));
  const ported = Number.isInteger(port) && (port as number) > 0 && (port as number) <= 65_535;
  return typeof protocol === 'string' && ported && [host, cert, key].every(text) && texts(announce);
}

/** Whether both want the same port of the same interface; no host means all of them. */
function overlap(a: Remembered, b: Remembered): boolean {
  return (
    a.port !== 0 && a.port === b.port && (a.host === undefined || b.host === undefined || a.host === b.host)
  );
}

/** In what a service is not what is asked for now; options that are not given are as they are. */
function differences(have: Remembered, wanted: Remembered): string | undefined {
  const protocol = (of: Remembered): string => rowOf({ wanted: of }).protocol;
  if (protocol(have) !== protocol(wanted)) return '';
  const options = (['host', 'announce', 'cert', 'key'] as const).filter(
    (name) => wanted[name] !== undefined && String(wanted[name]) !== String(have[name]),
  );
  if (options.length === 0) return undefined;
  return ` with another ${options.map((name) => `--${name}`).join(', ')}`;
}

/** One that waits, as it is asked for once more: what is not said again is as it was, but for another protocol. */
function again(have: Remembered, wanted: Remembered): Remembered {
  if (differences(have, wanted) === '') return wanted;
  const { host = have.host, announce = have.announce, cert = have.cert, key = have.key } = wanted;
  return { ...have, host, announce, cert, key };
}

function rowOf({ wanted, service, why }: Entry): ServiceRow {
  const secure = wanted.protocol === 'ws' && wanted.cert !== undefined;
  return {
    protocol: service?.protocol ?? (secure ? 'wss' : wanted.protocol),
    host: service?.host ?? wanted.host ?? '::',
    port: service?.port ?? wanted.port,
    address: service?.address ?? '',
    state: service === undefined ? 'waiting' : 'listening',
    ...(service === undefined && why !== undefined ? { why } : {}),
  };
}

function pem(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: Error) => {
    throw new Failure(`cannot read ${path}: ${error.message}`, { code: 'LISTEN_FAILED', cause: error });
  });
}
