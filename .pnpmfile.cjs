// What is published has no sources (docs/decisions/0012-published-files.md): the condition under which this repository
// resolves to them goes with them.
module.exports = {
  hooks: { beforePacking: (manifest) => ({ ...manifest, exports: withoutSources(manifest.exports) }) },
};

function withoutSources(value) {
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([condition]) => condition !== '@peernet/source');
  return Object.fromEntries(entries.map(([key, inner]) => [key, withoutSources(inner)]));
}
