// Channels that peers open, handed to whom they belong: the search, a handler of the application, a subnet. What belongs
// to nobody is rejected, and its connection lives.
import type { IncomingChannel } from '@peernet/connection';
import type { Log } from '@peernet/core';
import type { LinkOverlay } from '@peernet/search';
import { type Member, searchChannel } from './member.js';
import type { ByteStream, Handler } from './types.js';
import { isSubnetChannel } from './wire.js';

const appPrefix = 'app/';

export interface ChannelsOptions {
  readonly handlers: ReadonlyMap<string, Handler>;
  readonly log: Log;
  /** Whoever serves the channel of that name, if it is one of a subnet of ours. */
  readonly subnet: (name: string) => SubnetChannel | undefined;
}

export interface SubnetChannel {
  /** Takes the channel, or does nothing: then it is rejected. */
  incoming(member: Member, incoming: IncomingChannel): void;
}

export class Channels {
  readonly #o: ChannelsOptions;

  constructor(options: ChannelsOptions) {
    this.#o = options;
  }

  incoming(member: Member, incoming: IncomingChannel, overlay: LinkOverlay): void {
    const { name, kind, connection } = incoming;
    if (kind === 'messages') {
      // Opened by who dialed, too.
      if (name !== searchChannel || connection.initiator) incoming.reject();
      else member.searchArrived(incoming.link(), overlay);
      return;
    }
    if (isSubnetChannel(name)) {
      this.#o.subnet(name)?.incoming(member, incoming);
      return;
    }
    const protocol = name.startsWith(appPrefix) ? name.slice(appPrefix.length) : '';
    const handler = this.#o.handlers.get(protocol);
    if (handler === undefined) incoming.reject();
    else this.#serve(member, protocol, handler, incoming.stream() as ByteStream);
  }

  /** What a handler throws ends its stream and nothing else. */
  #serve(member: Member, protocol: string, handler: Handler, stream: ByteStream): void {
    member.carries(stream);
    const failed = (error: unknown): void => {
      stream.destroy();
      this.#o.log('handler threw', { protocol, error: error instanceof Error ? error.stack : String(error) });
    };
    try {
      Promise.resolve(handler(stream, member.peer)).catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}
