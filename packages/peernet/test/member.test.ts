// What one connection may do besides carrying what it is for.
import type { Connection } from '@peernet/connection';
import type { Clock, Link, PeerId } from '@peernet/core';
import { LinkOverlay } from '@peernet/search';
import { expect, test } from 'vitest';
import { Member } from '../src/member.js';

const id = '07'.repeat(32) as PeerId;

test('a neighbour that opens the search channel again and again does not get new limits each time', () => {
  let nowMs = 0;
  const clock = { now: () => nowMs, wall: () => nowMs, alarm: () => () => {} } satisfies Clock;
  const closed: string[] = [];
  const link = (): Link => ({
    peer: id,
    initiator: false,
    scope: 'global',
    buffered: 0,
    open: () => {},
    send: () => true,
    close: (reason) => void closed.push(reason),
  });
  const connection = { initiator: false, peer: id, closing: false, closed: new Promise(() => {}) };
  const member = new Member({
    connection: connection as unknown as Connection,
    gossipLink: link(),
    scope: 'global',
    address: undefined,
    transport: 'memory',
    clock,
    onConnect: () => {},
    onDisconnect: () => {},
    kindOf: () => undefined,
    provenAddress: () => undefined,
    mayStay: () => true,
  });
  const overlay = new LinkOverlay({ size: () => 1 });
  let ups = 0;
  overlay.subscribe({ up: () => ups++, down: () => {}, message: () => {}, drain: () => {} });
  member.joinOverlay(overlay);
  for (let i = 0; i < 600; i++, nowMs += 100) member.searchArrived(link(), overlay);
  expect(ups).toBeLessThanOrEqual(5);
  expect(closed.filter((reason) => reason === 'RATE')).toHaveLength(600 - ups);
  expect(overlay.neighbours()).toHaveLength(1);
  nowMs += 60_000;
  member.leaveOverlay(overlay, 'DONE');
  member.joinOverlay(overlay);
  member.searchArrived(link(), overlay);
  expect(overlay.neighbours()).toHaveLength(1); // the control: who comes again later is served
});
