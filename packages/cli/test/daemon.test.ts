// Real daemons: the built command, real sockets, real databases, in temporary folders. Linux only (`/proc`).

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { testCertificate } from '@peernet/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { tempFolder, until } from './harness.js';
import { bin, Home, isAlive, portOf, type Ran, reasonToSkip, run } from './processes.js';

const reason = process.platform === 'linux' ? reasonToSkip() : 'reads /proc';
if (reason !== undefined && process.env.CI === 'true') throw new Error(reason);

/** Runs a program as `nobody`; `canBeOther`: that works here, and it can read what was built. */
const setpriv = 'setpriv';
const asOther = ['--reuid', '65534', '--regid', '65534', '--clear-groups'];
const canBeOther =
  reason === undefined && spawnSync(setpriv, [...asOther, process.execPath, bin, '--version']).status === 0;

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const answer = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
  });
  socket.destroy();
  return answer;
}

function occupy(port: number): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  onTestFinished(() => void server.close());
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '::', () => resolve(server));
  });
}

/** Two daemons, the second connected to the first, which is a member of `chat`. */
async function pair(): Promise<{ a: Home; b: Home; port: number; address: string }> {
  const [a, b] = [new Home(), new Home()];
  const line = await a.ok('listen', 'ws');
  expect(line).toMatch(/^:::[0-9]+\n$/);
  const port = portOf(line);
  const address = `ws://127.0.0.1:${port}`;
  await a.ok('join', 'chat');
  expect(await b.ok('connect', address)).toBe('');
  return { a, b, port, address };
}

describe.skipIf(reason !== undefined)(
  `daemons${reason === undefined ? '' : ` (${reason})`}`,
  { timeout: 60_000 },
  () => {
    it('listen, connect, join, search three times, not found', async () => {
      const { a, b, port, address } = await pair();
      expect(await b.ok('connections')).toBe(`${address}\n`);
      expect((await a.ok('connections')).trim()).toBe((await b.status()).id);
      expect(await b.ok('known')).toBe(`${address}\n`);
      expect(await a.ok('own')).toContain(`${address}\n`);
      expect(await a.ok('servers')).toBe(`ws\t:::${port}\t${address}\n`);
      const started = await b.peernet('--version');
      const searches: Ran[] = [];
      for (let i = 0; i < 3; i++) searches.push(await b.peernet('search', 'chat'));
      for (const { code, stdout, stderr } of searches)
        expect([code, stdout, stderr]).toEqual([0, `${address}\n`, '']);
      // The middle one: others use this machine, too.
      expect(searches.map(({ ms }) => ms).sort((x, y) => x - y)[1]).toBeLessThan(1_500 + started.ms);
      const nobody = await b.peernet('search', 'nonsense');
      expect([nobody.code, nobody.stdout, nobody.stderr]).toEqual([
        4,
        '',
        'peernet: nobody was found in nonsense\n',
      ]);
      expect((await b.peernet('disconnect', address)).code).toBe(0);
      await until(async () => (await b.ok('connections')) === '');
      expect((await b.peernet('connect', 'ws://127.0.0.1:1')).code).toBe(1);
      expect((await b.peernet('connect', 'nonsense')).code).toBe(2);
      await a.ok('part', 'chat');
      expect(await a.ok('subnets')).toBe('');
      expect((await a.peernet('peers')).code).toBe(0);
      expect((await a.peernet('doctor')).code).toBe(0);
    });

    it.each(['close', 'kill -9'])(
      'after %s, the next command brings services, subnets and connections back',
      async (end) => {
        const { a, b, port, address } = await pair();
        await until(async () => (await b.status()).connections === 1);
        const before = await Promise.all([a.status(), b.status()]);
        for (const home of [a, b]) {
          if (end === 'close') await home.ok('close');
          else {
            for (const pid of home.pids()) process.kill(pid, 'SIGKILL');
            await until(() => home.pids().length === 0);
            expect(lstatSync(join(home.base, 'sock')).isSocket()).toBe(true); // a stale one
            expect(await home.peernet('status')).toMatchObject({ code: 3 });
            expect((await home.peernet('doctor')).stdout).toContain('did not end in order');
          }
        }
        expect(await answers(port)).toBe(false);
        expect(await a.ok('subnets')).toBe('chat\n');
        expect(await a.ok('servers')).toBe(`ws\t:::${port}\t${address}\n`);
        expect(await b.ok('known')).toBe(`${address}\n`);
        await until(async () => (await b.ok('connections')) === `${address}\n`, 20_000);
        const after = await Promise.all([a.status(), b.status()]);
        expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
        expect(await b.ok('search', '--limit', '1', 'chat')).toBe(`${address}\n`);
      },
    );

    it('first commands at once start one daemon, and all succeed', async () => {
      for (let round = 0; round < 3; round++) {
        const home = new Home();
        const all = await Promise.all(['a', 'b', 'c', 'd'].map((name) => home.peernet('join', name)));
        expect(all.map(({ code, stderr }) => [code, stderr.replace(/^starting.*\n/, '')])).toEqual(
          all.map(() => [0, '']),
        );
        await until(() => home.pids().length === 1);
        expect((await home.ok('subnets')).trim().split('\n').sort()).toEqual(['a', 'b', 'c', 'd']);
      }
    });

    it('close waits until process, port and socket are gone; with none: exit 0', async () => {
      const home = new Home();
      expect((await home.peernet('close')).code).toBe(0);
      expect(existsSync(home.base)).toBe(false); // it started none
      const port = portOf(await home.ok('listen', 'tcp'));
      const { pid } = await home.status();
      expect((await home.peernet('close')).code).toBe(0);
      expect([isAlive(pid), await answers(port), existsSync(join(home.base, 'sock'))]).toEqual([
        false,
        false,
        false,
      ]);
      await occupy(port);
      expect((await home.peernet('close')).code).toBe(0);
      expect((await home.peernet('status')).code).toBe(3);
    });

    it('daemon returns when it answers, and says so when one runs', async () => {
      const home = new Home();
      const first = await home.peernet('daemon');
      expect([first.code, first.stdout, first.stderr]).toEqual([
        0,
        '',
        expect.stringMatching(/^starting.*\nthe daemon runs/),
      ]);
      expect(await home.peernet('daemon')).toMatchObject({
        code: 0,
        stdout: '',
        stderr: expect.stringMatching(/already/),
      });
      expect(home.pids().length).toBe(1);
    });

    it('$(peernet listen ws) returns: the daemon holds none of our pipes', async () => {
      const home = new Home();
      const script = `x=$("$0" "$1" listen ws 2>&1 | tail -1); echo "got $x"`;
      const { code, stdout, ms } = await run('sh', ['-c', script, process.execPath, bin], home.env);
      expect([code, stdout]).toEqual([0, expect.stringMatching(/^got :::[0-9]+\n$/)]);
      expect(ms).toBeLessThan(20_000);
      const [pid] = home.pids();
      const open = [0, 1, 2].map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
      expect(open).toEqual(['/dev/null', join(home.base, 'log'), join(home.base, 'log')]);
    });

    it.each(['0000', '0002', '0022', '0077'])(
      'umask %s: folder 0700, everything in it private',
      async (mask) => {
        const home = new Home();
        const { code } = await run(
          'sh',
          ['-c', `umask ${mask}; "$0" "$1" listen ws`, process.execPath, bin],
          home.env,
        );
        expect(code).toBe(0);
        await home.ok('add', 'ws://peer.example:4000');
        expect(statSync(home.base).mode & 0o777).toBe(0o700);
        expect(statSync(join(home.base, 'sock')).mode & 0o777).toBe(0o600);
        const files = readdirSync(home.base, { recursive: true }) as string[];
        expect(files).toEqual(
          expect.arrayContaining(['identity.json', 'services.json', 'log', 'db', 'db/CURRENT']),
        );
        for (const file of files)
          expect([file, statSync(join(home.base, file)).mode & 0o077]).toEqual([file, 0]);
      },
    );

    const damages: [string, (db: string) => void][] = [
      ['CURRENT is gone', (db) => writeFileSync(join(db, 'CURRENT'), '')],
      [
        'every file is garbage',
        (db) => eachFile(db, (path) => writeFileSync(path, Buffer.alloc(3_000, 0x5a))),
      ],
      [
        'every file is cut in half',
        (db) => eachFile(db, (path) => truncateSync(path, Math.floor(statSync(path).size / 2))),
      ],
      ['every file is empty', (db) => eachFile(db, (path) => truncateSync(path))],
    ];
    it.each(damages)(
      'a damaged database (%s): starts within 5 s, same identity, same services',
      async (_, damage) => {
        const home = new Home();
        const port = portOf(await home.ok('listen', 'ws'));
        await home.ok('add', 'ws://peer.example:4000');
        const { id } = await home.status();
        await home.ok('close');
        damage(join(home.base, 'db'));
        const { code, ms, stdout } = await home.peernet('servers');
        expect([code, stdout.includes(`:::${port}`)]).toEqual([0, true]);
        expect(ms).toBeLessThan(5_000);
        expect((await home.status()).id).toBe(id);
        await home.ok('join', 'chat');
        await home.ok('close');
        expect(await home.ok('subnets')).toBe('chat\n');
      },
    );

    it('a database that aborts whoever opens it: set aside by the third start, same identity', async () => {
      const home = new Home(undefined, { NODE_OPTIONS: `--import=${deadlyDatabases()}` });
      const port = portOf(await home.ok('listen', 'ws'));
      const { id } = await home.status();
      await home.ok('close');
      expect(existsSync(join(home.base, 'db.opening'))).toBe(false);
      writeFileSync(join(home.base, 'db', 'deadly'), '');
      for (let deaths = 0; deaths < 2; deaths++) {
        expect(await home.peernet('servers')).toMatchObject({
          code: 3,
          stderr: expect.stringContaining('SIGABRT'),
        });
        expect(readFileSync(join(home.base, 'db.opening'), 'utf8')).toMatch(new RegExp(`^[0-9]+ ${deaths} `));
      }
      expect(await home.ok('servers')).toContain(`:::${port}`);
      expect((await home.status()).id).toBe(id);
      expect(home.log()).toMatch(/database set aside to=.*killed the daemon, 2 times/);
      expect((await home.peernet('doctor')).stdout).toContain('A damaged database was set aside');
      const names = readdirSync(home.base);
      expect(names).not.toContain('db.opening');
      expect(names.filter((name) => name.startsWith('db.bad-')).length).toBe(1);
    });

    it.each([0, 1])('the marker of a dead process that knew of %i deaths', async (deaths) => {
      const home = new Home();
      await home.ok('add', 'ws://peer.example:4000');
      const { id } = await home.status();
      await home.ok('close');
      writeFileSync(join(home.base, 'db.opening'), `4190000 ${deaths} 1000\n`); // above pid_max
      expect(await home.ok('known')).toBe(deaths === 0 ? 'ws://peer.example:4000\n' : '');
      expect((await home.status()).id).toBe(id);
      expect(home.log().includes('database set aside')).toBe(deaths === 1);
      expect(existsSync(join(home.base, 'db.opening'))).toBe(false);
    });

    it('a remembered port that is taken: a warning, everything else works, and it comes back', async () => {
      const home = new Home();
      const port = portOf(await home.ok('listen', 'ws'));
      await home.ok('close');
      const thief = await occupy(port);
      expect(await home.ok('servers')).toBe(`ws\t:::${port}\t-\n`);
      expect(home.log()).toMatch(/service waits protocol=ws port=/);
      expect((await home.peernet('doctor')).stdout).toContain(`waits for port ${port}`);
      const taken = await home.peernet('listen', 'ws', '--port', String(port));
      expect([taken.code, taken.stdout, taken.stderr]).toEqual([
        1,
        '',
        expect.stringContaining(String(port)),
      ]);
      expect(await home.ok('listen', 'ws')).toMatch(/^:::[0-9]+\n$/); // it lives
      await new Promise((resolve) => thief.close(resolve));
      expect(await home.ok('listen', 'ws', '-p', String(port))).toBe(`:::${port}\n`);
      expect(await home.ok('listen', 'ws', '-p', String(port))).toBe(`:::${port}\n`);
    });

    it('a command that is refused does no harm to the next start', async () => {
      const home = new Home();
      const names = Array.from({ length: 65 }, (_, i) => `subnet-${i}`);
      expect((await home.peernet('join', ...names)).code).toBe(1);
      await home.ok('join', 'chat');
      await home.ok('close');
      expect(await home.ok('subnets')).toBe('chat\n');
    });

    it('wss: a certificate, and a peer that checks it', async () => {
      const home = new Home();
      const folder = join(home.base, '..');
      writeFileSync(join(folder, 'cert.pem'), testCertificate.cert);
      writeFileSync(join(folder, 'key.pem'), testCertificate.key);
      const files = ['--cert', join(folder, 'cert.pem'), '--key', join(folder, 'key.pem')];
      const port = portOf(await home.ok('listen', 'wss', ...files));
      expect(await home.ok('servers')).toBe(`wss\t:::${port}\twss://127.0.0.1:${port}\n`);
      const trusting = new Home(undefined, { NODE_EXTRA_CA_CERTS: join(folder, 'cert.pem') });
      await trusting.ok('connect', `wss://127.0.0.1:${port}`);
      const strict = new Home();
      expect((await strict.peernet('connect', `wss://127.0.0.1:${port}`)).code).toBe(1);
      await home.ok('close');
      expect(await home.ok('servers')).toContain(`wss\t:::${port}\t`);
    });

    it.skipIf(!canBeOther)('a folder that cannot be written: exit 6', async () => {
      const home = new Home();
      const owner = (...words: string[]) =>
        run(setpriv, [...asOther, process.execPath, bin, ...words], home.env);
      mkdirSync(home.base, { mode: 0o700 });
      for (const path of [join(home.base, '..'), home.base]) chownSync(path, 65_534, 65_534);
      expect(await owner('daemon')).toMatchObject({ code: 0 }); // the control
      expect(await owner('close')).toMatchObject({ code: 0 });
      chmodSync(home.base, 0o500);
      expect(await owner('own')).toMatchObject({
        code: 6,
        stderr: expect.stringContaining('cannot write'),
      });
      expect(await owner('doctor')).toMatchObject({
        code: 1,
        stdout: expect.stringContaining('Cannot write'),
      });
    });

    it('a reader that has enough: exit 0', async () => {
      const home = new Home();
      const addresses = Array.from({ length: 3_000 }, (_, i) => `ws://peer-${i}.example:4000`);
      await home.ok('add', ...addresses);
      const known = home.peernet('known');
      known.child.stdout?.once('data', () => known.child.stdout?.destroy());
      expect(await known).toMatchObject({ code: 0, stderr: '' });
      const log = home.peernet('log', '--lines', '1');
      log.child.stdout?.once('data', () => log.child.stdout?.destroy());
      await until(() => log.child.stdout?.destroyed === true);
      for (let i = 0; log.child.exitCode === null && i < 20; i++)
        await home.ok('listen', 'tcp', '--host', '127.0.0.1');
      expect(await log).toMatchObject({ code: 0, stderr: '' });
    });

    it('Ctrl-C: log 0, search 130; the daemon goes on', async () => {
      const home = new Home();
      await home.ok('daemon');
      const log = home.peernet('log', '--lines', '5');
      await until(() => log.output.stdout.includes('started'));
      log.child.kill('SIGINT');
      expect(await log).toMatchObject({ code: 0, signal: null });
      const { pid } = await home.status();
      expect(isAlive(pid)).toBe(true);
      const { b } = await pair();
      const search = b.peernet('search', 'chat'); // goes on for a second after the first row
      await until(() => search.output.stdout !== '');
      search.child.kill('SIGINT');
      const { code, signal } = await search;
      expect([signal, [130, 0].includes(code as number)]).toEqual([null, true]); // 0: this machine was slow
      expect((await b.peernet('own')).code).toBe(0);
    });

    it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
      'server runs in the foreground until %s: ≤ 3 s, exit 0, no socket',
      async (signal) => {
        const home = new Home();
        const server = home.peernet('server');
        await until(() => server.output.stderr.includes(' started '), 20_000);
        const port = portOf(await home.ok('listen', 'ws'));
        expect(await home.peernet('server')).toMatchObject({
          code: 1,
          stderr: expect.stringMatching(/running already \(pid/),
        });
        const other = new Home();
        await other.ok('connect', `ws://127.0.0.1:${port}`);
        const startedMs = performance.now();
        server.child.kill(signal);
        expect(await server).toMatchObject({ code: 0, signal: null, stdout: '' });
        expect(performance.now() - startedMs).toBeLessThan(3_000);
        expect(existsSync(join(home.base, 'sock'))).toBe(false);
        expect(await answers(port)).toBe(false);
      },
    );

    it('a command after SIGTERM waits for the old daemon and starts the next', async () => {
      const home = new Home();
      await home.ok('join', 'chat');
      const { pid } = await home.status();
      process.kill(pid, 'SIGTERM');
      expect(await home.ok('subnets')).toBe('chat\n');
      await until(() => home.pids().length === 1 && home.pids()[0] !== pid);
    });

    it('a folder that others may enter, or that is no folder: exit 6, what to type', async () => {
      const home = new Home();
      mkdirSync(home.base, { recursive: true });
      writeFileSync(join(home.base, 'something'), '');
      chmodSync(home.base, 0o755);
      expect(await home.peernet('own')).toMatchObject({
        code: 6,
        stderr: expect.stringContaining(`chmod 700 ${home.base}`),
      });
      expect(await home.peernet('-d', join(home.base, 'something'), 'own')).toMatchObject({ code: 6 });
      chmodSync(home.base, 0o700);
      await home.ok('own');
      await home.ok('close');
      chmodSync(join(home.base, 'identity.json'), 0o644);
      const refused = await home.peernet('own');
      expect(refused).toMatchObject({ code: 6, stderr: expect.stringContaining('chmod 600') });
      expect((await home.peernet('doctor')).code).toBe(1);
    });

    it('a folder that cannot be made ends a command, one that was removed around it does not', async () => {
      const home = new Home();
      expect(await home.peernet('-d', '/proc/nothing/at/all', 'own')).toMatchObject({
        code: 6,
        stderr: expect.stringContaining('cannot make /proc/nothing/at/all (ENOENT)'),
      });
      const script = 'cd "$1" && rmdir "$1" && exec "$2" "$3" status';
      const words = ['-c', script, 'sh', tempFolder(), process.execPath, bin];
      expect(await run('sh', words, home.env)).toMatchObject({ code: 3, stderr: '' });
    });

    it.each(['server', 'daemon'])('%s with a damaged key: exit 6, what to do', async (command) => {
      const home = new Home();
      mkdirSync(home.base, { recursive: true, mode: 0o700 });
      writeFileSync(join(home.base, 'identity.json'), 'nonsense', { mode: 0o600 });
      const { code, stderr } = await home.peernet(command);
      expect([code, stderr]).toEqual([
        6,
        expect.stringMatching(/^peernet: .*identity.json is damaged; put/m),
      ]);
    });

    it('an empty folder that others may enter is tightened', async () => {
      const home = new Home();
      mkdirSync(home.base, { recursive: true });
      chmodSync(home.base, 0o755);
      await home.ok('own');
      expect(statSync(home.base).mode & 0o777).toBe(0o700);
      await home.ok('close');
    });

    it.skipIf(!canBeOther)('another user: neither the folder nor the socket', async () => {
      const home = new Home();
      await home.ok('listen', 'ws');
      chmodSync(join(home.base, '..'), 0o755);
      const other = (...words: string[]) => run(setpriv, [...asOther, ...words]);
      const script = `const s = require('node:net').connect(process.argv[1], () => s.destroy(console.log('in')));
        s.on('error', (e) => console.log(e.code));`;
      const sock = join(home.base, 'sock');
      const knock = async () => (await other(process.execPath, '-e', script, sock)).stdout.trim();
      expect(await knock()).toBe('EACCES');
      chmodSync(home.base, 0o755); // the socket itself is private, too
      expect(await knock()).toBe('EACCES');
      expect((await other(process.execPath, bin, '-d', home.base, 'own')).code).toBe(6);
      chmodSync(sock, 0o666); // the control
      expect(await knock()).toBe('in');
      expect((await other(process.execPath, bin, '-d', home.base, 'own')).code).toBe(6);
    });

    it('listens on nothing but what it was asked for', async () => {
      const home = new Home();
      await home.ok('daemon');
      const { pid } = await home.status();
      expect(listeners(pid)).toEqual([]);
      const port = portOf(await home.ok('listen', 'ws'));
      expect([...new Set(listeners(pid))]).toEqual([port]);
      await home.ok('unlisten', `:${port}`);
      await until(() => listeners(pid).length === 0);
    });

    // What it costs in time is measured by `pnpm bench --only cli`.
    it('a command loads nothing of the daemon', () => {
      expect([...importsOf(bin)].filter((name) => !name.startsWith('node:'))).toEqual(['commander']);
    });
  },
);

/** A module that makes databases with a file `deadly` abort the process that opens them, as a failed assertion does. */
function deadlyDatabases(): string {
  const folder = tempFolder();
  const path = join(folder, 'deadly.mjs');
  const source = `import { existsSync } from 'node:fs';
    import { createRequire } from 'node:module';
    const { ClassicLevel } = createRequire(${JSON.stringify(bin)})('classic-level');
    const open = ClassicLevel.prototype._open;
    ClassicLevel.prototype._open = function (options) {
      if (existsSync(this.location + '/deadly')) process.abort();
      return open.call(this, options);
    };`;
  writeFileSync(path, source);
  return path;
}

function eachFile(folder: string, work: (path: string) => void): void {
  for (const name of readdirSync(folder)) if (name !== 'LOCK') work(join(folder, name));
}

/** TCP ports on which a process listens. */
function listeners(pid: number): number[] {
  const sockets = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[([0-9]+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    }),
  );
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((words) => words[3] === '0A' && sockets.has(words[9] ?? ''))
      .map((words) => Number.parseInt(words[1]?.split(':')[1] ?? '', 16)),
  );
}

/** What a built file imports at once, through its own parts. */
function importsOf(path: string, found = new Set<string>()): Set<string> {
  for (const [, name = ''] of readFileSync(path, 'utf8').matchAll(
    /^(?:import|export)\b[^'"]*?['"]([^'"]+)['"];?$/gm,
  )) {
    if (name.startsWith('./')) importsOf(join(path, '..', name), found);
    else found.add(name);
  }
  return found;
}
