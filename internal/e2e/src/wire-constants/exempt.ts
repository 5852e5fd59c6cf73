// Constants of docs/wire.md §7.1 for which no case can be made, and why.
export const exempt: Readonly<Record<string, string>> = {
  'connection/src/defaults.ts WIRE.recordBytesMax':
    'a length of 16 bits holds no more: no larger record can be written',
  'search/src/defaults.ts WIRE.budgetBitsMax':
    'a field of 16 bits holds no more: no larger budget can be written',
  'peernet/src/wire.ts proofBytes':
    "SHA-256 has no other, and what follows a proof in a stream is the application's",
};
