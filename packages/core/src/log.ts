// Diagnostics. A function, so that any logger fits; shells call it, machines never do (they emit effects).

/** `event` is a short stable name, `fields` plain values. Strings in them may come from strangers: escape before printing. */
export type Log = (event: string, fields?: Readonly<Record<string, unknown>>) => void;

/** Says nothing. */
export const noLog: Log = () => {};
