// The ratchet of tidy.mjs: `"rule file": amount` for sinners that are known. What is listed is forgiven up to that
// amount, and as soon as less is needed the list must say so: an amount only ever goes down.

/** Forgives what the ratchet lists, and asks to lower it as soon as less is needed. */
export function applyRatchet(findings, ratchet) {
  const rest = findings.filter(
    (finding) => !(amount(finding, findings) <= ratchet[`${finding.rule} ${finding.file}`]),
  );
  for (const [key, allowed] of Object.entries(ratchet)) {
    const [rule, file] = key.split(' ');
    const now = Math.max(
      0,
      ...findings.filter((f) => f.rule === rule && f.file === file).map((f) => amount(f, findings)),
    );
    if (now < allowed)
      rest.push({
        file: 'scripts/tidy.ratchet.json',
        line: 1,
        rule: 'ratchet',
        message: `"${key}": ${allowed} can go down to ${now}`,
      });
  }
  return rest;
}

/** Size rules: the largest in that file; others: how many in that file. */
function amount({ rule, file, size }, findings) {
  const same = findings.filter((f) => f.rule === rule && f.file === file);
  return size === undefined ? same.length : Math.max(...same.map((f) => f.size));
}
