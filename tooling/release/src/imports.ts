/** Which packages the modules of a tarball reach for, and which of them its package.json does not declare. */

import { isBuiltin } from "node:module";
import { parseSync, Visitor } from "oxc-parser";
import { declared, type Manifest } from "./manifest.ts";

export interface ModuleFile {
  readonly path: string;
  readonly text: string;
}

/** Packages that this module imports in whatever form, built-in modules and relative paths left out. Throws for what cannot be parsed. */
export function importedPackages({ path, text }: ModuleFile): ReadonlySet<string> {
  const { program, comments, errors } = parseSync(path, text, {
    sourceType: "module",
    lang: path.endsWith(".d.ts") ? "dts" : "js",
  });
  const [error] = errors;
  if (error !== undefined) throw new Error(`${path} cannot be parsed: ${error.message}`);
  const packages = new Set<string>();
  const found = (source: unknown): void => {
    const specifier = literal(source);
    if (specifier === undefined || /^(\.{0,2}\/|[a-z]+:|#)/.test(specifier) || isBuiltin(specifier)) return;
    packages.add(packageOf(specifier));
  };
  new Visitor({
    ImportDeclaration: (node) => found(node.source),
    ExportNamedDeclaration: (node) => found(node.source),
    ExportAllDeclaration: (node) => found(node.source),
    ImportExpression: (node) => found(node.source),
    TSImportType: (node) => found(node.source),
    TSExternalModuleReference: (node) => found(node.expression),
    TSModuleDeclaration: (node) => found(node.id),
    CallExpression(node) {
      const callee = text.slice(node.callee.start, node.callee.end);
      if (/^(require|require\.resolve|import\.meta\.resolve)$/.test(callee)) found(node.arguments[0]);
    },
  }).visit(program);
  for (const { value } of comments) {
    const reference = /^\/\s*<reference\s+types=["']([^"']+)["']/.exec(value)?.[1];
    if (reference !== undefined && reference !== "node") packages.add(packageOf(reference));
  }
  return packages;
}

/** `@scope/name/path` is in `@scope/name`. */
export function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

/** One line for each package that a file imports and package.json does not name. A package may import itself; types may come from `@types`. */
export function undeclaredImports(manifest: Manifest, files: Iterable<ModuleFile>): readonly string[] {
  const known = declared(manifest);
  const faults: string[] = [];
  for (const file of files) {
    for (const name of importedPackages(file)) {
      if (name === manifest.name || known.has(name)) continue;
      if (file.path.endsWith(".d.ts") && known.has(typesOf(name))) continue;
      faults.push(`${file.path} imports ${name}, which package.json does not declare`);
    }
  }
  return faults;
}

function typesOf(name: string): string {
  return `@types/${name.replace(/^@/, "").replace("/", "__")}`;
}

function literal(node: unknown): string | undefined {
  if (typeof node !== "object" || node === null || !("type" in node)) return undefined;
  // `import("x")` in a type holds its text one level down.
  if (node.type === "TSLiteralType" && "literal" in node) return literal(node.literal);
  return node.type === "Literal" && "value" in node && typeof node.value === "string" ? node.value : undefined;
}
