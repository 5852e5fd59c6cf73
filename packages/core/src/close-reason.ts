// Why a link or a connection ends. The number travels; the name is what snapshots, logs and `disconnect` events show.

/** Name → number on the wire. Append only. */
export const closeCodes = {
  LOST: 0, // never sent: the transport broke without a word
  FULL: 1,
  REPLACED: 2,
  DUPLICATE: 3,
  SELF: 4,
  MIRROR: 5,
  SHUTDOWN: 6,
  PROTOCOL: 7,
  RATE: 8,
  IDLE: 9,
  TIMEOUT: 10,
  USER: 11,
  INTERNAL: 12,
  BANNED: 13,
  STALE: 14,
  REJECTED: 15,
  DONE: 16,
  ROTATED: 17,
} as const;

export type CloseReason = keyof typeof closeCodes;

const names = new Map<number, CloseReason>(
  Object.entries(closeCodes).map(([name, code]) => [code, name as CloseReason]),
);

/** The reason for a number from the wire; unknown ones (of later versions) read as LOST. */
export function closeReasonOf(code: number): CloseReason {
  return names.get(code) ?? 'LOST';
}
