// `npm start`: a small real network on this machine, from nothing but Node and npm. Several daemons (real processes,
// real sockets, real databases) of whom all know only the first; they become a mesh; the first is killed; a member
// joins a subnet at one end and is found from the other. Whatever is printed is read from live processes.
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const HELP = `npm start -- [options]
  --nodes N   how many daemons (3 to 20; default 6)
  --keep      leave the network up, and say what to type next
  --help      this text`;

const root = fileURLToPath(new URL('..', import.meta.url));
const cli = join(root, 'packages', 'cli', 'dist', 'bin.js');
/** Longest wait for anything that should happen by itself, ms. */
const patienceMs = 60_000;
/** Between two looks at the network, ms. */
const lookMs = 500;
const startMs = performance.now();
const say = (text) =>
  console.log(`${((performance.now() - startMs) / 1000).toFixed(1).padStart(6)} s  ${text}`);

class Daemon {
  constructor(name, folder) {
    this.name = name;
    this.path = join(folder, name);
    this.alive = false;
  }

  /** One command of the CLI, with --json; resolves with its rows and exit code. */
  run(...args) {
    const env = { ...process.env, PEERNET_PATH: this.path };
    return new Promise((resolve) => {
      execFile(
        process.execPath,
        [cli, ...args, '--json'],
        { env, timeout: patienceMs },
        (error, stdout, stderr) => {
          const lines = stdout.split('\n').filter((line) => line !== '');
          resolve({
            code: error ? (error.code ?? 1) : 0,
            rows: lines.map((line) => JSON.parse(line)),
            stderr,
          });
        },
      );
    });
  }

  /** The same, where failure is a bug of ours. */
  async must(...args) {
    const { code, rows, stderr } = await this.run(...args);
    if (code !== 0)
      throw new Error(`${this.name}: peernet ${args.join(' ')} ended with ${code}: ${stderr.trim()}`);
    return rows;
  }

  async listen() {
    await this.must('listen', 'ws', '--host', '127.0.0.1');
    this.alive = true;
    const [status] = await this.must('status');
    this.pid = status.pid;
    this.id = status.id;
    this.address = (await this.must('own'))[0].address;
  }
}

async function until(what, condition) {
  const begunMs = performance.now();
  for (;;) {
    const progress = await condition();
    if (progress === true) return ((performance.now() - begunMs) / 1000).toFixed(1);
    if (performance.now() - begunMs > patienceMs)
      throw new Error(`${what}: not within ${patienceMs / 1000} s (${progress})`);
    if (progress !== until.last) say(`  ${progress}`);
    until.last = progress;
    await new Promise((done) => setTimeout(done, lookMs));
  }
}

/** Overlay links between living daemons other than `without`: name → ids. */
async function links(daemons, without) {
  const nodes = daemons.filter((daemon) => daemon !== without && daemon.alive);
  const ids = new Set(nodes.map((node) => node.id));
  const graph = new Map();
  await Promise.all(
    nodes.map(async (node) => {
      const peers = await node.must('peers');
      graph.set(
        node.id,
        peers.filter((peer) => peer.kind === 'overlay' && ids.has(peer.id)).map((peer) => peer.id),
      );
    }),
  );
  return graph;
}

/** How many nodes the first one reaches. */
function reach(graph) {
  const [first] = graph.keys();
  const seen = new Set([first]);
  for (const id of seen) for (const next of graph.get(id) ?? []) seen.add(next);
  return seen.size;
}

async function story(daemons) {
  const [centre, ...others] = daemons;
  say(`starting ${daemons.length} daemons, each with a folder, a database and a port of its own`);
  await Promise.all(daemons.map((daemon) => daemon.listen()));
  for (const { name, pid, address } of daemons) say(`  ${name}: pid ${pid}, ${address}`);

  say(`a star: all others connect to ${centre.name}, and know nobody else`);
  await Promise.all(others.map((daemon) => daemon.must('connect', centre.address)));
  const wanted = Math.min(4, others.length - 1);
  const meshed = await until('the star becomes a mesh', async () => {
    const graph = await links(daemons, centre);
    const least = Math.min(...[...graph.values()].map((peers) => peers.length));
    if (least >= wanted && reach(graph) === others.length) return true;
    return `beside ${centre.name}, everybody has at least ${least} links, and ${reach(graph)} of ${others.length} reach each other`;
  });
  say(`a mesh: without ${centre.name}, everybody has ${wanted} or more links, after ${meshed} s`);

  process.kill(centre.pid, 'SIGKILL');
  centre.alive = false;
  say(`${centre.name} is killed (pid ${centre.pid}, SIGKILL)`);
  const noticed = await until('the others notice', async () => {
    const all = await Promise.all(others.map((daemon) => daemon.must('peers')));
    const still = all.filter((peers) => peers.some((peer) => peer.id === centre.id)).length;
    return still === 0 ? true : `${still} still list ${centre.name}`;
  });
  const graph = await links(daemons, centre);
  if (reach(graph) !== others.length)
    throw new Error(`the network broke: ${reach(graph)} of ${others.length} are connected`);
  say(`the others have noticed after ${noticed} s, and are still one network`);

  const [member, searcher] = [others[0], others.at(-1)];
  await member.must('join', 'chat');
  say(`${member.name} joins the subnet "chat"`);
  const begunMs = performance.now();
  const rows = await searcher.must('search', 'chat');
  const tookMs = Math.round(performance.now() - begunMs);
  if (!rows.some((row) => row.id === member.id))
    throw new Error(`${searcher.name} did not find ${member.name}`);
  for (const { address, hops } of rows)
    say(`${searcher.name} searches "chat" and finds ${address} (${hops} hops, command ${tookMs} ms)`);
}

/** Every cell is asked of a living process now. */
async function table(daemons) {
  const head = ['NODE', 'PID', 'ID', 'ADDRESS', 'LINKS', 'KNOWN', 'NETWORK', 'SUBNETS', 'IN', 'OUT'];
  const rows = await Promise.all(
    daemons.map(async (daemon) => {
      const { code, rows: found } = await daemon.run('status');
      const s = found[0];
      if (code !== 0 || !s?.running) return [daemon.name, '-', '-', '-', 'not running', '', '', '', '', ''];
      const own = s.own[0] ?? '-';
      return [
        daemon.name,
        s.pid,
        s.id.slice(0, 8),
        own,
        s.connections,
        s.known,
        `~${Math.round(s.size)}`,
        s.subnets.join(' ') || '-',
        s.rx,
        s.tx,
      ];
    }),
  );
  const all = [head, ...rows].map((row) => row.map(String));
  const widths = head.map((_, i) => Math.max(...all.map((row) => row[i].length)));
  console.log();
  for (const row of all)
    console.log(
      `  ${row
        .map((cell, i) => cell.padEnd(widths[i]))
        .join('  ')
        .trimEnd()}`,
    );
  console.log();
}

async function main() {
  const { values } = parseArgs({
    options: {
      nodes: { type: 'string', default: '6' },
      keep: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return console.log(HELP);
  const count = Number(values.nodes);
  if (!Number.isInteger(count) || count < 3 || count > 20)
    throw new TypeError(`--nodes: 3 to 20, not ${values.nodes}`);
  const made = spawnSync(process.execPath, [join(root, 'scripts', 'test.mjs'), '--ready'], {
    stdio: 'inherit',
  });
  if (made.status !== 0) throw new Error('installing or building failed; see above');

  const folder = mkdtempSync(join(tmpdir(), 'peernet-'));
  const daemons = Array.from({ length: count }, (_, i) => new Daemon(`node${i + 1}`, folder));
  let ended = false;
  const end = async () => {
    if (ended) return;
    ended = true;
    await Promise.all(daemons.map((daemon) => daemon.run('close')));
    rmSync(folder, { recursive: true, force: true });
  };
  for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => void end().then(() => process.exit(130)));
  let kept = false;
  try {
    await story(daemons);
    await table(daemons);
    kept = values.keep === true;
  } finally {
    if (!kept) await end();
  }
  if (!kept) return say('all daemons are closed and their folders gone');
  const peernet = `node ${cli}`;
  console.log(`The network is still up. For example:

  export PEERNET_PATH=${daemons[1].path}
  ${peernet} peers            # whom it is connected to
  ${peernet} search chat
  ${peernet} doctor
  kill -9 ${daemons[2].pid}                  # ${daemons[2].name}; then look at peers again

To end it:

  for n in ${folder}/node*; do ${peernet} close -d $n; done; rm -r ${folder}`);
}

try {
  await main();
} catch (error) {
  console.error(
    error instanceof TypeError ? `${error.message}\n${HELP}` : `npm start failed: ${error.message}`,
  );
  process.exitCode = error instanceof TypeError ? 2 : 1;
}
