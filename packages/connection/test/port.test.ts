import { describe, expect, test } from 'vitest';
import { Port, type PortOwner } from '../src/port.js';
import { HandClock, HandDuplex, turn } from './shells.js';

class Owner implements PortOwner {
  readonly heard: string[] = [];
  onBytes(bytes: Uint8Array): void {
    this.heard.push(`bytes ${bytes.join(' ')}`);
  }
  onDrain(): void {
    this.heard.push('drain');
  }
  onGone(error?: unknown): void {
    this.heard.push(error instanceof Error ? `gone ${error.message}` : 'gone');
  }
}

const make = (): { hand: HandDuplex; owner: Owner; port: Port } => {
  const [hand, owner] = [new HandDuplex(), new Owner()];
  return { hand, owner, port: new Port(hand.asDuplex, owner) };
};

describe('port', () => {
  test('is gone once, whatever comes later', () => {
    const { hand, owner, port } = make();
    hand.emit('data', Uint8Array.of(1));
    hand.emit('drain');
    hand.emit('error', new Error('first'));
    hand.emit('error', new Error('second'));
    hand.emit('data', Uint8Array.of(2));
    hand.emit('drain');
    hand.emit('end');
    hand.emit('close');
    expect(owner.heard).toEqual(['bytes 1', 'drain', 'gone first']);
    expect(port.write(Uint8Array.of(1))).toBe(false);
    expect(hand.output).toHaveLength(0);
    expect([port.bytesIn, port.bytesOut]).toEqual([1, 0]);
  });

  test('a new owner hears from then on', () => {
    const { hand, owner, port } = make();
    const next = new Owner();
    port.handOver(next);
    hand.emit('data', Uint8Array.of(1));
    expect([owner.heard, next.heard]).toEqual([[], ['bytes 1']]);
  });

  test('what a duplex tells from inside write comes after write, in order', async () => {
    const { hand, owner, port } = make();
    hand.write = () => {
      hand.emit('data', Uint8Array.of(1));
      hand.emit('data', Uint8Array.of(2));
      hand.emit('end');
      return true;
    };
    expect(port.write(Uint8Array.of(9))).toBe(true);
    expect(owner.heard).toEqual([]);
    await turn();
    expect(owner.heard).toEqual(['bytes 1', 'bytes 2', 'gone']);
  });

  test('sockets get pieces under cork, others never do', () => {
    const { hand, port } = make();
    expect(port.gathers).toBe(false);
    const corks: string[] = [];
    const socket = Object.assign(new HandDuplex(), {
      setNoDelay: () => {},
      cork: () => void corks.push('cork'),
      uncork: () => void corks.push('uncork'),
    });
    const gathering = new Port(socket.asDuplex, new Owner());
    expect(gathering.gathers).toBe(true);
    gathering.write([Uint8Array.of(1), Uint8Array.of(2)]);
    expect([corks, socket.output.length, gathering.bytesOut]).toEqual([['cork', 'uncork'], 2, 2]);
    expect(hand.output).toHaveLength(0);
  });

  test('finish ends, then destroys: when the other side ends too, or after its grace', async () => {
    const clock = new HandClock();
    const one = make();
    one.port.finish(clock, 1_000);
    one.port.finish(clock, 1_000);
    expect([one.hand.ended, one.hand.destroyed]).toEqual([true, false]);
    one.hand.emit('end');
    expect(one.hand.destroyed).toBe(true);
    const two = make();
    two.port.finish(clock, 1_000);
    await clock.advance(1_000);
    expect(two.hand.destroyed).toBe(true);
    expect(clock.pending).toBe(0);
    expect([one.owner.heard, two.owner.heard]).toEqual([[], []]);
  });

  test('a duplex that throws at every turn', () => {
    const { hand, owner, port } = make();
    const boom = (): never => {
      throw new Error('boom');
    };
    Object.assign(hand, { write: boom, end: boom, destroy: boom });
    expect(port.write(Uint8Array.of(1))).toBe(false);
    expect(owner.heard).toEqual(['gone boom']);
    port.finish(new HandClock(), 1_000);
    port.destroy();
  });
});
