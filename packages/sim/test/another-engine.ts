import { vi } from 'vitest';

/** Math.log, Math.exp and Math.cos as of another engine: everything comes out larger by this share. */
export function anotherEngine(share: number): void {
  for (const name of ['log', 'exp', 'cos'] as const) {
    const own = Math[name];
    vi.spyOn(Math, name).mockImplementation((x) => own(x) * (1 + share));
  }
}
