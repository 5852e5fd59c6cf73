// What a host says of itself holds: what is left of a process that has ended is nothing that the next one would hear of,
// and no link is wider than the network that it sits in.
import type { Scope, SignalEvents, Signaller, SignalPath } from '@peernet/core';
import { expect, test } from 'vitest';
import { createWorld, type Host, type SimLink } from '../src/index.js';

/** A host that crashes at 100 ms in the middle of what it does, and restarts in the same ms. */
function crashing({ crashes }: { crashes: boolean }) {
  const world = createWorld({ seed: 1 });
  const network = world.network();
  const [host, other] = [network.host(), network.host()] as [Host, Host];
  other.onLink = () => {};
  const heard: string[] = [];
  host.clock.alarm(host.clock.now() + 100, () => {
    if (crashes) host.crash();
    // Code that has not noticed yet goes on until it returns.
    host.clock.alarm(host.clock.now() + 1_000, () => heard.push('alarm'));
    host.dialNow(other.address, {}, () => heard.push('dial'));
  });
  world.at(100, () => {
    if (crashes) host.restart();
  });
  world.run(30_000);
  return { heard, links: host.links.size };
}

test('what a process begins as it ends is void for the next one', () => {
  expect(crashing({ crashes: true })).toEqual({ heard: [], links: 0 });
});

test('control: a process that does not end hears of both', () => {
  const { heard, links } = crashing({ crashes: false });
  expect([heard.sort(), links]).toEqual([['alarm', 'dial'], 1]);
});

/** Paths of a network in which everybody finds everybody at once. */
function signallers(hosts: readonly Host[]): Signaller[] {
  const servers = new Map<Host, Parameters<Signaller['serve']>[0]>();
  const end = (from: Host, to: SignalEvents | undefined): SignalPath => ({
    peer: from.id,
    scope: 'global',
    send: (signal) => {
      from.world.after(1, () => to?.onSignal(signal));
      return true;
    },
    close: () => {},
  });
  return hosts.map((host) => ({
    introduce: (id, _, events) => {
      const target = hosts.find((other) => other.id === id) as Host;
      return end(target, servers.get(target)?.(end(host, events)));
    },
    serve: (onPath) => {
      servers.set(host, onPath);
      return () => servers.delete(host);
    },
  }));
}

/** Scope of a link from a host that sits in one kind of network to one in another. */
function scopeOf(near: Scope, far: Scope, by: 'ws' | 'wrtc'): Scope | undefined {
  const world = createWorld({ seed: 1 });
  const network = world.network();
  const hosts = [network.host({ scope: near }), network.host({ scope: far })] as const;
  const [from, to] = hosts;
  for (const [i, signaller] of signallers(hosts).entries()) (hosts[i] as Host).signaller = signaller;
  to.onLink = () => {};
  let link: SimLink | undefined;
  from.dialNow(by === 'wrtc' ? `wrtc:${to.id}` : to.address, {}, (result) => {
    link = result.link;
  });
  world.run(30_000);
  expect(link?.other.scope).toBe(link?.scope);
  return link?.scope;
}

test.each(['ws', 'wrtc'] as const)('a %s link is as wide as the narrower of its ends', (by) => {
  expect(scopeOf('private', 'global', by)).toBe('private');
  expect(scopeOf('global', 'private', by)).toBe('private');
  expect(scopeOf('global', 'global', by)).toBe('global');
});
