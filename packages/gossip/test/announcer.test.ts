import { signRecord } from '@peernet/core';
import { describe, expect, it } from 'vitest';
import { TUNING } from '../src/defaults.js';
import { encodeRecord, encodeShuffle } from '../src/wire.js';
import { Bench, heard, startMs, wallMs } from './machine.js';

describe('own addresses', () => {
  it('are probed, and enter the record when our own key answered; neighbours are told', () => {
    const bench = new Bench({ bootstrap: false });
    const key = bench.visit(bench.remote('a'));
    expect(bench.machine.record(bench.nowMs)).toMatchObject({ dialable: false, addresses: [] });
    bench.makeDialable();
    expect(bench.machine.record(bench.nowMs)).toMatchObject({
      dialable: true,
      addresses: ['ws://5.5.5.5:4000'],
    });
    bench.pass(0);
    expect(bench.to(key, 'record').at(-1)?.self.record.addresses).toEqual(['ws://5.5.5.5:4000']);
    expect(bench.eventsOf('own').at(-1)?.addresses).toEqual(['ws://5.5.5.5:4000']);
    expect(bench.machine.own()).toEqual([{ address: 'ws://5.5.5.5:4000', verified: true }]);
  });

  it('that answer with another key, or not at all, do not', () => {
    for (const how of ['other', 'nobody']) {
      const bench = new Bench({ bootstrap: false });
      const services = [{ scheme: 'ws', host: '5.5.5.5', port: 4000 }];
      bench.handle({ type: 'listening', services, interfaces: ['5.5.5.5'] });
      bench.pass(0);
      if (how === 'nobody') bench.fail(bench.lastDial);
      else {
        const key = bench.dialed(bench.lastDial, bench.remote('a'));
        expect(bench.closed.get(key)).toBe('DONE');
        expect(bench.to(key, 'hello')).toMatchObject([{ purpose: 'probe' }]);
      }
      expect(bench.machine.record(bench.nowMs).dialable).toBe(false);
    }
  });

  describe('stay proven', () => {
    /** Two hours of a node that can be dialed, at which each look finds our own key; `meanwhile` has come before. */
    function after(meanwhile: (bench: Bench) => void): boolean {
      const bench = new Bench({ bootstrap: false, intervalMs: 0 });
      for (const name of ['x', 'y', 'z']) bench.visit(bench.remote(name));
      bench.makeDialable();
      meanwhile(bench);
      bench.dials.length = 0;
      for (let i = 0; i < 7_200; i++) {
        bench.pass(1_000);
        for (const dial of bench.dials.splice(0)) {
          if (dial.address === 'ws://5.5.5.5:4000') bench.fail(dial, 'SELF');
        }
      }
      return bench.machine.record(bench.nowMs).dialable;
    }

    it('whoever else we have dialed in their address group', () => {
      const dialTwo = (bench: Bench): void => {
        for (const ip of ['5.5.1.1', '5.5.2.1']) {
          const remote = bench.remote(ip, { address: `ws://${ip}:4000` });
          bench.handle({ type: 'connect', request: 1, address: remote.address });
          bench.answer(bench.lastDial, remote);
        }
      };
      expect(after(dialTwo)).toBe(true);
    });

    it('while as many dials are under way as may be', () => {
      const dialSilence = (bench: Bench): void => {
        for (let i = 0; i < 8; i++)
          bench.handle({ type: 'connect', request: i, address: `ws://${20 + i}.1.1.1:4000` });
      };
      expect(after(dialSilence)).toBe(true);
    });
  });

  it('are signed anew every half day, whatever fraction of a millisecond the first time had', () => {
    const halfDayMs = 43_200_000;
    for (let i = 0; i < 40; i++) {
      const bench = new Bench({ bootstrap: false, intervalMs: 0, announce: ['wss://example.com:443'] });
      bench.pass(i / 7);
      const first = bench.machine.record(bench.nowMs).seq;
      for (let hour = 0; hour < 37; hour++) bench.pass(3_600_000);
      const { seq } = bench.machine.record(bench.nowMs);
      expect(seq - first).toBeGreaterThan(2.9 * halfDayMs);
    }
  });

  it('that were announced need no proof', () => {
    const bench = new Bench({ announce: ['wss://example.com:443'] });
    expect(bench.machine.record(startMs)).toMatchObject({
      dialable: true,
      addresses: ['wss://example.com:443'],
    });
    expect(bench.count('linksMax')).toBe(128);
  });

  it('are learned from whoever dialed them', () => {
    const bench = new Bench({ bootstrap: false });
    bench.handle({
      type: 'listening',
      services: [{ scheme: 'ws', host: '0.0.0.0', port: 4000 }],
      interfaces: [],
    });
    const remote = bench.remote('a');
    const key = bench.arrive(remote);
    bench.hello(key, remote, { dialed: 'ws://7.7.7.7:4000' });
    bench.pass(0);
    expect(bench.dials.map(({ address }) => address)).toContain('ws://7.7.7.7:4000');
  });

  it('are not learned from whom we dialed ourselves', () => {
    const bench = new Bench({ bootstrap: false });
    const remote = bench.remote('a');
    bench.handle({ type: 'connect', request: 1, address: remote.address });
    const key = bench.dialed(bench.lastDial, remote);
    bench.hello(key, remote, { dialed: 'ws://66.6.6.6:4000' });
    const dials = (): string[] => bench.dials.map(({ address }) => address);
    bench.pass(10_000);
    expect(dials()).not.toContain('ws://66.6.6.6:4000');
    const other = bench.remote('b');
    bench.hello(bench.arrive(other), other, { dialed: 'ws://66.6.6.6:4000' }); // the control
    bench.pass(10_000);
    expect(dials()).toContain('ws://66.6.6.6:4000');
  });

  describe('and relays in their stead', () => {
    /** We have dialed somebody who can be dialed; with `service` while our own probe is under way. */
    function joined(service: boolean) {
      const bench = new Bench({ bootstrap: false, webrtc: true });
      if (service) {
        const services = [{ scheme: 'ws', host: '5.5.5.5', port: 4000 }];
        bench.handle({ type: 'listening', services, interfaces: ['5.5.5.5'] });
        bench.pass(0);
      }
      const probe = bench.dials.at(-1);
      const remote = bench.remote('a');
      bench.handle({ type: 'connect', request: 1, address: remote.address });
      const key = bench.answer(bench.lastDial, remote);
      bench.pass(0);
      const told = () => bench.to(key, 'record').map(({ self }) => self.record);
      return { bench, probe, told };
    }

    it('are named at once by who does not listen', () => {
      expect(joined(false).told()).toMatchObject([{ addresses: [], relays: [{}] }]);
    });

    it('wait for the proof by who does: the addresses are what neighbours hear first', () => {
      const { bench, probe, told } = joined(true);
      expect(told()).toEqual([]);
      if (probe !== undefined) bench.fail(probe, 'SELF');
      bench.pass(0);
      expect(told()).toMatchObject([{ addresses: ['ws://5.5.5.5:4000'], relays: [] }]);
      bench.pass(20_000);
      expect(told()).toHaveLength(1);
    });

    it('are named when the proof does not come', () => {
      const { bench, probe, told } = joined(true);
      if (probe !== undefined) bench.fail(probe, 'DIAL_TIMEOUT');
      bench.pass(10_000);
      expect(told()).toMatchObject([{ addresses: [], relays: [{}] }]);
    });
  });

  it('RECORD goes to each neighbour at most once in 10 s', () => {
    const bench = new Bench({ bootstrap: false });
    const key = bench.visit(bench.remote('a'));
    for (let i = 0; i < 20; i++) {
      bench.handle({
        type: 'listening',
        services: [{ scheme: 'ws', host: '0.0.0.0', port: 4000, announce: [`ws://7.7.7.${i}:4000`] }],
        interfaces: [],
      });
      bench.pass(1_000);
    }
    expect(bench.to(key, 'record').length).toBeLessThanOrEqual(3);
    bench.pass(10_000);
    expect(bench.to(key, 'record').at(-1)?.self.record.addresses).toContain('ws://7.7.7.19:4000');
  });

  it('the record is signed anew twice a day, each time with a higher seq', () => {
    const bench = new Bench({
      bootstrap: false,
      connections: 0,
      intervalMs: 0,
      tuning: { congestedMs: 1e12 },
    });
    const first = bench.machine.record(bench.nowMs).seq;
    bench.nowMs += 43_100_000;
    expect(bench.machine.record(bench.nowMs).seq).toBe(first);
    bench.nowMs += 200_000;
    expect(bench.machine.record(bench.nowMs).seq).toBeGreaterThan(first);
  });

  it('seq begins above the one of an earlier run', () => {
    const bench = new Bench({ seq: wallMs + 80_000_000 });
    expect(bench.machine.record(startMs).seq).toBe(wallMs + 80_000_001);
  });

  describe('under a calendar that was wrong', () => {
    const yearMs = 31_536_000_000;

    /** Whether somebody whose calendar is right takes our record. */
    const isTaken = ({ machine, nowMs }: Bench): boolean => {
      const trueMs = wallMs + nowMs - startMs;
      return Math.abs(machine.record(nowMs).seq - trueMs) <= TUNING.skewMs;
    };

    it('of an earlier run, and was years ahead: seq begins with the calendar', () => {
      const bench = new Bench({ seq: wallMs + yearMs, bootstrap: false });
      expect(isTaken(bench)).toBe(true);
      // An old record of ours from then comes back to us.
      const record = signRecord(bench.crypto, { ...bench.machine.record(bench.nowMs), seq: wallMs + yearMs });
      const key = bench.visit(bench.remote('a'));
      bench.message(key, encodeShuffle({ answer: false, degree: 1, records: [heard(record)] }));
      bench.pass(60_000);
      expect(isTaken(bench)).toBe(true);
    });

    it.each([
      ['behind', -yearMs],
      ['ahead', yearMs],
    ])('%s, and is set: the record is signed anew, and neighbours are told', (_, wrongMs) => {
      let offMs = wrongMs;
      const bench: Bench = new Bench({
        bootstrap: false,
        wall: () => wallMs + offMs + bench.nowMs - startMs,
      });
      const key = bench.visit(bench.remote('a'));
      bench.pass(60_000);
      expect(isTaken(bench)).toBe(false);
      expect(bench.to(key, 'record')).toEqual([]);
      offMs = 0;
      bench.pass(20_000);
      expect(isTaken(bench)).toBe(true);
      expect(bench.to(key, 'record').at(-1)?.self.record.seq).toBe(bench.machine.record(bench.nowMs).seq);
    });

    it.each([
      ['behind', -yearMs],
      ['ahead', yearMs],
    ])('%s, and stays so: it is signed by that of the neighbours, if three of them agree', (_, offMs) => {
      for (const voices of [2, 3]) {
        const bench: Bench = new Bench({
          bootstrap: false,
          wall: () => wallMs + offMs + bench.nowMs - startMs,
        });
        for (const name of ['a', 'b', 'c'].slice(0, voices)) {
          const remote = bench.remote(name);
          bench.hello(bench.arrive(remote), remote, { wallMs: wallMs + bench.nowMs - startMs });
        }
        bench.pass(20_000);
        expect(isTaken(bench)).toBe(voices === 3);
      }
    });

    it.each([
      ['with the last number that there is', Number.MAX_SAFE_INTEGER, false],
      ['years ahead: the control', wallMs + 10 * yearMs, true],
    ])(
      'told by three strangers, %s: no seq that the next process could not go above',
      (_, saidMs, isHeard) => {
        const bench = new Bench({ bootstrap: false });
        for (const name of ['a', 'b', 'c']) {
          const remote = bench.remote(name);
          bench.hello(bench.arrive(remote), remote, { wallMs: saidMs });
        }
        bench.pass(20_000);
        expect(isTaken(bench)).toBe(!isHeard);
        const seqs = bench.events.flatMap((event) => (event.type === 'seq' ? [event.seq] : []));
        expect(Math.max(...seqs)).toBeLessThan(2 ** 52);
      },
    );
  });
});

describe('what an inbound neighbour claims', () => {
  it('is probed once, and told to others only then', () => {
    const bench = new Bench({ connections: 0 });
    const remote = bench.remote('a');
    bench.visit(remote);
    bench.pass(0);
    expect(bench.dials).toMatchObject([{ address: remote.address, expect: remote.id }]);
    expect(bench.store.get(remote.address)?.verified ?? false).toBe(false);
    const key = bench.dialed(bench.lastDial, remote);
    expect(bench.closed.get(key)).toBe('DONE');
    expect(bench.to(key, 'hello')).toMatchObject([{ purpose: 'probe' }]);
    expect(bench.store.get(remote.address)).toMatchObject({ verified: true, id: remote.id });
    bench.pass(600_000);
    expect(bench.dials).toHaveLength(1);
  });

  it('is not probed in a narrower network than it comes from, nor unless it is a neighbour', () => {
    const bench = new Bench({ connections: 0 });
    bench.visit(bench.remote('liar', { address: 'ws://10.0.0.7:4000' }));
    const app = bench.remote('app');
    const key = bench.arrive(app);
    bench.hello(key, app, { purpose: 'app' });
    bench.message(key, encodeRecord(heard(app.record)));
    bench.pass(600_000);
    expect(bench.dials).toEqual([]);
    bench.visit(bench.remote('lan', { address: 'ws://10.0.0.7:4000' }), 5, { scope: 'private' }); // the control
    bench.pass(0);
    expect(bench.dials).toMatchObject([{ address: 'ws://10.0.0.7:4000' }]);
  });

  it('of another host than it comes from is probed once in five minutes, whoever claims which', () => {
    const bench = new Bench({ connections: 0, tuning: { linksMax: 100 } });
    const remoteAddress = 'tcp://9.9.9.9:40000';
    for (let i = 0; i < 12; i++)
      bench.visit(bench.remote(`liar${i}`, { address: `ws://${60 + i}.6.6.6:4000` }), 5, { remoteAddress });
    const atMs: number[] = [];
    for (let second = 0; second < 1_800; second++) {
      bench.pass(1_000);
      for (const dial of bench.dials.splice(0)) {
        atMs.push(bench.nowMs);
        bench.fail(dial);
      }
    }
    expect(atMs.length).toBeGreaterThanOrEqual(5);
    expect(atMs.length).toBeLessThanOrEqual(7);
    for (const [i, at] of atMs.slice(1).entries()) expect(at - (atMs[i] as number)).toBeGreaterThan(299_000);
  });

  it.each([
    ['who have gone', true],
    ['who stay', false],
  ] as const)('is probed however many claims of liars wait, %s', (_, isGone) => {
    const bench = new Bench({ connections: 0 });
    bench.makeDialable();
    for (let i = 0; i < 64; i++) {
      const liar = bench.remote(`liar${i}`, { address: `ws://${60 + i}.6.6.6:4000` });
      const key = bench.visit(liar, 5, { remoteAddress: `tcp://12.2.2.2:${5000 + i}` });
      expect(bench.kindOf(key)).toBe('overlay');
      if (isGone) bench.handle({ type: 'linkDown', key, reason: 'LOST' });
    }
    const honest = bench.remote('honest');
    bench.visit(honest);
    bench.pass(0);
    expect(bench.dials.map(({ address }) => address)).toContain(honest.address);
  });

  it('waits in a queue of bounded length', () => {
    const bench = new Bench({ connections: 0, tuning: { linksMax: 100, probesWaitingMax: 20 } });
    for (let i = 0; i < 60; i++) bench.visit(bench.remote(`n${i}`));
    for (let i = 0; i < 100; i++) {
      bench.pass(100);
      for (const dial of bench.dials) bench.fail(dial);
    }
    expect(bench.count('probes')).toBe(20);
  });

  it('dies here if it is false', () => {
    const bench = new Bench({ connections: 0 });
    const liar = bench.remote('liar', { address: 'ws://66.6.6.6:4000' });
    bench.visit(liar);
    bench.pass(0);
    bench.fail(bench.lastDial, 'WRONG_PEER');
    bench.visit(bench.remote('b'));
    bench.pass(600_000);
    for (const { message } of bench.sent) {
      if (message.kind !== 'shuffle' && message.kind !== 'link') continue;
      expect(message.records.map(({ record }) => record.id)).not.toContain(liar.id);
    }
  });

  it('is probed at one host once a minute, whoever claims it', () => {
    const bench = new Bench({ connections: 0, tuning: { linksMax: 100 } });
    for (let i = 0; i < 50; i++)
      bench.visit(bench.remote(`liar${i}`, { address: `ws://66.6.6.6:${5000 + i}` }));
    bench.pass(59_000);
    expect(bench.dials).toHaveLength(1);
  });

  it('waits until its host may be dialed again: others live there, too', () => {
    const bench = new Bench({ connections: 0 });
    const remotes = [1, 2].map((i) => bench.remote(`n${i}`, { address: `ws://66.6.6.6:${5000 + i}` }));
    for (const remote of remotes) bench.visit(remote);
    bench.pass(1_000);
    bench.dialed(bench.lastDial, remotes[0] as never);
    bench.pass(61_000);
    expect(bench.dials.map(({ address }) => address)).toEqual(remotes.map(({ address }) => address));
  });

  it('has probes of 10 per second with a burst of 20, and 16 at a time', () => {
    const bench = new Bench({ connections: 0, tuning: { linksMax: 100 } });
    for (let i = 0; i < 60; i++) bench.visit(bench.remote(`n${i}`));
    bench.pass(0);
    expect(bench.dials.length).toBe(16);
    for (const dial of [...bench.dials]) bench.fail(dial);
    bench.pass(0);
    expect(bench.dials.length).toBe(20);
    for (let i = 0; i < 10; i++) {
      for (const dial of [...bench.dials]) bench.fail(dial);
      bench.pass(100);
    }
    expect(bench.dials.length).toBeGreaterThan(27);
    expect(bench.dials.length).toBeLessThanOrEqual(30);
  });
});
