import { describe, expect, test } from 'vitest';
import {
  type Address,
  connectToAny,
  dialAddressesMax,
  dialAttemptMs,
  dialError,
  dialWithin,
  parseAddress,
  resolveHost,
  systemClock,
} from '../src/index.js';
import { VirtualClock } from './virtual-clock.js';

const never = <T>(): Promise<T> => new Promise(() => {});
const live = (): AbortSignal => new AbortController().signal;
const address = (text: string): Address => parseAddress(text) as Address;
/** Lets everything run that is ready. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('dialWithin', () => {
  const options = { address: 'tcp://x:1', signal: live(), timeoutMs: 8000, clock: systemClock };

  test('gives what the work gives', async () => {
    expect(
      await dialWithin(
        options,
        async () => 5,
        () => {},
      ),
    ).toBe(5);
  });

  test('ends in time, tells the work, and discards what comes too late', async () => {
    const clock = new VirtualClock();
    let finish: (value: string) => void = () => {};
    let told: AbortSignal | undefined;
    const discarded: string[] = [];
    const dialing = dialWithin(
      { ...options, clock },
      (signal) => {
        told = signal;
        return new Promise<string>((resolve) => {
          finish = resolve;
        });
      },
      (late) => void discarded.push(late),
    );
    clock.advance(7999);
    expect(told?.aborted).toBe(false);
    clock.advance(1);
    await expect(dialing).rejects.toMatchObject({ code: 'DIAL_TIMEOUT' });
    expect(told?.aborted).toBe(true);
    expect(clock.pending).toBe(0);
    finish('late');
    await settle();
    expect(discarded).toEqual(['late']);
  });

  test('ends with the caller, and leaves no alarm and no listener', async () => {
    const clock = new VirtualClock();
    const caller = new AbortController();
    const dialing = dialWithin({ ...options, clock, signal: caller.signal }, never, () => {});
    caller.abort();
    await expect(dialing).rejects.toMatchObject({ code: 'ABORTED' });
    expect(clock.pending).toBe(0);
  });

  test('does not begin when it is over already', async () => {
    let began = false;
    const work = async (): Promise<void> => {
      began = true;
    };
    const dialing = dialWithin({ ...options, signal: AbortSignal.abort() }, work, () => {});
    await expect(dialing).rejects.toMatchObject({ code: 'ABORTED' });
    expect(began).toBe(false);
  });

  test('a timeout of the caller is a timeout', async () => {
    const reason = new DOMException('late', 'TimeoutError');
    const dialing = dialWithin({ ...options, signal: AbortSignal.abort(reason) }, never, () => {});
    await expect(dialing).rejects.toMatchObject({ code: 'DIAL_TIMEOUT', cause: reason });
  });

  test('an error of the system gets its code', async () => {
    const work = (): Promise<never> =>
      Promise.reject(Object.assign(new Error('no'), { code: 'ECONNREFUSED' }));
    await expect(dialWithin(options, work, () => {})).rejects.toMatchObject({ code: 'DIAL_REFUSED' });
  });
});

test('dialError knows the codes of systems', () => {
  const codes = [
    'ECONNREFUSED',
    'ETIMEDOUT',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EHOSTUNREACH',
    'ECONNRESET',
    undefined,
  ];
  const ours = codes.map((code) => dialError('tcp://x:1', Object.assign(new Error('x'), { code })).code);
  expect(ours).toEqual([
    'DIAL_REFUSED',
    'DIAL_TIMEOUT',
    'DNS_FAILED',
    'DNS_FAILED',
    'DIAL_FAILED',
    'DIAL_FAILED',
    'DIAL_FAILED',
  ]);
  expect(dialError('tcp://x:1', undefined).code).toBe('DIAL_FAILED');
  expect(dialError('tcp://x:1', new Error('odd')).message).toBe('tcp://x:1: odd');
});

describe('resolveHost', () => {
  const name = address('tcp://peer.example:4000');
  const answering =
    (...ips: string[]) =>
    async (): Promise<string[]> =>
      ips;

  test('a literal needs no lookup', async () => {
    const lookup = (): Promise<string[]> => Promise.reject(new Error('asked'));
    expect(await resolveHost(address('tcp://8.8.8.8:1'), lookup)).toEqual(['8.8.8.8']);
    expect(await resolveHost(address('tcp://[2600::1]:1'), lookup)).toEqual(['2600::1']);
  });

  test('asks once per dial, and every answer has to pass (DNS rebinding)', async () => {
    // A name server that answers differently each time: whatever is checked has to be what is dialed.
    let asked = 0;
    const flips = async (): Promise<string[]> => [asked++ % 2 === 0 ? '8.8.8.8' : '127.0.0.1'];
    const isPublic = (ip: string): boolean => !ip.startsWith('127.');
    let dialed = 0;
    for (let i = 0; i < 1000; i++) {
      const ips = await resolveHost(name, flips, isPublic).catch(() => []);
      expect(ips.every(isPublic)).toBe(true);
      dialed += ips.length;
    }
    expect([asked, dialed]).toEqual([1000, 500]);
    // Control: without the check the same server leads us home.
    expect(await resolveHost(name, answering('127.0.0.1'))).toEqual(['127.0.0.1']);
  });

  test('one bad answer among many spoils the name', async () => {
    const many = Array.from({ length: 100 }, (_, i) => `8.8.4.${i}`);
    const allow = (ip: string): boolean => ip !== '8.8.4.99';
    await expect(resolveHost(name, answering(...many), allow)).rejects.toMatchObject({ code: 'DIAL_FAILED' });
    expect(await resolveHost(name, answering(...many.slice(0, 99)), allow)).toHaveLength(dialAddressesMax);
  });

  test('metadata services, multicast and nowhere are never dialed, whoever asks', async () => {
    for (const ip of ['169.254.169.254', '224.0.0.1', '0.0.0.0', '::', 'ff02::1', '64:ff9b::7f00:1']) {
      await expect(resolveHost(name, answering(ip)), ip).rejects.toMatchObject({ code: 'DIAL_FAILED' });
    }
    await expect(resolveHost(address('tcp://0.0.0.0:1'), answering())).rejects.toMatchObject({
      code: 'DIAL_FAILED',
    });
  });

  test('families alternate, beginning with the one that the system prefers', async () => {
    const lookup = answering('2600::1', '2600::2', '2600::3', '8.8.8.8');
    expect(await resolveHost(name, lookup)).toEqual(['2600::1', '8.8.8.8', '2600::2', '2600::3']);
    const other = answering('8.8.8.8', '2600::1', '2600::2', '2600::3');
    expect(await resolveHost(name, other)).toEqual(['8.8.8.8', '2600::1', '2600::2', '2600::3']);
    expect(await resolveHost(name, answering('8.8.8.8', '8.8.8.8'))).toEqual(['8.8.8.8']);
  });

  test('no answer, nonsense and errors are DNS_FAILED', async () => {
    for (const lookup of [answering(), answering('what?'), () => Promise.reject(new Error('SERVFAIL'))]) {
      await expect(resolveHost(name, lookup)).rejects.toMatchObject({ code: 'DNS_FAILED' });
    }
  });
});

describe('connectToAny', () => {
  test('goes on after a refusal, and stops at the first that answers', async () => {
    const tried: string[] = [];
    const connect = async (ip: string): Promise<string> => {
      tried.push(ip);
      if (ip === 'a') throw new Error('refused');
      return ip;
    };
    const options = { signal: live(), clock: new VirtualClock() };
    expect(await connectToAny(['a', 'b', 'c'], options, connect)).toBe('b');
    expect(tried).toEqual(['a', 'b']);
    expect(options.clock.pending).toBe(0);
  });

  test('rejects with the last error', async () => {
    const connect = (ip: string): Promise<never> => Promise.reject(new Error(ip));
    const options = { signal: live(), clock: new VirtualClock() };
    await expect(connectToAny(['a', 'b'], options, connect)).rejects.toThrow('b');
  });

  test('a silent address has its time, the last one all that is left', async () => {
    const clock = new VirtualClock();
    const signals: AbortSignal[] = [];
    const connect = (_ip: string, signal: AbortSignal): Promise<never> => {
      signals.push(signal);
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    };
    const caller = new AbortController();
    const connecting = connectToAny(['a', 'b'], { signal: caller.signal, clock }, connect);
    connecting.catch(() => {});
    await settle();
    clock.advance(dialAttemptMs);
    await settle();
    expect(signals.map((signal) => signal.aborted)).toEqual([true, false]);
    clock.advance(10 * dialAttemptMs);
    await settle();
    expect(signals[1]?.aborted).toBe(false);
    caller.abort(new Error('over'));
    await expect(connecting).rejects.toThrow('over');
    expect(signals).toHaveLength(2);
  });

  test('tries nobody else when the dial is over', async () => {
    const caller = new AbortController();
    let tried = 0;
    const connect = async (): Promise<never> => {
      tried++;
      caller.abort(new Error('over'));
      throw new Error('gone');
    };
    const options = { signal: caller.signal, clock: new VirtualClock() };
    await expect(connectToAny(['a', 'b', 'c'], options, connect)).rejects.toThrow('over');
    expect(tried).toBe(1);
  });
});
