// Own addresses: scenarios of real networks, what liars can do in them, and the limits.
import { ipLimitKeys, parseAddress, parseIp, seededRandom } from '@peernet/core';
import { describe, expect, test } from 'vitest';
import { TUNING } from '../src/defaults.js';
import { ForeignLooks } from '../src/machine/foreign-looks.js';
import { ObservedIp } from '../src/machine/observed-ip.js';
import { OWN_ADDRESSES, OwnAddresses, type OwnService } from '../src/machine/own-addresses.js';

const group = (ip: string): string =>
  ipLimitKeys(parseIp(ip) as NonNullable<ReturnType<typeof parseIp>>).group;

const foreignEveryMs = TUNING.foreignProbeEveryMs;
const looks = (seed = 1): ForeignLooks =>
  new ForeignLooks({ random: seededRandom(seed), everyMs: foreignEveryMs, nowMs: 0 });

/** The machine, and a world in which some addresses lead to us. */
class Scene {
  readonly own: OwnAddresses;
  readonly toUs: Set<string>;
  readonly probes: { address: string; atMs: number }[] = [];
  nowMs = 0;

  constructor(options: { lan?: boolean; announce?: string[]; toUs?: string[] } = {}) {
    const { lan = false, announce = [], toUs = [] } = options;
    this.own = new OwnAddresses({ random: seededRandom(1), lan, announce, nowMs: 0, foreign: looks() });
    this.toUs = new Set(toUs);
  }

  listen(services: OwnService[], interfaces: string[]): this {
    this.own.listening(services, interfaces, this.nowMs);
    return this;
  }

  /** Serves the deadline; probes take 100 ms. */
  run(ms: number): this {
    const endMs = this.nowMs + ms;
    for (let turns = 0; this.own.deadline() <= endMs; turns++) {
      if (turns > 20_000) throw new Error(`it spins at ${this.nowMs}`);
      this.nowMs = Math.max(this.nowMs, this.own.deadline());
      this.own.tick(this.nowMs);
      const list = this.own.probes(this.nowMs);
      for (const address of list) {
        this.probes.push({ address, atMs: this.nowMs });
        this.own.probed(address, this.toUs.has(address), this.nowMs + 100);
      }
      if (list.length > 0) this.nowMs += 100;
    }
    this.nowMs = endMs;
    return this;
  }

  /** Peers of these IPs see us as `ip`. */
  seen(ip: string, by: string[], scope: 'global' | 'private' = 'global'): this {
    for (const peer of by) this.own.heardObserved(ip, scope, group(peer), this.nowMs);
    return this;
  }

  /** Peers of these IPs come in and say what they dialed. */
  dialed(address: string, by: string[], scope: 'global' | 'private' | 'loopback' = 'global'): this {
    for (const peer of by) {
      this.own.heardDialed(address, scope, group(peer), this.nowMs);
      this.own.inboundUsed(parseAddress(address)?.port ?? 0, group(peer), this.nowMs);
    }
    return this;
  }
}

const ws: OwnService[] = [{ scheme: 'ws', host: '::', port: 4000 }];
const [peerA, peerB, peerC, peerD, peerE] = ['5.1.1.1', '6.2.2.2', '7.3.3.3', '8.4.4.4', '9.5.5.5'];
const publicIp = '93.184.216.34';
const at = (ip: string): string => `ws://${ip}:4000`;
const victim = '23.45.67.89';

describe('scenarios', () => {
  test('a server with a public interface: known at once, by its own probe', () => {
    const scene = new Scene({ toUs: [at(publicIp)] }).listen(ws, [publicIp]);
    expect(scene.own.own()).toEqual([{ address: at(publicIp), verified: false }]);
    expect(scene.own.record()).toEqual([]);
    scene.run(1_000);
    expect(scene.own.record()).toEqual([at(publicIp)]);
    expect(scene.own.own()).toEqual([{ address: at(publicIp), verified: true }]);
  });

  test('a LAN: private addresses, told to private peers and not to global ones', () => {
    const scene = new Scene({ toUs: [at('192.168.1.5'), at('127.0.0.1')] });
    scene.listen(ws, ['192.168.1.5', '127.0.0.1']).run(1_000);
    expect(scene.own.record('loopback')).toEqual([at('192.168.1.5'), at('127.0.0.1')]);
    expect(scene.own.record('private')).toEqual([at('192.168.1.5')]);
    expect(scene.own.record('global')).toEqual([]);
  });

  test('NAT with a forwarded port and hairpin: seen by two groups, then proven by probe', () => {
    const scene = new Scene({ toUs: [at('192.168.1.5'), at(publicIp)] })
      .listen(ws, ['192.168.1.5'])
      .run(1_000);
    scene.seen(publicIp, [peerA]).run(60_000);
    expect(scene.own.record('global'), 'one group is not enough').toEqual([]);
    scene.seen(publicIp, [peerB]).run(60_000);
    expect(scene.own.record()).toEqual([at(publicIp), at('192.168.1.5')]);
  });

  test('NAT with a forwarded port and no hairpin: proven when somebody came in', () => {
    const scene = new Scene({ toUs: [at('192.168.1.5')] }).listen(ws, ['192.168.1.5']).run(1_000);
    scene.seen(publicIp, [peerA, peerB, peerC]).run(60_000);
    expect(scene.own.record('global')).toEqual([]);
    scene.dialed(at(publicIp), [peerD]).run(60_000);
    expect(scene.own.record('global')).toEqual([at(publicIp)]);
    expect(scene.probes.filter(({ address }) => address === at(publicIp)).length).toBeGreaterThan(0);
  });

  test('NAT without a forwarded port: nothing is announced, LAN peers that come in prove nothing', () => {
    const scene = new Scene({ toUs: [at('192.168.1.5')] }).listen(ws, ['192.168.1.5']).run(1_000);
    scene.seen(publicIp, [peerA, peerB, peerC]);
    scene.own.heardDialed(at('192.168.1.5'), 'private', '192.168.1.9:53211', scene.nowMs);
    scene.own.inboundUsed(4000, '192.168.1.9:53211', scene.nowMs);
    scene.run(3_600_000);
    expect(scene.own.record('global')).toEqual([]);
    scene.own.inboundUsed(4000, group(peerD), scene.nowMs);
    expect(scene.own.record('global'), 'control: a global peer would').toEqual([at(publicIp)]);
  });

  test('docker: everybody comes from the bridge; what they dialed, and where we are seen, still prove it', () => {
    const scene = new Scene({ toUs: [at('172.17.0.2')] }).listen(ws, ['172.17.0.2']).run(1_000);
    scene.own.heardDialed(at(publicIp), 'private', '172.17.0.1:40001', scene.nowMs);
    scene.own.inboundUsed(4000, '172.17.0.1:40001', scene.nowMs);
    scene.run(60_000);
    expect(scene.own.record('global'), 'a word alone').toEqual([]);
    scene.seen(publicIp, [peerA, peerB]);
    expect(scene.own.record('global')).toEqual([at(publicIp)]);
  });

  test('nginx on the same machine: the name that users dial, on another port, once two of them did', () => {
    const name = 'wss://example.org:443';
    const scene = new Scene({ toUs: [name] })
      .listen([{ scheme: 'ws', host: '127.0.0.1', port: 4000 }], [])
      .run(1_000);
    scene.own.heardDialed('wss://Example.org/', 'loopback', '127.0.0.1:50001', scene.nowMs);
    scene.run(60_000);
    expect(scene.probes.map(({ address }) => address)).not.toContain(name);
    scene.own.heardDialed('wss://example.org', 'loopback', '127.0.0.1:50002', scene.nowMs);
    scene.run(foreignEveryMs);
    expect(scene.own.record('global')).toEqual([name]);
  });

  test('… at once if they come in the first minute: they knew us before', () => {
    const name = 'wss://example.org:443';
    const scene = new Scene({ toUs: [name] });
    scene.listen([{ scheme: 'ws', host: '127.0.0.1', port: 4000 }], []).run(1_000);
    for (const by of ['127.0.0.1:50001', '127.0.0.1:50002'])
      scene.own.heardDialed(name, 'loopback', by, scene.nowMs);
    scene.run(1_000);
    expect(scene.own.record('global')).toEqual([name]);
  });

  test('an app with a server of its own has told no port: any, under the scope rule', () => {
    const address = `tcp://${publicIp}:7777`;
    const scene = new Scene({ toUs: [address, 'ws://10.0.0.5:7777'] });
    scene.own.heardDialed('ws://10.0.0.5:7777', 'global', group(peerA), 0);
    scene.dialed(address, [peerA]).run(60_000);
    expect(scene.own.record()).toEqual([address]);
    expect(scene.probes.length).toBe(1);
    scene.own.heardDialed('ws://10.0.0.5:7777', 'private', '10.0.0.6:50000', scene.nowMs);
    scene.run(60_000);
    expect(scene.own.record(), 'control: from a private peer').toEqual([address, 'ws://10.0.0.5:7777']);
  });

  test('in one process: memory addresses', () => {
    const scene = new Scene({ toUs: ['memory:a'] }).dialed('memory:a', [peerA], 'loopback').run(1_000);
    expect(scene.own.record()).toEqual(['memory:a']);
    expect(scene.own.record('global')).toEqual([]);
    const other = new Scene({ toUs: ['memory:b'] })
      .listen([{ scheme: 'memory', host: 'b', port: 0 }], [])
      .run(1_000);
    expect(other.own.record()).toEqual(['memory:b']);
  });

  test('announced addresses need no proof, come first, and are not probed', () => {
    const scene = new Scene({
      announce: ['wss://me.example.org', 'nonsense', 'ws://169.254.169.254:80'],
      toUs: [at('10.0.0.1')],
    });
    scene.listen(
      [{ scheme: 'ws', host: '10.0.0.1', port: 4000, announce: ['tcp://10.9.9.9:9'] }],
      ['10.0.0.1'],
    );
    scene.run(1_000);
    expect(scene.own.record()).toEqual(['wss://me.example.org:443', 'tcp://10.9.9.9:9', at('10.0.0.1')]);
    expect(scene.probes.map(({ address }) => address)).toEqual([at('10.0.0.1')]);
  });

  test('a service bound to one IP or to IPv4 is a candidate only there', () => {
    const interfaces = ['10.0.0.1', '10.0.0.2', 'fd00::7', 'fe80::1', '169.254.3.3'];
    const hosts = (host: string, lan = false): string[] =>
      new Scene({ lan })
        .listen([{ scheme: 'tcp', host, port: 9 }], interfaces)
        .own.own()
        .map(({ address }) => address);
    expect(hosts('10.0.0.2')).toEqual(['tcp://10.0.0.2:9']);
    expect(hosts('0.0.0.0')).toEqual(['tcp://10.0.0.1:9', 'tcp://10.0.0.2:9']);
    expect(hosts('::')).toEqual(['tcp://10.0.0.1:9', 'tcp://10.0.0.2:9', 'tcp://[fd00::7]:9']);
    expect(hosts('::', true)).toContain('tcp://169.254.3.3:9');
  });

  test('the machine moves: what was proven elsewhere is forgotten; an interface more changes nothing', () => {
    const scene = new Scene({ toUs: [at('192.168.1.5'), at(publicIp)] }).listen(ws, ['192.168.1.5']);
    scene.seen(publicIp, [peerA, peerB]).run(60_000);
    scene.listen(ws, ['192.168.1.5', '10.8.0.2']).run(1_000);
    expect(scene.own.record('global')).toEqual([at(publicIp)]);
    scene.toUs.clear();
    scene.listen(ws, ['192.168.77.5']);
    expect(scene.own.record()).toEqual([]);
    scene.run(60_000);
    expect(scene.own.record()).toEqual([]);
  });

  test('the provider gives us another IP: the old one goes, the new one comes', () => {
    const scene = new Scene().listen(ws, ['192.168.1.5']);
    scene.seen(publicIp, [peerA, peerB, peerC, peerD]).dialed(at(publicIp), [peerE]).run(60_000);
    expect(scene.own.record('global')).toEqual([at(publicIp)]);
    const next = '93.184.99.99';
    scene.seen(next, [peerA, peerB, peerC]).dialed(at(next), [peerE]);
    expect(scene.own.record('global')).toEqual([at(next)]);
  });

  test('a service that ends takes its addresses with it', () => {
    const scene = new Scene({ toUs: [at(publicIp)] }).listen(ws, [publicIp]).run(1_000);
    expect(scene.own.record().length).toBe(1);
    expect(scene.listen([], [publicIp]).own.own()).toEqual([]);
  });

  test('a proven address is probed each hour; it goes after two failures, not one', () => {
    const scene = new Scene({ toUs: [at(publicIp)] }).listen(ws, [publicIp]).run(10 * 3_600_000);
    expect(scene.probes.length).toBeGreaterThanOrEqual(8);
    expect(scene.probes.length).toBeLessThanOrEqual(14);
    scene.toUs.clear();
    const before = scene.probes.length;
    while (scene.probes.length === before) scene.run(10_000);
    expect(scene.own.record()).toEqual([at(publicIp)]);
    scene.run(80_000);
    expect(scene.own.record()).toEqual([]);
    expect(scene.own.own()).toEqual([{ address: at(publicIp), verified: false }]);
  });
});

describe('liars', () => {
  test('a lone one makes us announce nothing, whatever it says; control: two groups and a guest do', () => {
    const scene = new Scene({ toUs: [at('192.168.1.5')] }).listen(ws, ['192.168.1.5']).run(1_000);
    for (let i = 0; i < 200; i++) {
      scene.dialed(at(victim), ['66.6.6.6', '66.6.7.8']).seen(victim, ['66.6.6.6', '66.6.99.1']);
      scene.run(60_000);
    }
    expect(scene.own.record('global')).toEqual([]);
    expect(
      scene.own.own().map(({ address }) => address),
      'nor shows it',
    ).not.toContain(at(victim));
    scene.seen(victim, ['77.7.7.7']);
    expect(scene.own.record('global'), 'control').toEqual([at(victim)]);
  });

  test('two groups of liars do not outvote three honest ones', () => {
    const scene = new Scene().listen(ws, ['192.168.1.5']);
    scene.seen(publicIp, [peerA, peerB, peerC]).seen(victim, ['66.6.6.6', '77.7.7.7']);
    scene.dialed(at(victim), ['66.6.6.6', '77.7.7.7']).run(600_000);
    // They came in: so our port is open, under the IP that most see.
    expect(scene.own.record('global')).toEqual([at(publicIp)]);
    scene.seen(victim, ['88.8.8.8', '99.9.9.9']);
    expect(scene.own.record('global'), 'control: four do').toEqual([at(victim)]);
  });

  test('a victim hears little of it: few connects, fewer and fewer', () => {
    const scene = new Scene().listen(ws, ['192.168.1.5']);
    for (let minute = 0; minute < 24 * 60; minute++) {
      scene.dialed(at(victim), ['66.6.6.6', '77.7.7.7']).run(60_000);
    }
    const aimed = scene.probes.filter(({ address }) => address === at(victim)).length;
    expect(aimed).toBeGreaterThan(0); // control: it is probed
    // Forgotten after 4 failures in 21 min and named again: never more than 4 in that time.
    expect(aimed).toBeLessThan(4 * 24 * 4);
  });

  test('do not aim many nodes at one victim at once: each looks at a moment of its own', () => {
    const looksAtMs = Array.from({ length: 300 }, (_, seed) => {
      const foreign = looks(seed);
      return [600_000, 1_800_000].map((nowMs) => foreign.readyAt(nowMs, nowMs) - nowMs);
    });
    for (const again of [0, 1]) {
      const perSecond = new Map<number, number>();
      for (const waits of looksAtMs) {
        const second = Math.floor((waits[again] as number) / 1000);
        perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
      }
      expect(Math.max(...perSecond.keys())).toBeLessThan(foreignEveryMs / 1000);
      expect(Math.max(...perSecond.values())).toBeLessThanOrEqual(8); // one per second in the mean
    }
  });

  test('many victims: one probe in five minutes in all', () => {
    const scene = new Scene().listen(ws, ['192.168.1.5']);
    for (let i = 0; i < 3_600; i++) {
      scene.dialed(at(`23.${i >> 8}.${i & 255}.1`), [`${40 + (i % 60)}.6.6.6`]).run(1_000);
    }
    const aimed = scene.probes.filter(({ address }) => !address.includes('192.168')).length;
    expect(aimed).toBeGreaterThan(8);
    expect(aimed).toBeLessThanOrEqual(1 + 3_600_000 / foreignEveryMs);
  });

  test('many victims that answer nothing for 10 s: as many, however fast others are named meanwhile', () => {
    const scene = new Scene().listen(ws, []);
    let [aimed, under, endMs] = [0, '', 0];
    for (let i = 0; i < 4 * 3_600; i++) {
      scene.nowMs = 250 * i;
      scene.own.heardDialed(at(`23.${i >> 8}.${i & 255}.1`), 'global', `4/${i % 60}`, scene.nowMs);
      if (under !== '' && scene.nowMs >= endMs) {
        scene.own.probed(under, false, scene.nowMs);
        under = '';
      }
      scene.own.tick(scene.nowMs);
      for (const address of scene.own.probes(scene.nowMs)) {
        expect(under, 'one at a time').toBe('');
        [under, endMs] = [address, scene.nowMs + 10_000];
        aimed++;
      }
    }
    expect(aimed).toBeGreaterThan(8);
    expect(aimed).toBeLessThanOrEqual(1 + 3_600_000 / foreignEveryMs);
  });

  test('a victim that two groups name, at ever new ports: as many; control: an IP that all see us under', () => {
    for (const isOurs of [false, true]) {
      const scene = new Scene().listen(ws, ['192.168.1.5']);
      for (let i = 0; i < 600; i++) {
        if (isOurs)
          for (const peer of [peerA, peerB])
            scene.own.heardObserved('66.6.6.6', 'global', group(peer), scene.nowMs);
        scene.dialed(`ws://66.6.6.6:${5_000 + i}`, [peerA, peerB]).run(1_000);
      }
      const aimed = scene.probes.filter(({ address }) => address.includes('66.6.6.6')).length;
      if (isOurs) expect(aimed).toBeGreaterThan(10);
      else expect(aimed).toBeLessThanOrEqual(3);
    }
  });

  test('a flood from one group keeps neither honest candidates out nor proven ones down', () => {
    const scene = new Scene({ toUs: [at(publicIp)] }).listen(ws, ['192.168.1.5']);
    for (let i = 0; i < 500; i++) scene.dialed(at(`23.${i >> 8}.${i & 255}.1`), ['66.6.6.6']);
    scene.dialed(at(publicIp), [peerA]).run(1_200_000);
    expect(scene.own.record('global')).toEqual([at(publicIp)]);
    for (let i = 0; i < 500; i++) scene.dialed(at(`23.${i >> 8}.${i & 255}.1`), [`${40 + (i % 100)}.6.6.6`]);
    scene.run(60_000);
    expect(scene.own.record('global')).toEqual([at(publicIp)]);
  });

  const refused: [string, string, 'global' | 'private'][] = [
    ['loopback told from afar', 'ws://127.0.0.1:4000', 'global'],
    ['loopback told from the LAN', 'ws://127.0.0.1:4000', 'private'],
    ['private told from afar', 'ws://10.0.0.1:4000', 'global'],
    ['metadata service', 'ws://169.254.169.254:4000', 'private'],
    ['a ws name', 'ws://victim.example.org:4000', 'global'],
    ['a tcp name', 'tcp://victim.example.org:4000', 'global'],
    ['a local name', 'wss://printer.local:4000', 'private'],
    ['a mail server', 'tcp://23.45.67.89:25', 'global'],
    ['a signalled address', `wrtc:${'a'.repeat(64)}`, 'global'],
    ['no address', 'ws://0x7f.1:4000', 'global'],
    ['no text', '', 'global'],
  ];
  test.each(refused)('is not even probed: %s', (_, address, scope) => {
    const services = [{ scheme: 'ws', host: '127.0.0.1', port: 25 }];
    const scene = new Scene({ toUs: ['ws://127.0.0.1:25'] }).listen(services, []).run(1_000);
    scene.probes.length = 0;
    const control = 'ws://24.1.1.1:443';
    for (const peer of [peerA, peerB]) {
      scene.own.heardDialed(address, scope, group(peer), scene.nowMs);
      scene.own.heardDialed(control, scope, group(peer), scene.nowMs);
    }
    scene.run(50_000);
    expect(scene.probes.map((probe) => probe.address)).toEqual([control]);
  });

  test('an IP narrower than the link, or none at all, is no vote', () => {
    const scene = new Scene().listen(ws, ['192.168.1.5']);
    for (const ip of ['127.0.0.1', '10.0.0.1', '224.0.0.1', '0.0.0.0', 'x', ''])
      scene.seen(ip, [peerA, peerB]);
    scene.run(10_000);
    expect(scene.probes.map(({ address }) => address)).toEqual([at('192.168.1.5')]);
  });
});

describe('upkeep', () => {
  test('changed() tells once, and only of changes', () => {
    const scene = new Scene({ toUs: [at(publicIp)] });
    expect(scene.own.changed()).toBe(false);
    scene.listen(ws, [publicIp]);
    expect([scene.own.changed(), scene.own.changed()]).toEqual([true, false]);
    scene.run(1_000);
    expect([scene.own.changed(), scene.own.changed()]).toEqual([true, false]);
    scene.seen(publicIp, [peerA, peerB]).run(36_000_000);
    expect(scene.own.changed()).toBe(false);
    expect(new Scene({ announce: [at(publicIp)] }).own.changed()).toBe(true);
  });

  test('a record names at most four, the widest', () => {
    const interfaces = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', publicIp];
    const scene = new Scene({ toUs: interfaces.map(at) }).listen(ws, interfaces).run(600_000);
    expect(scene.own.record().length).toBe(4);
    expect(scene.own.record()[0]).toBe(at(publicIp));
    expect(scene.own.own().length).toBe(6);
  });

  test('at most four probes at a time; one that is never answered counts as failed', () => {
    const interfaces = Array.from({ length: 10 }, (_, i) => `10.0.0.${i + 1}`);
    const own = new OwnAddresses({
      random: seededRandom(1),
      lan: false,
      announce: [],
      nowMs: 0,
      foreign: looks(),
    });
    own.listening(ws, interfaces, 0);
    expect(own.probes(0).length).toBe(OWN_ADDRESSES.probesMax);
    expect(own.probes(0)).toEqual([]);
    expect(own.deadline()).toBe(30_000);
    own.tick(30_000);
    expect(own.probes(30_000).length).toBe(OWN_ADDRESSES.probesMax);
    own.probed('ws://10.0.0.200:4000', true, 30_000); // of something that is none of ours any more
    expect(own.own().some(({ verified }) => verified)).toBe(false);
  });

  test('32 that others named are remembered; when all of them are proven, one more is not heard', () => {
    const named = (i: number): string => `ws://${publicIp}:${5000 + i}`;
    const scene = new Scene({ toUs: Array.from({ length: 33 }, (_, i) => named(i)) });
    for (let i = 0; i < 32; i++) scene.dialed(named(i), [peerA]).run(60_000);
    expect(scene.own.own()).toHaveLength(32);
    scene.dialed(named(32), [peerA]).run(60_000);
    expect(scene.own.own().some(({ address }) => address === named(32))).toBe(false);
  });

  test('one that others named and that is not ours is forgotten after four probes', () => {
    const scene = new Scene().dialed(at(victim), [peerA]).run(30 * 86_400_000);
    expect(scene.probes).toHaveLength(4);
    expect(scene.own.deadline()).toBe(Number.POSITIVE_INFINITY);
  });

  test('without a probe nothing is proven on a port that we do not listen on, nor in a narrow network', () => {
    const scene = new Scene().listen(ws, ['192.168.1.5']);
    scene.seen(publicIp, [peerA, peerB]).dialed(`ws://${publicIp}:5000`, [peerA, peerB]);
    scene.dialed(at(publicIp), [peerA]);
    expect(scene.own.record()).toEqual([at(publicIp)]); // the control
    const lan = new Scene().listen(ws, ['192.168.1.5']);
    lan.seen('192.168.1.9', [peerA, peerB], 'private').dialed(at('192.168.1.9'), [peerA, peerB], 'private');
    expect(lan.own.record()).toEqual([]);
  });

  test('evidence is a day old at most', () => {
    const scene = new Scene().listen(ws, ['192.168.1.5']);
    scene.seen(publicIp, [peerA, peerB]);
    scene.own.inboundUsed(4000, group(peerA), 0);
    expect(scene.run(80_000_000).own.record('global')).toEqual([at(publicIp)]);
    expect(scene.run(10_000_000).own.record('global')).toEqual([]);
  });

  test('votes: one of each group and version, the latest nine decide', () => {
    const observed = new ObservedIp();
    const ip = (text: string) => parseIp(text) as NonNullable<ReturnType<typeof parseIp>>;
    observed.vote(ip(publicIp), 'a', 0);
    observed.vote(ip(publicIp), 'a', 1);
    expect(observed.isNamed(publicIp)).toBe(false);
    observed.vote(ip('2606:4700::1'), 'a', 2);
    observed.vote(ip(publicIp), 'b', 3);
    expect([observed.isNamed(publicIp), observed.isBelieved(publicIp)]).toEqual([true, true]);
    for (let i = 0; i < 5; i++) observed.vote(ip(victim), `v${i}`, 4);
    expect([observed.isNamed(publicIp), observed.isBelieved(publicIp)]).toEqual([true, false]);
    for (let i = 0; i < 200; i++) observed.vote(ip(publicIp), `w${i}`, 5);
    expect(observed.isBelieved(publicIp)).toBe(true);
    observed.expire(86_400_005);
    expect([observed.isNamed(publicIp), observed.deadline()]).toEqual([false, Number.POSITIVE_INFINITY]);
  });
});
