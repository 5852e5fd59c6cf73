// Commands about own services: listen unlisten servers.
import { resolve } from 'node:path';
import { exit, Failure, usage } from '../exit.js';
import type { Column } from '../render.js';
import type { Remembered, ServiceRow } from '../services.js';
import { type Command, type OptionValues, portOption } from './command.js';

/** What people call the protocols. */
const protocols: Readonly<Record<string, 'ws' | 'wss' | 'tcp'>> = {
  ws: 'ws',
  wsock: 'ws',
  websocket: 'ws',
  wss: 'wss',
  tcp: 'tcp',
};

function protocolOf(name: string): 'ws' | 'wss' | 'tcp' {
  const protocol = Object.hasOwn(protocols, name) ? protocols[name] : undefined;
  if (protocol !== undefined) return protocol;
  throw usage(
    `${name} is no protocol to listen for`,
    'there are: ws (also called wsock or websocket), wss, tcp',
  );
}

/** `:::48832`, as the specification has it. */
function place({ host, port }: ServiceRow): string {
  return `${host}:${port}`;
}

export const listen: Command = {
  name: 'listen',
  args: '[PROTOCOL]',
  about: 'Create a service for PROTOCOL, optionally on a `--port`.',
  options: [
    { flags: '-p, --port <PORT>', about: 'The port; any free one if it is not given.' },
    { flags: '--host <IP>', about: 'The interface to listen on; all if it is not given.' },
    {
      flags: '--announce <ADDR>',
      about: 'An address to tell others, if discovery cannot find it.',
      many: true,
    },
    { flags: '--cert <FILE>', about: 'Certificate (PEM): serve wss.' },
    { flags: '--key <FILE>', about: 'Its private key (PEM).' },
  ],
  examples: [
    'peernet listen ws',
    'peernet listen ws --port 4000',
    'peernet listen tcp --host 127.0.0.1',
    'peernet listen ws --port 443 --cert cert.pem --key key.pem --announce wss://peer.example',
  ],
  notes:
    'PROTOCOL is ws if it is not given. Prints ADDRESS:PORT. The service is remembered and comes back at that port.',
  async run({ io, print, daemon }, [name = 'ws'], options) {
    const wanted = wantedService(protocolOf(name), options, io.cwd);
    const row = await (await daemon()).call('listen', wanted);
    print.line(place(row), row);
    return exit.ok;
  },
};

function wantedService(protocol: 'ws' | 'wss' | 'tcp', options: OptionValues, cwd: string): Remembered {
  const { host, announce, cert, key } = options as {
    host?: string;
    announce?: string[];
    cert?: string;
    key?: string;
  };
  if ((cert === undefined) !== (key === undefined)) throw usage('--cert and --key belong together');
  if (cert !== undefined && protocol === 'tcp') throw usage('--cert and --key are for ws', 'tcp needs none');
  if (cert === undefined && protocol === 'wss')
    throw usage('wss needs a certificate', 'type: peernet listen wss --cert FILE --key FILE');
  return {
    protocol: protocol === 'wss' ? 'ws' : protocol,
    port: portOption(options) ?? 0,
    ...(host === undefined ? {} : { host }),
    ...(announce === undefined ? {} : { announce }),
    // The daemon lives in another folder.
    ...(cert === undefined || key === undefined ? {} : { cert: resolve(cwd, cert), key: resolve(cwd, key) }),
  };
}

export const unlisten: Command = {
  name: 'unlisten',
  args: '<PROTOCOL|:PORT>',
  about: 'End the services of PROTOCOL, or the one at PORT.',
  examples: ['peernet unlisten ws', 'peernet unlisten :48832'],
  notes: 'They are forgotten, too. Exit code 4 if there is none.',
  async run({ print, daemon }, [which = '']) {
    const port = /^:?([0-9]{1,5})$/.exec(which)?.[1];
    const params = port === undefined ? { protocol: protocolOf(which) } : { port: portOption({ port }) ?? 0 };
    const { closed } = await (await daemon()).call('unlisten', params);
    if (closed.length === 0)
      throw new Failure(`no service ${which}`, { code: 'NOT_FOUND', hint: 'type: peernet servers' });
    for (const row of closed) {
      print.say(`ended ${row.protocol} at ${place(row)}`);
      if (print.json) print.line('', { ...row, state: 'ended' });
    }
    return exit.ok;
  },
};

/** What a service does that does not listen. */
export function waits({ why }: ServiceRow): string {
  return why === undefined || why.code === 'PORT_IN_USE'
    ? 'waits for its port'
    : 'waits, see: peernet doctor';
}

const columns: readonly Column<ServiceRow>[] = [
  { title: 'PROTOCOL', cell: (row) => row.protocol },
  { title: 'LISTENS AT', cell: place },
  {
    title: 'ADDRESS',
    cell: (row) => row.address || waits(row),
    plain: (row) => row.address || '-',
  },
];

export const servers: Command = {
  name: 'servers',
  about: 'Show all local services.',
  notes: 'In a pipe: protocol, ADDRESS:PORT, a local address; tabs between.',
  async run({ print, daemon }) {
    const { services } = await (await daemon()).call('servers', {});
    print.table(services, columns);
    if (services.length === 0) print.say('no service; type: peernet listen ws');
    return exit.ok;
  },
};
