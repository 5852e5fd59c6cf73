// Where there is no WebRTC, everything says what to do about it, and nothing is thrown before somebody wants it.
import { afterEach, expect, test, vi } from 'vitest';
import { findRtc as findInBrowser } from '../src/find-rtc.browser.js';
import { findRtc as findInNode } from '../src/find-rtc.node.js';
import { wrtc } from '../src/wrtc.js';
import { Board, peerId } from './board.js';

vi.mock('../src/find-rtc.node.js', async (original) => ({
  ...(await original<typeof import('../src/find-rtc.node.js')>()),
  findRtc: vi.fn(() => undefined),
}));

const platform = globalThis as { RTCPeerConnection?: unknown };
afterEach(() => {
  delete platform.RTCPeerConnection;
});

test('a dial and a listener are NOT_SUPPORTED, and say what to install', async () => {
  const transport = wrtc({ signaller: new Board().signaller(peerId(1)) });
  const { signal } = new AbortController();
  const expected = { code: 'NOT_SUPPORTED', message: expect.stringContaining('npm install @roamhq/wrtc') };
  await expect(transport.dial(`wrtc:${peerId(2)}`, { signal })).rejects.toMatchObject(expected);
  await expect(transport.listen?.({}, () => {})).rejects.toMatchObject(expected);
  // What is no address is told first.
  await expect(transport.dial('wrtc:x', { signal })).rejects.toMatchObject({ code: 'ADDRESS_INVALID' });
});

test('what the platform has is taken first, in Node and in browsers', async () => {
  const actual = await vi.importActual<typeof import('../src/find-rtc.node.js')>('../src/find-rtc.node.js');
  expect(findInNode()).toBeUndefined();
  expect(findInBrowser()).toBeUndefined();
  class Own {}
  platform.RTCPeerConnection = Own;
  expect(findInBrowser()?.RTCPeerConnection).toBe(Own);
  expect(actual.findRtc()?.RTCPeerConnection).toBe(Own);
});
