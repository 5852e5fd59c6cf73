// Makes CommonJS entries of a package callable: after tsup has written dist/<entry>.cjs and dist/<entry>.d.cts,
// `require(name)` becomes the default export (a function) with every named export attached to it, and the types
// say the same with a merged function + namespace. (esbuild's and tsup's own ways lose the named exports for
// TypeScript 7.)
//   node ../../scripts/callable-cjs.mjs index transport     (from a package folder)
import { readFileSync, writeFileSync } from 'node:fs';

const LINE = 'module.exports = Object.assign(module.exports.default, module.exports);\n';

/** Appends the line above, before the source map comment if there is one. */
function makeCallable(file) {
  const js = readFileSync(file, 'utf8');
  if (!/exports\.default = |default: \(\) =>/.test(js))
    throw new Error(`callable-cjs: ${file} has no default export`);
  writeFileSync(file, js.replace(/\n?(?=\/\/# sourceMappingURL=.*\s*$)|$/, `\n${LINE}`));
}

/** `type A, b as B` → one object per name. */
function parseSpecifiers(list) {
  return list
    .split(',')
    .map((spec) => spec.trim())
    .filter(Boolean)
    .map((spec) => {
      const [, type = '', local, exported = local] = /^(type )?(\S+)(?: as (\S+))?$/.exec(spec);
      return { type, local, exported };
    });
}

/** Rewrites the exports of a declaration file as `declare namespace main { export {…} } export = main`. */
function callableTypes(dts, file) {
  if (/^export \*/m.test(dts)) throw new Error(`callable-cjs: ${file}: name the re-exports, no \`export *\``);
  const names = [];
  // export { A } from 'x'  →  import { A as A__ } from 'x'
  let text = dts.replace(/^export (type )?\{([^}]*)\} from (.*)$/gm, (_, type = '', list, from) => {
    const specs = parseSpecifiers(list).map((name) => {
      const local = `${name.exported}__`;
      names.push({ ...name, local });
      return `${name.type}${name.local} as ${local}`;
    });
    return `import ${type}{ ${specs.join(', ')} } from ${from}`;
  });
  text = text.replace(/^export \{([^}]*)\};\s*$/m, (_, list) => {
    names.push(...parseSpecifiers(list));
    const main = names.find((name) => name.exported === 'default')?.local;
    const specs = names.map(({ type, local, exported }) =>
      local === exported ? type + local : `${type}${local} as ${exported}`,
    );
    return `declare namespace ${main} {\n  export { ${specs.join(', ')} };\n}\nexport = ${main};\n`;
  });
  const main = /^export = (\w+);/m.exec(text)?.[1];
  if (!main || !new RegExp(`^declare function ${main}\\b`, 'm').test(text))
    throw new Error(
      `callable-cjs: ${file}: the default export must be a function declared in that entry file`,
    );
  return text;
}

for (const entry of process.argv.slice(2)) {
  makeCallable(`dist/${entry}.cjs`);
  const types = `dist/${entry}.d.cts`;
  writeFileSync(types, callableTypes(readFileSync(types, 'utf8'), types));
}
