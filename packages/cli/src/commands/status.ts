// Commands that tell how things are, with or without a daemon: status, doctor.
import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { controlProtocol } from '../defaults.js';
import { exit, type Failure, systemCode } from '../exit.js';
import { checkFolder, modeOf, socketToDial } from '../paths.js';
import { bytes, duration } from '../render.js';
import type { Client } from '../rpc/client.js';
import type { Status } from '../rpc/protocol.js';
import { safe } from '../safe.js';
import type { ServiceRow } from '../services.js';
import type { Command, Context } from './command.js';
import { waits } from './services.js';

export const status: Command = {
  name: 'status',
  about: 'Show how the daemon is: services, connections, subnets.',
  notes: 'Starts none. Exit code 0 if one runs, 3 if not: fit for health checks.',
  async run({ paths, print, running }) {
    const client = await running();
    if (client === undefined) {
      if (print.json) print.line('', { running: false, path: paths.base });
      else print.line(`no daemon is running in ${paths.base}`, {});
      return exit.noDaemon;
    }
    client.checkVersion();
    const state = await client.call('status', {});
    if (print.json) print.line('', { running: true, ...state });
    else
      for (const [key, value] of describe(state)) print.raw(`${(key && `${key}:`).padEnd(13)}${safe(value)}`);
    return exit.ok;
  },
};

function describe(s: Status): [string, string][] {
  const services = s.services.map(
    (row) => `${row.protocol} ${row.host}:${row.port}${row.state === 'waiting' ? ` (${waits(row)})` : ''}`,
  );
  const each = (key: string, values: readonly string[]): [string, string][] =>
    values.length === 0 ? [[key, '-']] : values.map((value, i) => [i === 0 ? key : '', value]);
  return [
    ['id', s.id],
    ['version', s.version],
    ['pid', String(s.pid)],
    ['up for', duration(s.uptimeMs)],
    ['folder', s.path],
    ...each('services', services),
    ...each('own', s.own),
    ['connections', `${s.connections} (wants ${s.wanted})`],
    ['known', `${s.known} addresses, ${s.verified} of them verified`],
    ['network', `about ${Math.round(s.size)} nodes`],
    ...each('subnets', s.subnets),
    ['traffic', `${bytes(s.rx)} in, ${bytes(s.tx)} out`],
  ];
}

interface Finding {
  readonly code: string;
  readonly level: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

export const doctor: Command = {
  name: 'doctor',
  about: 'Say what is wrong, and what to type.',
  notes: 'Works offline and without a daemon. Exit code 1 if something is wrong.',
  async run(context) {
    const findings = await diagnose(context);
    const { print } = context;
    for (const { code, level, message, hint } of findings) {
      if (print.json) print.line('', { code, level, message, ...(hint === undefined ? {} : { hint }) });
      else {
        print.raw(`${print.level(level)}  ${safe(message, 1024)}`);
        if (hint !== undefined) print.raw(`       ${safe(hint, 1024)}`);
      }
    }
    return findings.some(({ level }) => level === 'error') ? exit.failed : exit.ok;
  },
};

async function diagnose(context: Context): Promise<Finding[]> {
  const findings: Finding[] = [checkNode(context), ...checkFiles(context)];
  if (findings.some(({ level }) => level === 'error')) return findings;
  let client: Client | undefined;
  try {
    client = await context.running();
  } catch (error) {
    const { message, code, hint } = error as Failure;
    return [...findings, { code, level: 'error', message, hint }];
  }
  if (client === undefined) {
    const stale = hasStaleSocket(context);
    const message = stale
      ? 'No daemon is running; the last one did not end in order.'
      : 'No daemon is running.';
    const hint = 'Every other command starts it. Or type: peernet daemon';
    return [...findings, { code: 'NO_DAEMON', level: 'info', message, hint }];
  }
  const { pid, version, protocol } = client.hello;
  if (protocol !== controlProtocol) {
    const message = `The running daemon is of another version: ${version}, this command is ${context.version}.`;
    return [...findings, { code: 'VERSION', level: 'error', message, hint: 'type: peernet close' }];
  }
  findings.push({
    code: 'DAEMON',
    level: 'ok',
    message: `The daemon runs (pid ${pid}, version ${version}).`,
  });
  const { services } = await client.call('servers', {});
  for (const service of services) if (service.state === 'waiting') findings.push(waiting(service));
  return [...findings, ...(await client.call('explain', {})).findings];
}

/** A service that does not listen: the port is taken, or the certificate is gone, or … */
function waiting({ protocol, port, why }: ServiceRow): Finding {
  const code = why?.code ?? 'PORT_IN_USE';
  const isTaken = code === 'PORT_IN_USE';
  return {
    code,
    level: 'warn',
    message: isTaken
      ? `The ${protocol} service waits for port ${port}, which another program has.`
      : `The ${protocol} service at port ${port} does not listen: ${why?.message}`,
    hint: `${isTaken ? 'End that' : 'It is tried again each minute'}, or type: peernet unlisten :${port}`,
  };
}

function checkNode({ version }: Context): Finding {
  const message = `peernet ${version} on Node ${process.versions.node}, ${process.platform} ${process.arch}.`;
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return { code: 'NODE', level: 'ok', message };
  return { code: 'NODE', level: 'error', message, hint: 'peernet needs Node 20.19 or newer.' };
}

/** The folder, the key, damaged databases. */
function checkFiles({ paths }: Context): Finding[] {
  try {
    if (!checkFolder(paths.base))
      return [
        { code: 'FRESH', level: 'ok', message: `${paths.base} is not there yet; the first daemon makes it.` },
      ];
  } catch (error) {
    const { message, hint } = error as Failure;
    return [{ code: 'FOLDER', level: 'error', message, hint }];
  }
  const findings: Finding[] = [
    { code: 'FOLDER', level: 'ok', message: `Everything is kept in ${paths.base}.` },
  ];
  try {
    const stats = statSync(paths.identity);
    if (process.platform !== 'win32' && (stats.mode & 0o077) !== 0) {
      const message = `Others may read the key in ${paths.identity} (mode ${modeOf(stats)}).`;
      findings.push({ code: 'IDENTITY', level: 'error', message, hint: `type: chmod 600 ${paths.identity}` });
    }
  } catch (error) {
    if (systemCode(error) !== 'ENOENT')
      findings.push({ code: 'IDENTITY', level: 'error', message: `Cannot look at ${paths.identity}.` });
  }
  for (const path of [paths.base, paths.db, paths.log]) {
    if (!existsSync(path) || isWritable(path)) continue;
    const hint = 'Make it yours, or choose another folder with --datadir.';
    findings.push({ code: 'FOLDER', level: 'error', message: `Cannot write in ${path}.`, hint });
  }
  const bad = readdirSync(paths.base).filter((name) => name.startsWith('db.bad-'));
  if (bad.length > 0) {
    const message = `A damaged database was set aside: ${bad.join(', ')}. The node went on with an empty one.`;
    findings.push({
      code: 'DATABASE_DAMAGED',
      level: 'warn',
      message,
      hint: 'Check the disk; the folders can be removed.',
    });
  }
  return findings;
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function hasStaleSocket({ io, paths }: Context): boolean {
  const path = socketToDial(paths, io.env);
  return process.platform !== 'win32' && path !== undefined && existsSync(path);
}
