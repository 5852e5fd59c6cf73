// Constants of docs/wire.md §7.1 for which there is no row here: none can be made, or it takes a socket.

/** No case can be made, and why. */
export const exempt: Readonly<Record<string, string>> = {
  'connection/src/defaults.ts WIRE.recordBytesMax':
    'a length of 16 bits holds no more: no larger record can be written',
  'search/src/defaults.ts WIRE.budgetBitsMax':
    'a field of 16 bits holds no more: no larger budget can be written',
  'peernet/src/wire.ts proofBytes':
    "SHA-256 has no other, and what follows a proof in a stream is the application's",
};

/** Shown over real sockets by a test of their package, which says `name` and `name + 1`. */
export const elsewhere: Readonly<Record<string, string>> = {
  'transport-ws/src/defaults.ts frameBytesMax': 'transport-ws/test/frames.test.ts',
  'transport-ws/src/defaults.ts fragmentsMax': 'transport-ws/test/frames.test.ts',
};
