// What the events of a page lead to, on a page that is nothing but events.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { watchLife } from '../src/page-life.browser.js';

describe('events of a page', () => {
  const [window, document] = [
    new EventTarget(),
    Object.assign(new EventTarget(), { visibilityState: 'hidden' }),
  ];
  let heard: string[] = [];
  let stop: () => void;
  const tell = (target: EventTarget, type: string, more: object = {}): string[] => {
    heard = [];
    target.dispatchEvent(Object.assign(new Event(type), more));
    return heard;
  };
  beforeEach(() => {
    vi.stubGlobal('document', document);
    vi.stubGlobal('addEventListener', window.addEventListener.bind(window));
    stop = watchLife({ doubt: () => heard.push('doubt'), wake: () => heard.push('wake') });
  });
  afterEach(() => {
    stop();
    vi.unstubAllGlobals();
  });

  test('the network is back, the page is thawed or comes out of the cache: ask, and rest no longer', () => {
    expect(tell(window, 'online')).toEqual(['doubt', 'wake']);
    expect(tell(document, 'resume')).toEqual(['doubt', 'wake']);
    expect(tell(window, 'pageshow', { persisted: true })).toEqual(['doubt', 'wake']);
    expect(tell(window, 'pageshow', { persisted: false })).toEqual([]);
  });

  test('the network is gone, the page is seen again: ask', () => {
    expect(tell(window, 'offline')).toEqual(['doubt']);
    expect(tell(document, 'visibilitychange')).toEqual([]);
    document.visibilityState = 'visible';
    expect(tell(document, 'visibilitychange')).toEqual(['doubt']);
  });

  test('nothing after the end', () => {
    stop();
    for (const type of ['online', 'offline', 'pageshow']) expect(tell(window, type)).toEqual([]);
    for (const type of ['resume', 'visibilitychange']) expect(tell(document, type)).toEqual([]);
  });

  test('a worker has no document, other platforms have no events at all', () => {
    vi.stubGlobal('document', undefined);
    watchLife({ doubt: () => heard.push('doubt'), wake: () => {} })();
    vi.stubGlobal('addEventListener', undefined);
    watchLife({ doubt: () => {}, wake: () => {} })();
  });
});
