// Commands about peers and their addresses: known own connections peers connect disconnect add rm.
import { idPrefixMin } from '../defaults.js';
import { exit, Failure } from '../exit.js';
import type { Peer } from '../node.js';
import { bytes, type Column, duration } from '../render.js';
import { type Command, timeoutOption } from './command.js';

export const known: Command = {
  name: 'known',
  about: 'Show all known nodes.',
  notes: 'One address per line.',
  async run({ print, daemon }) {
    const client = await daemon();
    await client.call(
      'known',
      {},
      {
        onRow: ({ lastSeen, ...row }) =>
          print.line(
            row.address,
            lastSeen === undefined ? row : { ...row, lastSeen: new Date(lastSeen).toISOString() },
          ),
      },
    );
    return exit.ok;
  },
};

export const own: Command = {
  name: 'own',
  about: 'Show the addresses of own services.',
  notes: 'One dialable address per interface and line, those proven to work from outside first.',
  async run({ print, daemon }) {
    const { addresses } = await (await daemon()).call('own', {});
    for (const address of addresses) print.line(address, { address });
    if (addresses.length === 0) print.say('no service; type: peernet listen ws');
    return exit.ok;
  },
};

export const connections: Command = {
  name: 'connections',
  about: 'Show the active connections.',
  notes: 'One per line: an address, or the id of a peer whose address is not known.',
  async run({ print, daemon }) {
    const { addresses } = await (await daemon()).call('connections', {});
    for (const address of addresses) print.line(address, { address });
    return exit.ok;
  },
};

const columns: readonly Column<Peer>[] = [
  { title: 'ID', cell: (peer) => peer.id.slice(0, idPrefixMin), plain: (peer) => peer.id },
  { title: 'ADDRESS', cell: (peer) => peer.address ?? '-' },
  { title: 'DIR', cell: (peer) => peer.direction },
  { title: 'KIND', cell: (peer) => peer.kind },
  {
    title: 'AGE',
    right: true,
    cell: (peer) => duration(Date.now() - peer.since),
    plain: (peer) => String(Math.max(0, Math.round((Date.now() - peer.since) / 1000))),
  },
  {
    title: 'RTT',
    right: true,
    cell: (peer) => (peer.rtt === undefined ? '-' : `${peer.rtt.toFixed(1)} ms`),
    plain: (peer) => peer.rtt?.toFixed(1) ?? '-',
  },
  { title: 'RX', right: true, cell: (peer) => bytes(peer.rx), plain: (peer) => String(peer.rx) },
  { title: 'TX', right: true, cell: (peer) => bytes(peer.tx), plain: (peer) => String(peer.tx) },
];

export const peers: Command = {
  name: 'peers',
  about: 'Show a table of the connected peers: address, age, round trip, traffic.',
  notes:
    'In a pipe: id, address, direction, kind, age (s), round trip (ms), bytes in, bytes out; tabs between.',
  async run({ print, daemon }) {
    const client = await daemon();
    const rows: Peer[] = [];
    await client.call('peers', {}, { onRow: (row) => rows.push(row) });
    if (print.json)
      for (const row of rows) print.line('', { ...row, since: new Date(row.since).toISOString() });
    else print.table(rows, columns);
    if (rows.length === 0) print.say('no peers; type: peernet doctor');
    return exit.ok;
  },
};

export const connect: Command = {
  name: 'connect',
  args: '<ADDR>',
  about: 'Connect to ADDR.',
  options: [{ flags: '-t, --timeout <SECONDS>', about: 'Give up after that time (exit code 5).' }],
  examples: [
    'peernet connect ws://192.168.1.172:48832',
    'peernet connect --timeout 3 tcp://peer.example:4000',
  ],
  notes: 'Waits until the peer has proven who it is, then remembers the address.',
  async run({ print, daemon }, [address = ''], options) {
    const timeoutMs = timeoutOption(options);
    const client = await daemon();
    const params = timeoutMs === undefined ? { address } : { address, timeoutMs };
    const { id } = await client.call('connect', params);
    print.say(`connected to ${address} (${id.slice(0, idPrefixMin)})`);
    if (print.json) print.line('', { address, id });
    return exit.ok;
  },
};

export const disconnect: Command = {
  name: 'disconnect',
  args: '<ADDR>',
  about: 'Disconnect from ADDR.',
  examples: ['peernet disconnect ws://192.168.1.172:48832', 'peernet disconnect 3f2a91c0'],
  notes: `ADDR may be a peer's id, or ${idPrefixMin} or more digits of it. Stays away for 10 minutes; the address is not forgotten.`,
  async run({ daemon }, [target = '']) {
    const { connected } = await (await daemon()).call('disconnect', { target });
    if (connected) return exit.ok;
    throw new Failure(`not connected to ${target}`, { code: 'NOT_FOUND', hint: 'type: peernet connections' });
  },
};

export const add: Command = {
  name: 'add',
  args: '<ADDR...>',
  about: 'Add ADDR to the address tables without connecting.',
  examples: ['peernet add ws://192.168.1.172:48832 tcp://peer.example:4000'],
  async run({ daemon }, addresses) {
    await (await daemon()).call('add', { addresses });
    return exit.ok;
  },
};

export const rm: Command = {
  name: 'rm',
  args: '<ADDR...>',
  about: 'Remove ADDR from the address tables.',
  examples: ['peernet rm ws://192.168.1.172:48832'],
  notes: 'Other peers cannot bring it back for a day.',
  async run({ daemon }, addresses) {
    await (await daemon()).call('rm', { addresses });
    return exit.ok;
  },
};
