// What travels in a simulated network, by kind of message. The names are those of the wire formats.
import { channelTag } from './connection.js';

const names: readonly (readonly string[])[] = [
  ['?', 'hello', 'record', 'shuffle', 'extrema', 'walk', 'link', 'full', 'replaced', 'signal', 'unreachable'],
  ['?', 'advert', 'search', 'rows', 'orphans'],
];
const kindsMax = 16;

export class Traffic {
  readonly #messages = new Float64Array(2 * kindsMax);
  readonly #bytes = new Float64Array(2 * kindsMax);

  /** One message as it is sent, channel tag in front. */
  count(message: Uint8Array): void {
    const tag = message[0] as number;
    if (tag > channelTag.search || message.length < 2) return;
    this.add(tag, message[1] as number, message.length - 1);
  }

  add(tag: number, kind: number, bytes: number): void {
    const at = tag * kindsMax + (kind % kindsMax);
    (this.#messages[at] as number)++;
    (this.#bytes[at] as number) += bytes;
  }

  /** Sums so far: kind → messages and bytes. */
  sums(): Record<string, { messages: number; bytes: number }> {
    return Object.fromEntries(
      names.flatMap((list, tag) =>
        list.flatMap((name, kind) => {
          const at = tag * kindsMax + kind;
          const messages = this.#messages[at] as number;
          return messages === 0 ? [] : [[name, { messages, bytes: this.#bytes[at] as number }]];
        }),
      ),
    );
  }
}
