import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PeernetError } from '@peernet/core';
import { describe, expect, it } from 'vitest';
import { main } from '../src/main.js';
import { FakeNode, fakePeer, fakeRow } from './fake-node.js';
import { fakeDaemon, fakeIo, tempFolder, until } from './harness.js';

/** Runs a command line with no daemon anywhere; starting one fails. */
async function alone(argv: string[], env: Record<string, string> = { PEERNET_PATH: '/nowhere/at/all' }) {
  const io = fakeIo(env);
  const code = await main(argv, io);
  return { code, stdout: io.stdout, stderr: io.stderr };
}

describe('wrong usage', () => {
  it.each([
    ['an unknown command', ['serch', 'chat'], /unknown command 'serch'.*search.*\n.*peernet --help/],
    [
      'an unknown option',
      ['listen', 'ws', '--prot', '1'],
      /unknown option '--prot'.*--port.*\n.*peernet listen --help/,
    ],
    ['a missing word', ['connect'], /missing required argument 'ADDR'\n.*peernet connect --help/],
    ['a word too many', ['own', 'x'], /too many arguments/],
    ['no protocol', ['listen', 'udp'], /udp is no protocol.*\n.*ws .*wsock.*websocket.*tcp/],
    ['a property of objects as protocol', ['listen', 'constructor'], /no protocol/],
    ['no port', ['listen', 'ws', '-p', '99999'], /0 … 65535, not 99999/],
    ['half a port', ['listen', 'ws', '-p', '80x'], /not 80x/],
    ['a port where none belongs', ['-p', '80', 'own'], /own takes no --port/],
    ['half a certificate', ['listen', 'ws', '--cert', 'x'], /belong together/],
    ['wss without a certificate', ['listen', 'wss'], /needs a certificate/],
    ['no timeout', ['search', 'x', '-t', 'soon'], /number of seconds.*not soon/],
    ['a timeout of nothing', ['search', 'x', '-t', '0'], /not 0/],
    ['no limit', ['search', 'x', '-l', '0'], /--limit is a number 1/],
    ['an empty folder name', ['-d', '', 'own'], /--datadir/],
    ['help for nothing', ['help', 'nonsense'], /unknown command|nonsense/],
  ])('%s: exit 2, says what to type, starts nothing', async (_, argv, message) => {
    const { code, stdout, stderr } = await alone(argv);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
    expect(stdout).toBe('');
  });

  it('no command at all: help on standard error, exit 2', async () => {
    const { code, stdout, stderr } = await alone([]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('peernet COMMAND');
  });

  it('with --json the error is an object', async () => {
    const { code, stderr } = await alone(['--json', 'listen', 'udp']);
    const { v, error } = JSON.parse(stderr);
    expect([code, v, error.code, error.exit]).toEqual([2, 1, 'USAGE', 2]);
  });
});

describe('help', () => {
  // The specification's usage section, word by word.
  const specification: [string, string][] = [
    ['server', 'Start the server in the foreground.'],
    ['daemon', 'Start the server in the background.'],
    ['log', 'Print detailed lifecycle events as they arrive.'],
    ['known', 'Show all known nodes.'],
    ['own', 'Show the addresses of own services.'],
    ['connections', 'Show the active connections.'],
    ['connect ADDR', 'Connect to ADDR.'],
    ['disconnect ADDR', 'Disconnect from ADDR.'],
    ['add ADDR...', 'Add ADDR to the address tables without connecting.'],
    ['rm ADDR...', 'Remove ADDR from the address tables.'],
    ['join SUBNET...', 'Join SUBNET: respond to searches for SUBNET peers.'],
    ['part SUBNET...', 'Part SUBNET: stop responding to searches for SUBNET peers.'],
    ['subnets', 'Print subnet membership, one per line.'],
    ['search SUBNET', 'Search for peers that belong to SUBNET, printing addresses per line.'],
    ['listen [PROTOCOL]', 'Create a service for PROTOCOL, optionally on a `--port`.'],
    ['servers', 'Show all local services.'],
  ];

  it('has the words of the specification, and no hidden command', async () => {
    for (const argv of [['--help'], ['-h'], ['help'], ['help', 'help']]) {
      const { code, stdout, stderr } = await alone(argv);
      expect([code, stderr]).toEqual([0, '']);
      for (const [synopsis, about] of specification)
        expect(stdout).toContain(`  ${synopsis.padEnd(26)}${about}`);
      expect(stdout).not.toContain('__daemon');
      for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(110);
    }
  });

  it.each(
    specification
      .map(([synopsis]) => synopsis.split(' ')[0] as string)
      .concat('close', 'status', 'peers', 'doctor'),
  )('%s -h and help %s: the same, starting nothing', async (name) => {
    const [a, b] = [await alone([name, '-h']), await alone(['help', name])];
    expect(a).toEqual(b);
    expect([a.code, a.stderr]).toEqual([0, '']);
    expect(a.stdout).toContain(`peernet ${name}`);
    expect(a.stdout).toContain('--datadir');
  });

  it('documents every option of listen, with examples', async () => {
    const { stdout } = await alone(['listen', '--help']);
    for (const word of [
      '-p, --port PORT',
      '--host',
      '--announce',
      '--cert',
      '--key',
      'peernet listen ws --port 4000',
    ])
      expect(stdout).toContain(word);
  });

  it('--version prints that of the package', async () => {
    const path = join(fileURLToPath(new URL('.', import.meta.url)), '..', 'package.json');
    const { version } = JSON.parse(readFileSync(path, 'utf8'));
    expect(await alone(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });
});

describe('without a daemon', () => {
  it('status, close and doctor start none', async () => {
    const status = await alone(['status']);
    expect([status.code, status.stdout]).toEqual([3, 'no daemon is running in /nowhere/at/all\n']);
    expect(JSON.parse((await alone(['status', '--json'])).stdout)).toMatchObject({ v: 1, running: false });
    expect(await alone(['close'])).toMatchObject({ code: 0, stdout: '' });
    const doctor = await alone(['doctor']);
    expect(doctor.code).toBe(0);
    expect(doctor.stdout).toMatch(/No daemon is running[\s\S]*peernet daemon/);
  });

  it('a daemon that cannot be started: exit 3, says so', async () => {
    const { code, stdout, stderr } = await alone(['own'], { PEERNET_PATH: tempFolder() });
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toMatch(/starting a daemon[\s\S]*could not start a daemon/);
  });
});

describe('commands', () => {
  it('listen prints address:port, again for a port that is ours, and remembers', async () => {
    const { run, node, paths } = await fakeDaemon();
    const first = await run('listen', 'ws');
    expect([first.code, first.stderr]).toEqual([0, '']);
    const port = /^:::([0-9]+)\n$/.exec(first.stdout)?.[1] as string;
    expect(await run('listen', 'websocket', '--port', port)).toEqual(first);
    expect(await run('-p', port, 'listen', 'wsock')).toEqual(first);
    expect(node.services.size).toBe(1);
    expect(JSON.parse(readFileSync(paths.services, 'utf8')).services).toEqual([
      { protocol: 'ws', port: Number(port) },
    ]);
    const other = await run('listen', 'tcp', '--port', port);
    expect([other.code, other.stderr]).toEqual([
      1,
      expect.stringMatching(/serves ws of this daemon[\s\S]*unlisten :/),
    ]);
    expect(await run('servers')).toEqual({
      code: 0,
      stdout: `ws\t:::${port}\tws://127.0.0.1:${port}\n`,
      stderr: '',
    });
    expect((await run('listen')).stdout).toMatch(/^:::[0-9]+\n$/);
  });

  it('listen at a port that somebody else has: exit 1, the daemon lives', async () => {
    const { run } = await fakeDaemon();
    const other = new FakeNode();
    const { port, close } = await other.listen('ws', {});
    const taken = await run('listen', 'ws', '-p', String(port));
    expect([taken.code, taken.stdout, taken.stderr]).toEqual([
      1,
      '',
      expect.stringContaining(`port ${port}`),
    ]);
    await close();
    expect((await run('listen', 'ws', '-p', String(port))).stdout).toBe(`:::${port}\n`);
  });

  it('listen --cert of a file that is not there: exit 1, names it', async () => {
    const { run } = await fakeDaemon();
    const { code, stderr } = await run('listen', 'ws', '--cert', 'a.pem', '--key', 'b.pem');
    expect([code, stderr]).toEqual([1, expect.stringContaining('cannot read /a.pem')]);
  });

  it('unlisten ends and forgets, by protocol and by port', async () => {
    const { run, node } = await fakeDaemon();
    const port = (await run('listen', 'ws')).stdout.trim().slice(3);
    await run('listen', 'tcp');
    expect((await run('unlisten', `:${port}`)).stderr).toBe(`ended ws at :::${port}\n`);
    expect((await run('unlisten', 'ws')).code).toBe(4);
    expect((await run('unlisten', 'tcp')).code).toBe(0);
    expect((await run('servers')).stdout).toBe('');
    expect(node.services.size).toBe(0);
    expect((await run('unlisten', 'udp')).code).toBe(2);
  });

  it('connect waits, saves, and says who it is; failures tell why', async () => {
    const { run, node } = await fakeDaemon();
    const ok = await run('connect', 'ws://10.1.2.3:4000');
    expect([ok.code, ok.stdout, ok.stderr]).toEqual([0, '', expect.stringContaining('cdcdcdcd')]);
    expect([...node.book.keys()]).toEqual(['ws://10.1.2.3:4000']);
    expect((await run('connections')).stdout).toBe('ws://10.1.2.3:4000\n');
    for (const [code, status] of [
      ['DIAL_REFUSED', 1],
      ['DIAL_TIMEOUT', 5],
      ['ADDRESS_INVALID', 2],
      ['SCHEME_UNKNOWN', 2],
      ['WRONG_PEER', 1],
    ] as const) {
      node.onConnect = async () => {
        throw new PeernetError(code, `because of ${code}`);
      };
      const failed = await run('connect', 'ws://10.9.9.9:1');
      expect([failed.code, failed.stderr]).toEqual([status, `peernet: because of ${code}\n`]);
    }
    expect([...node.book.keys()]).toEqual(['ws://10.1.2.3:4000']);
  });

  it('connect --timeout gives up, in the daemon too', async () => {
    const { run, node } = await fakeDaemon();
    let aborted = false;
    node.onConnect = (_, signal) =>
      new Promise((_, reject) =>
        signal?.addEventListener('abort', () => {
          aborted = true;
          reject(new PeernetError('ABORTED', 'given up'));
        }),
      );
    const { code, stderr } = await run('connect', 'ws://10.1.2.3:1', '--timeout', '50ms');
    expect([code, aborted, stderr]).toEqual([5, true, expect.stringContaining('longer than 0.05 s')]);
  });

  it('disconnect takes address, id, and the beginning of an id', async () => {
    const { run, node } = await fakeDaemon();
    for (const target of [
      'ws://10.1.2.3:4000',
      'WS://10.1.2.3:4000/',
      `wrtc:${'cd'.repeat(32)}?via=ws://10.9.9.9:1`,
      'cd'.repeat(32),
      'cdcdcdcd',
      'CDCDCDCD',
    ]) {
      node.peerList = [fakePeer()];
      expect((await run('disconnect', target)).code).toBe(0);
      expect(node.peerList).toEqual([]);
    }
    expect((await run('disconnect', 'cdcdcdcd')).code).toBe(4);
    node.peerList = [fakePeer(), fakePeer({ id: `cdcdcdcd${'0'.repeat(56)}` })];
    expect((await run('disconnect', 'cdcdcdcd')).code).toBe(2);
  });

  it('add, rm and known: several addresses, invalid ones named, valid ones kept', async () => {
    const { run } = await fakeDaemon();
    const mixed = await run('add', 'ws://a.example:1', 'nonsense', 'tcp://b.example:2');
    expect([mixed.code, mixed.stderr]).toEqual([2, 'peernet: not an address: nonsense\n']);
    expect((await run('known')).stdout).toBe('ws://a.example:1\ntcp://b.example:2\n');
    expect((await run('rm', 'ws://a.example:1', 'tcp://b.example:2')).code).toBe(0);
    expect((await run('known')).stdout).toBe('');
  });

  it('known has no limit: 5 000 rows come through in order', async () => {
    const { run, node } = await fakeDaemon();
    const addresses = Array.from({ length: 5_000 }, (_, i) => `ws://a.example:${i + 1}`);
    await node.save(addresses);
    expect((await run('known')).stdout).toBe(`${addresses.join('\n')}\n`);
  });

  it('join, subnets and part: any UTF-8, several, misuse is told', async () => {
    const { run } = await fakeDaemon();
    expect((await run('join', 'chat!', 'Grüße 👋', '日本')).code).toBe(0);
    expect((await run('subnets')).stdout).toBe('chat!\nGrüße 👋\n日本\n');
    expect((await run('part', 'chat!', '日本')).code).toBe(0);
    expect((await run('subnets')).stdout).toBe('Grüße 👋\n');
    expect(await run('join', '')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('1 … 255 bytes'),
    });
  });

  it('search prints addresses and ends: 0 found, 4 nobody', async () => {
    const { run, node } = await fakeDaemon();
    node.rows = [fakeRow(), fakeRow({ address: 'tcp://10.1.2.4:5', id: 'ef'.repeat(32) })];
    for (let i = 0; i < 3; i++)
      expect(await run('search', 'chat')).toEqual({
        code: 0,
        stdout: 'ws://10.1.2.3:4000\ntcp://10.1.2.4:5\n',
        stderr: '',
      });
    await run('search', 'chat', '--limit', '7', '--timeout', '1.5');
    expect(node.searchedWith).toEqual({ limit: 7, timeout: 1500, signal: undefined });
    const nobody = await run('search', 'news');
    expect([nobody.code, nobody.stdout]).toEqual([4, '']);
    expect(nobody.stderr).toMatch(/nobody was found in news[\s\S]*peernet connect ADDR/);
    node.peerList = [fakePeer()];
    expect((await run('search', 'news')).stderr).toBe('peernet: nobody was found in news\n');
    const [first] = (await run('search', 'chat', '--json')).stdout.split('\n');
    expect(JSON.parse(first as string)).toMatchObject({
      v: 1,
      subnet: 'chat',
      address: 'ws://10.1.2.3:4000',
      hops: 1,
    });
  });

  it('Ctrl-C in search: 130, and the daemon stops searching', async () => {
    const { node, paths } = await fakeDaemon();
    node.rows = [fakeRow()];
    node.searchForever = true;
    const io = fakeIo({ PEERNET_PATH: paths.base });
    const code = main(['search', 'chat'], io);
    await until(() => io.stdout !== '');
    io.interrupt();
    expect(await code).toBe(130);
    await until(() => node.searchAborted === 1);
  });

  it('a command that is gone ends its search', async () => {
    const { node, paths, run } = await fakeDaemon();
    node.searchForever = true;
    const { Client } = await import('../src/rpc/client.js');
    const client = await Client.connect(paths.sock);
    const lost = client?.call('search', { name: 'chat' }).catch((error: { code: string }) => error.code);
    await until(() => node.searchedWith !== undefined);
    client?.close();
    expect(await lost).toBe('LOST');
    await until(() => node.searchAborted === 1);
    expect((await run('own')).code).toBe(0);
  });

  it('own, peers and status', async () => {
    const { run, runOnTerminal, node } = await fakeDaemon();
    expect(await run('own')).toMatchObject({ code: 0, stdout: '' });
    node.ownList = ['ws://192.168.1.172:48832', 'ws://[fd00::1]:48832'];
    expect((await run('own')).stdout).toBe('ws://192.168.1.172:48832\nws://[fd00::1]:48832\n');
    node.peerList = [
      fakePeer(),
      fakePeer({ id: 'ef'.repeat(32), address: undefined, direction: 'in', rtt: undefined }),
    ];
    expect((await run('peers')).stdout).toMatch(
      /^(cd){32}\tws:\/\/10.1.2.3:4000\tout\toverlay\t90\t12.3\t1234\t56789\n(ef){32}\t-\tin\toverlay\t90\t-\t1234\t56789\n$/,
    );
    const table = (await runOnTerminal('peers')).stdout.split('\n');
    expect(table[0]).toMatch(/ID +ADDRESS +DIR +KIND +AGE +RTT +RX +TX/);
    expect(table[1]).toMatch(
      /^cdcdcdcd {2}ws:\/\/10.1.2.3:4000 {2}out {2}overlay {2}90 s {2}12.3 ms {2}1.2 kB {2}57 kB$/,
    );
    const [row] = (await run('peers', '--json')).stdout.split('\n');
    expect(JSON.parse(row as string)).toMatchObject({
      v: 1,
      id: 'cd'.repeat(32),
      direction: 'out',
      rx: 1234,
    });
    await run('join', 'chat');
    const status = await run('status');
    expect(status.code).toBe(0);
    for (const word of [
      'id:',
      'ab'.repeat(32),
      'pid:',
      String(process.pid),
      '2 (wants 5)',
      'chat',
      'about 12 nodes',
    ])
      expect(status.stdout).toContain(word);
    expect(JSON.parse((await run('status', '--json')).stdout)).toMatchObject({
      v: 1,
      running: true,
      connections: 2,
    });
  });

  it('doctor: a service that waits for its certificate does not wait for a port', async () => {
    const base = tempFolder();
    const service = { protocol: 'ws', port: 4000, cert: join(base, 'gone.pem'), key: join(base, 'gone.pem') };
    const services = JSON.stringify({ v: 1, services: [service] });
    writeFileSync(join(base, 'services.json'), services, { mode: 0o600 });
    const { run } = await fakeDaemon({ base });
    const { stdout } = await run('doctor');
    expect(stdout).toMatch(
      /wss service at port 4000 does not listen: cannot read .*gone\.pem.*\n.*unlisten :4000/,
    );
    expect(stdout).not.toContain('another program');
    expect((await run('status')).stdout).toContain('wss :::4000 (waits, see: peernet doctor)');
  });

  it('doctor: what the node says, with an exit code', async () => {
    const { run, node } = await fakeDaemon();
    expect((await run('doctor')).code).toBe(0);
    node.findings = [
      { code: 'NO_SEEDS', level: 'error', message: 'No peer is known.', hint: 'peernet add ADDR' },
    ];
    const { code, stdout } = await run('doctor');
    expect(code).toBe(1);
    expect(stdout).toMatch(/error {2}No peer is known.\n {7}peernet add ADDR\n$/);
    const last = (await run('doctor', '--json')).stdout.trim().split('\n').at(-1) as string;
    expect(JSON.parse(last)).toEqual({ v: 1, ...node.findings[0] });
  });

  it('log streams events until Ctrl-C, exit 0; --lines begins in the past', async () => {
    const { node, paths, daemon } = await fakeDaemon();
    daemon.events.add('before', { n: 1 });
    const io = fakeIo({ PEERNET_PATH: paths.base });
    const code = main(['log', '--lines', '1'], io);
    await until(() => io.stdout !== '');
    node.emit('debug', 'dial', { address: 'ws://10.1.2.3:4000', ok: true });
    await until(() => io.stdout.includes('dial'));
    io.interrupt();
    expect(await code).toBe(0);
    expect(io.stdout).toMatch(
      /^\d{4}-\S+Z before n=1\n\d{4}-\S+Z dial address=ws:\/\/10.1.2.3:4000 ok=true\n$/,
    );
    expect(io.interruptible).toBe(false);
  });

  it('log ends with the daemon, exit 0', async () => {
    const { daemon, paths } = await fakeDaemon();
    const io = fakeIo({ PEERNET_PATH: paths.base });
    const code = main(['log', '--json', '--lines', '1'], io);
    await until(() => io.stdout !== '');
    expect(JSON.parse(io.stdout)).toMatchObject({
      v: 1,
      event: 'started',
      time: expect.stringMatching(/Z$/),
    });
    await daemon.close('test');
    expect(await code).toBe(0);
  });

  it('server and daemon beside a running one', async () => {
    const { run } = await fakeDaemon();
    expect(await run('server')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`pid ${process.pid}`),
    });
    expect(await run('daemon')).toMatchObject({ code: 0, stderr: expect.stringContaining('already') });
  });

  it('--datadir is PEERNET_PATH for one command', async () => {
    const { paths, node } = await fakeDaemon();
    node.names.add('here');
    for (const argv of [
      ['-d', paths.base, 'subnets'],
      ['subnets', '--datadir', paths.base],
    ])
      expect((await alone(argv)).stdout).toBe('here\n');
  });

  it('a bug in the daemon: exit 70, and it is logged', async () => {
    const { run, node, daemon } = await fakeDaemon();
    node.own = () => {
      throw new TypeError('oops');
    };
    expect(await run('own')).toMatchObject({ code: 70, stderr: expect.stringContaining('oops') });
    expect(daemon.events.recent(1)[0]).toMatchObject({ event: 'bug', fields: { method: 'own' } });
    expect((await run('connections')).code).toBe(0);
  });
});

describe('a daemon of another version', () => {
  it('exit 7 for commands, told by doctor; close works', async () => {
    const { createServer } = await import('node:net');
    const { encodeFrame, FrameDecoder } = await import('../src/rpc/frames.js');
    const base = tempFolder();
    const methods: string[] = [];
    const server = createServer((socket) => {
      const decoder = new FrameDecoder();
      socket.write(
        encodeFrame({ method: 'hello', params: { protocol: 999, version: '9.9.9', pid: 4_190_000, id: '' } }),
      );
      socket.on('error', () => {});
      socket.on('data', (chunk) => {
        for (const { id, method } of decoder.push(chunk as Buffer) as { id: number; method: string }[]) {
          methods.push(method);
          socket.write(encodeFrame({ id, result: { pid: 4_190_000 } })); // above pid_max: no such process
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(join(base, 'sock'), resolve));
    try {
      const env = { PEERNET_PATH: base };
      for (const argv of [['own'], ['status'], ['listen', 'ws']])
        expect(await alone(argv, env)).toMatchObject({
          code: 7,
          stderr: expect.stringMatching(/9\.9\.9[\s\S]*peernet close/),
        });
      expect(await alone(['doctor'], env)).toMatchObject({
        code: 1,
        stdout: expect.stringContaining('9.9.9'),
      });
      expect(methods).toEqual([]);
      expect((await alone(['close'], env)).code).toBe(0);
      expect(methods).toEqual(['close']);
    } finally {
      server.close();
    }
  });
});
