// The identity in a file of its own, apart from the database: that one is a cache that may be damaged and set aside,
// while a node without its key is another node (research/security.md F8, B9).
import { PeernetError } from '@peernet/core';
import type { IdentityState, IdentityStore } from 'peernet';
import { readPrivate, sweep, writeAtomic } from './atomic-file.js';
import { anchorsMax } from './defaults.js';

/** The store that the umbrella takes as `identity`. Saves are written one after the other; waiting ones are merged. */
export function identityFile(path: string): IdentityStore {
  let seed: string | undefined;
  let waiting: { state: IdentityState; done: Promise<void> } | undefined;
  let writing: Promise<void> = Promise.resolve();

  async function write(): Promise<void> {
    const state = waiting?.state as IdentityState;
    waiting = undefined;
    const text = format(state);
    const newSeed = Buffer.from(state.seed).toString('hex');
    if (seed !== undefined && newSeed !== seed)
      throw new PeernetError('IDENTITY_INVALID', `${path} holds another identity; it is not overwritten`);
    seed = newSeed;
    await writeAtomic(path, text);
  }

  return {
    async load() {
      await sweep(path);
      const text = await readPrivate(path);
      if (text === undefined) return undefined;
      const state = parse(text);
      if (state === undefined)
        throw new PeernetError(
          'IDENTITY_INVALID',
          `${path} is damaged; put a copy back, or move it away to start as a new node`,
        );
      seed = Buffer.from(state.seed).toString('hex');
      return state;
    },
    save(state) {
      if (waiting !== undefined) {
        waiting.state = state;
        return waiting.done;
      }
      writing = writing.catch(() => {}).then(write);
      waiting = { state, done: writing };
      return writing;
    },
  };
}

function format(state: IdentityState): string {
  const seed = Buffer.from(state.seed).toString('hex');
  return `${JSON.stringify({ v: 1, seed, seq: state.seq, anchors: state.anchors.slice(0, anchorsMax) })}\n`;
}

/** Damaged anchors cost the anchors only; seed and seq must be right. */
function parse(text: string): IdentityState | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { v, seed, seq, anchors } = (value ?? {}) as Record<string, unknown>;
  if (v !== 1 || typeof seed !== 'string' || !/^[0-9a-f]{64}$/.test(seed)) return undefined;
  if (!Number.isSafeInteger(seq) || (seq as number) < 0) return undefined;
  const list = Array.isArray(anchors) ? anchors.filter((anchor) => typeof anchor === 'string') : [];
  return {
    seed: new Uint8Array(Buffer.from(seed, 'hex')),
    seq: seq as number,
    anchors: list.slice(0, anchorsMax),
  };
}
