// The lock under which a database is renamed: a file with the id of the process that does it. LevelDB's own lock does
// not help there, because it is part of what is renamed.
import { closeSync, openSync, readFileSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { repairLockMs } from './defaults.js';
import { systemCode } from './exit.js';

/** Takes the lock file; undefined if a living process has it. */
export function lockRepair(path: string): (() => void) | undefined {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const file = openSync(path, 'wx', 0o600);
      writeSync(file, String(process.pid));
      closeSync(file);
      return () => unlinkSync(path);
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
      if (isHeld(path)) return undefined;
      try {
        unlinkSync(path);
      } catch {
        // The other one was quicker.
      }
    }
  }
  return undefined;
}

function isHeld(path: string): boolean {
  try {
    if (Date.now() - statSync(path).mtimeMs > repairLockMs) return false;
    process.kill(Number(readFileSync(path, 'utf8')) || process.pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}
