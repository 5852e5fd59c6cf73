// Saboteurs of dials.
import { PeernetError } from '../../src/index.js';
import { dialing, type Saboteurs } from './transport.js';

export const dialSaboteurs: Saboteurs = {
  'an aborted dial rejects with ABORTED and leaves no connection': dialing(
    (honest, address, { allowIp, signal }) =>
      honest.dial(address, { allowIp, signal: signal.aborted ? signal : new AbortController().signal }),
  ),
  'with a signal that is aborted already nobody is dialed': dialing(async (honest, address, options) => {
    if (!options.signal.aborted) return honest.dial(address, options);
    await honest.dial(address, { signal: new AbortController().signal });
    throw new PeernetError('ABORTED', address);
  }),
  'where nobody listens the dial rejects with a code': dialing(async (honest, address, options) => {
    try {
      return await honest.dial(address, options);
    } catch (error) {
      const refused = (error as PeernetError).code === 'DIAL_REFUSED' && address === 'memory:1';
      throw refused ? new Error('refused') : error;
    }
  }),
  'what is no address of its schemes is rejected, not thrown': dialing((honest, address, options) => {
    if (address === 'nonsense') throw new PeernetError('ADDRESS_INVALID', address);
    return honest.dial(address, options);
  }),
  'allowIp decides before anything is sent': dialing(async (honest, address, { signal, allowIp }) => {
    const near = await honest.dial(address, { signal });
    if (allowIp?.('127.0.0.1') !== false) return near;
    near.destroy();
    throw new PeernetError('DIAL_FAILED', address);
  }),
};
