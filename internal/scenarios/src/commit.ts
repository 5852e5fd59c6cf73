// Which code a figure is of.
import { execFileSync } from 'node:child_process';

/** The commit that is checked out, with a plus if there were changes in what runs. */
export function commitOf(root: string): string {
  try {
    const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
    return (
      git('rev-parse', '--short', 'HEAD') +
      (git('status', '--porcelain', '-uno', 'packages', 'internal') === '' ? '' : '+')
    );
  } catch {
    return 'unknown';
  }
}
