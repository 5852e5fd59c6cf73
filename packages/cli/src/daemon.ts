// The daemon: one node behind a control socket. It owns, in this order, the folder, the database (whose lock makes it
// the only daemon there), the identity, the node, the services and the socket; it gives them back in reverse.
import { lstatSync } from 'node:fs';
import { createConnection } from 'node:net';
import { type Database, moveDatabase, openDatabase } from './database.js';
import { controlProtocol, nodeCloseMs, shutdownMs } from './defaults.js';
import { EventLog, type Fields, LogFile, logLine } from './event-log.js';
import { denied, Failure, systemCode } from './exit.js';
import { identityFile } from './identity-file.js';
import type { Node } from './node.js';
import type { OpenNodeOptions } from './open-node.js';
import { OpeningMarker } from './opening-marker.js';
import {
  type Env,
  ensureFolder,
  forgetShortFolder,
  forgetSocket,
  type Paths,
  socketToBind,
  socketToDial,
} from './paths.js';
import { createMethods } from './rpc/methods.js';
import { ControlServer } from './rpc/server.js';
import { Services } from './services.js';

export interface DaemonOptions {
  readonly paths: Paths;
  readonly env: Env;
  readonly version: string;
  readonly openNode: (options: OpenNodeOptions) => Node;
  /** Also gets every line of the log: the screen of `peernet server`. */
  readonly echo?: ((line: string) => void) | undefined;
  /** Differences from defaults.ts, for tests. */
  readonly retryMs?: number;
  readonly lockWaitMs?: number;
}

export interface Daemon {
  readonly id: string;
  readonly events: EventLog;
  /** Resolves when all is given back. */
  readonly closed: Promise<void>;
  /** Ends in at most `shutdownMs`. Idempotent. */
  close(why: string): Promise<void>;
}

/** Starts a daemon; resolves when it answers. Failure ALREADY: one answers there. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { paths } = options;
  ensureFolder(paths.base);
  const events = new EventLog();
  const file = openLog(paths.log);
  events.subscribe((event) => {
    const line = logLine(event);
    file.write(line);
    options.echo?.(line);
  });
  try {
    return await start(options, events, file);
  } catch (error) {
    if ((error as Failure).code !== 'ALREADY') events.add('failed to start', { error });
    file.close();
    throw error;
  }
}

function openLog(path: string): LogFile {
  try {
    return new LogFile(path);
  } catch (error) {
    const hint = 'make it yours, or choose another folder with --datadir';
    throw denied(`cannot write ${path} (${systemCode(error)})`, hint, error);
  }
}

async function start(options: DaemonOptions, events: EventLog, file: LogFile): Promise<Daemon> {
  const { paths, env, version } = options;
  const log = (event: string, fields?: Fields): void => events.add(event, fields);
  const startedMs = Date.now();
  const { db, node } = await openBoth(options, log);
  const services = new Services({
    node,
    path: paths.services,
    log,
    ...(options.retryMs === undefined ? {} : { retryMs: options.retryMs }),
  });
  let path: string | undefined;
  let server: ControlServer | undefined;
  let closing: Promise<void> | undefined;
  let resolveClosed = (): void => {};
  const closed = new Promise<void>((resolve) => {
    resolveClosed = resolve;
  });
  const close = (why: string): Promise<void> => {
    closing ??= (async () => {
      log('closing', { why });
      services.close();
      await atMost(shutdownMs, giveBack(paths, path, server, node, db));
      log('closed');
      file.close();
      resolveClosed();
    })();
    return closing;
  };
  try {
    await services.restore();
    path = socketToBind(paths, env);
    if (await answers(path)) throw new Failure('a daemon is running already', { code: 'ALREADY' });
    if (process.platform !== 'win32') forgetSocket(path);
    server = new ControlServer({
      hello: () => ({ protocol: controlProtocol, version, pid: process.pid, id: node.id }),
      methods: createMethods({
        node,
        services,
        events,
        path: paths.base,
        version,
        startedMs,
        close: () => void close('asked to'),
      }),
      onBug: (method, error) => log('bug', { method, error, stack: (error as Error | undefined)?.stack }),
    });
    await server.listen(path);
  } catch (error) {
    await close('failed to start');
    throw error;
  }
  log('started', { id: node.id, pid: process.pid, version, path: paths.base });
  return { id: node.id, events, closed, close };
}

/** The socket goes first, so that new commands look for a new daemon; that one waits for the database, which goes last. */
async function giveBack(
  paths: Paths,
  path: string | undefined,
  server: ControlServer | undefined,
  node: Node,
  db: Database,
): Promise<void> {
  await server?.close();
  if (server !== undefined && path !== undefined && process.platform !== 'win32') {
    forgetSocket(path);
    if (path !== paths.sock) forgetSocket(paths.sock);
    forgetShortFolder(paths, path);
  }
  await atMost(nodeCloseMs, node.close());
  await db.close();
}

/**
 * Opens database and node. If the node cannot start from what it reads there, the database is set aside and the node
 * starts empty: whatever is in it, the next command must find a daemon.
 */
async function openBoth(
  options: DaemonOptions,
  log: (event: string, fields?: Fields) => void,
): Promise<{ db: Database; node: Node }> {
  const { paths, env, openNode } = options;
  const marker = new OpeningMarker(paths.db, log);
  const opening = {
    log,
    marker,
    answers: async () => {
      const path = socketToDial(paths, env);
      return path !== undefined && answers(path);
    },
    ...(options.lockWaitMs === undefined ? {} : { waitMs: options.lockWaitMs }),
  };
  for (let attempt = 0; ; attempt++) {
    const db = await openDatabase(paths.db, opening);
    let node: Node | undefined;
    try {
      const identity = identityFile(paths.identity);
      await identity.load(); // judged here: the umbrella would go on with a new identity
      node = openNode({ db, identity });
      node.on('debug', log);
      const damage = await problemOf(node);
      if (damage === undefined || (attempt > 0 && isBearable(damage))) {
        marker.clear();
        return { db, node };
      }
      if (attempt > 0) throw damage;
      await node.close();
      await db.close();
      await moveDatabase(paths.db, log, damage.message);
    } catch (error) {
      await node?.close().catch(() => {});
      await db.close();
      marker.remove();
      throw error;
    }
  }
}

/** What goes wrong while the node reads its database. */
async function problemOf(node: Node): Promise<Error | undefined> {
  let problem: Error | undefined;
  node.on('error', (error) => {
    if (isBearable(error)) problem ??= error;
  });
  return node.ready().then(
    () => problem,
    (error: Error) => error,
  );
}

/** The node goes on without its database. */
function isBearable(error: Error): boolean {
  return (error as { code?: unknown }).code === 'STORE_FAILED';
}

/** Whether something answers on a control socket. */
function answers(path: string): Promise<boolean> {
  if (process.platform !== 'win32') {
    try {
      if (!lstatSync(path).isSocket()) return Promise.resolve(false);
    } catch {
      return Promise.resolve(false);
    }
  }
  return new Promise((resolve) => {
    const socket = createConnection(path);
    const done = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
  });
}

async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work.catch(() => {}), timeout]);
  clearTimeout(timer);
}
