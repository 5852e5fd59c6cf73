// Commands about subnets: join part subnets search.
import { exit, Failure } from '../exit.js';
import { type Command, countOption, timeoutOption } from './command.js';

export const join: Command = {
  name: 'join',
  args: '<SUBNET...>',
  about: 'Join SUBNET: respond to searches for SUBNET peers.',
  examples: ['peernet join chat', 'peernet join chat news'],
  notes: 'Membership is remembered.',
  async run({ daemon }, names) {
    await (await daemon()).call('join', { names });
    return exit.ok;
  },
};

export const part: Command = {
  name: 'part',
  args: '<SUBNET...>',
  about: 'Part SUBNET: stop responding to searches for SUBNET peers.',
  examples: ['peernet part chat'],
  async run({ daemon }, names) {
    await (await daemon()).call('part', { names });
    return exit.ok;
  },
};

export const subnets: Command = {
  name: 'subnets',
  about: 'Print subnet membership, one per line.',
  async run({ print, daemon }) {
    const client = await daemon();
    await client.call('subnets', {}, { onRow: ({ key }) => print.line(key, { subnet: key }) });
    return exit.ok;
  },
};

export const search: Command = {
  name: 'search',
  args: '<SUBNET>',
  about: 'Search for peers that belong to SUBNET, printing addresses per line.',
  options: [
    { flags: '-l, --limit <COUNT>', about: 'End after that many.' },
    { flags: '-t, --timeout <SECONDS>', about: 'End after that time.' },
  ],
  examples: ['peernet search chat', 'peernet search --limit 1 chat', 'peernet search --json chat'],
  notes: 'Ends by itself: exit code 0 if somebody was found, 4 if nobody was.',
  async run({ io, print, daemon }, [name = ''], options) {
    const [limit, timeoutMs] = [countOption(options, 'limit'), timeoutOption(options)];
    const client = await daemon();
    const abort = new AbortController();
    const stop = io.onInterrupt(() => abort.abort());
    try {
      const { rows, connections } = await client.call(
        'search',
        {
          name,
          ...(limit === undefined ? {} : { limit }),
          ...(timeoutMs === undefined ? {} : { timeoutMs }),
        },
        {
          signal: abort.signal,
          onRow: ({ hash, ...row }) => print.line(row.address, { subnet: hash, ...row }),
        },
      );
      if (rows > 0) return exit.ok;
      const hint = connections === 0 ? 'no peer is connected; type: peernet connect ADDR' : undefined;
      throw new Failure(`nobody was found in ${name}`, { code: 'NOT_FOUND', hint });
    } finally {
      stop();
    }
  },
};
