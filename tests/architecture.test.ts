/** The layout's rules (README, "The layout"), kept on every import in src/, those for types alone too. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { parseSync } from "oxc-parser";

const src = join(import.meta.dir, "../src");

/** One thing a module reaches for, and where it does so. */
interface Use {
  readonly line: number;
  /**
   * `import`: another module, by its specifier, `*` when that is computed at run time. `asset`: a file by its
   * address, `new URL("./x", import.meta.url)`. `global`: `Bun`, or `process.exit`.
   */
  readonly kind: "import" | "asset" | "global";
  readonly what: string;
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly [key: string]: unknown;
}

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && typeof (value as Node).type === "string";

/** All that a module reaches for, from its syntax tree: no comment or string can hide or feign an import. */
function uses(file: string, code: string): Use[] {
  const { program, errors } = parseSync(file, code);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`);
  const found: Use[] = [];
  const add = (node: Node, kind: Use["kind"], what: string) =>
    found.push({ line: code.slice(0, node.start).split("\n").length, kind, what });
  const module = (node: Node, source: unknown) => {
    if (source === null || source === undefined) return; // export { x } without from
    const literal = text(source);
    add(node, "import", literal ?? "*");
  };

  function visit(node: Node, parent: Node | undefined): void {
    switch (node.type) {
      case "ImportDeclaration":
      case "ExportNamedDeclaration":
      case "ExportAllDeclaration":
      case "ImportExpression":
      case "TSImportType":
        module(node, node["source"] ?? node["argument"]);
        if (node["source"] && processModule.test(text(node["source"]) ?? "")) {
          for (const specifier of children(node)) {
            if (name(specifier["imported"]) === "exit") add(specifier, "global", "process.exit");
          }
        }
        break;
      case "TSExternalModuleReference":
        module(node, node["expression"]);
        break;
      case "CallExpression": {
        const callee = node["callee"];
        const [argument] = node["arguments"] as Node[];
        if (name(callee) === "require" || (isMember(callee) && name(callee["object"]) === "require")) {
          module(node, argument);
        }
        break;
      }
      case "NewExpression": {
        const [path, base] = node["arguments"] as (Node | undefined)[];
        const own = base?.type === "MemberExpression" && (base["object"] as Node).type === "MetaProperty";
        if (name(node["callee"]) === "URL" && own) add(node, "asset", text(path) ?? "*");
        break;
      }
      case "MemberExpression":
        if (isProcess(node["object"]) && property(node) === "exit") add(node, "global", "process.exit");
        if (property(node) === "Bun" && name(node["object"]) === "globalThis") add(node, "global", "Bun");
        break;
      case "VariableDeclarator":
        if (isProcess(node["init"]) && isNode(node["id"]) && node["id"].type === "ObjectPattern") {
          for (const part of children(node["id"])) {
            if (name(part["key"]) === "exit") add(part, "global", "process.exit");
          }
        }
        break;
      case "Identifier":
        if (node["name"] === "Bun" && !isNameOnly(node, parent)) add(node, "global", "Bun");
        break;
    }
    for (const child of children(node)) visit(child, node);
  }
  visit(program as unknown as Node, undefined);
  return found;
}

const processModule = /^(node:)?process$/;

const children = (node: Node): Node[] => Object.values(node).flat().filter(isNode);
const isMember = (value: unknown): value is Node => isNode(value) && value.type === "MemberExpression";
const name = (value: unknown): string | undefined =>
  isNode(value) && value.type === "Identifier" ? (value["name"] as string) : undefined;

/** The value of a string literal, or of a template without holes. */
function text(value: unknown): string | undefined {
  if (!isNode(value)) return undefined;
  if (value.type === "TSLiteralType") return text(value["literal"]);
  if (value.type === "Literal" && typeof value["value"] === "string") return value["value"];
  const quasis = value["quasis"] as { value: { cooked: string } }[] | undefined;
  return value.type === "TemplateLiteral" && quasis?.length === 1 ? quasis[0]?.value.cooked : undefined;
}

/** `a.b` and `a["b"]` alike. */
const property = (member: Node): string | undefined =>
  member["computed"] ? text(member["property"]) : name(member["property"]);

const isProcess = (value: unknown): boolean =>
  name(value) === "process" ||
  (isMember(value) && property(value) === "process" && name(value["object"]) === "globalThis");

/** Whether an identifier is the name of a property or a type, and so no use of the global of that name. */
function isNameOnly(node: Node, parent: Node | undefined): boolean {
  if (!parent) return false;
  if (["TSQualifiedName", "TSTypeReference", "TSTypeQuery"].includes(parent.type)) return true;
  return (
    (parent["property"] === node || parent["key"] === node) && !parent["computed"] && !parent["shorthand"]
  );
}

/** Where a file stands: `{ area: "pomo", room: "core" }`; the kernel's are its files, `core` and `tui`. */
function place(file: string): { area: string; room: string } {
  const [area = "", room = ""] = file.split("/");
  return file.includes("/") ? { area, room: room.replace(/\.tsx?$/, "") } : { area: "root", room: area };
}

/** What a file of src/ does that the layout forbids, a line each. */
function violations(file: string, code: string, exists: (path: string) => boolean): string[] {
  const from = place(file);
  const feature = from.area !== "kernel" && from.area !== "root";
  const adapter = feature && from.room === "adapters";

  function importing(what: string): string | undefined {
    if (what === "*") return adapter ? undefined : "only an adapter imports what is known at run time alone";
    if (!what.startsWith(".")) {
      if (from.room === "core") return "core is pure: it imports no package and no built-in";
      if (/^bun(:|$)/.test(what) && !adapter && file !== "kernel/runtime.ts") {
        return "Bun's modules are for kernel/runtime.ts and adapters";
      }
      return undefined;
    }
    const path = posix.join(posix.dirname(file), what);
    if (path.startsWith("..")) return from.room === "core" ? "core imports only core" : undefined;
    const to = place(path);
    if (from.area === "kernel") {
      if (to.area !== "kernel") return "the kernel knows no feature";
      const plain = to.room === "core" || path === "kernel/errors.ts";
      if (from.room === "tui" && to.room !== "tui" && !plain) {
        return "kernel/tui imports only kernel/tui, kernel/core and the errors";
      }
      if (from.room === "core" && to.room !== "core") return "core imports only core";
    }
    if (!feature) return undefined;
    if (to.area !== from.area && to.area !== "kernel") return "a feature imports only itself and the kernel";
    if (from.room === "core" && to.room !== "core") return "core imports only core";
    if (from.room === "tui" && to.area === from.area && to.room !== "tui" && to.room !== "core") {
      return "a tui shows values: it imports neither adapters nor what wires them";
    }
    return undefined;
  }

  function verdict({ kind, what }: Use): string | undefined {
    if (kind === "import") return importing(what);
    if (kind === "asset") {
      // Neither is found out before the executable runs: see the workers in build/compile.ts.
      if (/\.worker\.ts$/.test(what) && !/^\.\/[^/]+$/.test(what)) return "only a worker beside it is found";
      if (!exists(posix.join(posix.dirname(file), what))) return "there is no such file";
      return adapter ? importing(what) : "only an adapter reads files";
    }
    if (what === "process.exit") return file === "main.ts" ? undefined : "process.exit is for main.ts";
    return adapter || file === "kernel/runtime.ts" ? undefined : "Bun is for kernel/runtime.ts and adapters";
  }

  return uses(file, code).flatMap((use) => {
    const wrong = verdict(use);
    return wrong === undefined ? [] : [`src/${file}:${use.line}: ${use.what}: ${wrong}`];
  });
}

test("src keeps the layout's rules", () => {
  const files = readdirSync(src, { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => /\.tsx?$/.test(file));
  expect(files).toContain("kernel/errors.ts");
  const found = files.flatMap((file) =>
    violations(file, readFileSync(join(src, file), "utf8"), (path) => existsSync(join(src, path))),
  );
  expect(found).toEqual([]);
});

describe("the check itself", () => {
  const found = (file: string, code: string): string[] =>
    violations(file, code, (path) => ["pomo/adapters/bell.worker.ts", "pomo/sounds/bell.wav"].includes(path));

  test.each([
    ["an import", 'import { a } from "../pomo/cli.ts";'],
    ["an import for its effects", 'import "../pomo/cli.ts";'],
    ["an import of a type", 'import type { A } from "../pomo/cli.ts";'],
    ["an import with a type in it", 'import { type A, b } from "../pomo/cli.ts";'],
    ["an import type", 'let a: import("../pomo/cli.ts").A;'],
    ["typeof an import type", 'let a: typeof import("../pomo/cli.ts");'],
    ["an export from", 'export { a } from "../pomo/cli.ts";'],
    ["an export of a type from", 'export type { A } from "../pomo/cli.ts";'],
    ["an export of all", 'export * from "../pomo/cli.ts";'],
    ["an export of all under a name", 'export * as pomo from "../pomo/cli.ts";'],
    ["a dynamic import", 'await import("../pomo/cli.ts");'],
    ["a dynamic import in a template", "await import(`../pomo/cli.ts`);"],
    [
      "a dynamic import deep inside",
      'const f = () => ({ g: async () => (await import("../pomo/cli.ts")).a });',
    ],
    ["a require", 'require("../pomo/cli.ts");'],
    ["a resolve", 'require.resolve("../pomo/cli.ts");'],
    ["an import equals", 'import a = require("../pomo/cli.ts");'],
    ["an import over lines", 'import {\n  a,\n} from // why\n  "../pomo/cli.ts";'],
  ])("sees %s", (_, code) => {
    expect(found("kernel/x.ts", code)).toEqual([
      "src/kernel/x.ts:1: ../pomo/cli.ts: the kernel knows no feature",
    ]);
  });

  test.each([
    ["a comment", '// import "../pomo/cli.ts"\n/* import "../pomo/cli.ts" */'],
    ["a doc comment", '/** @see {@link import("../pomo/cli.ts")} */\nexport const a = 1;'],
    ["a string", "const a = 'import \"../pomo/cli.ts\"; process.exit(1); Bun.sleep(1)';"],
    ["a template", `const a = \`import "../pomo/cli.ts"; \${1} process.exit(1)\`;`],
    ["a regular expression", 'const a = /import "..\\/pomo\\/cli.ts"/;'],
    ["text in JSX", 'const a = <b>import "../pomo/cli.ts"; process.exit(1)</b>;'],
  ])("isn't fooled by %s", (_, code) => {
    expect(found("kernel/x.tsx", code)).toEqual([]);
  });

  test("gives the line", () => {
    expect(found("kernel/x.ts", 'const a = 1;\n\nimport "../pomo/cli.ts";')[0]).toStartWith(
      "src/kernel/x.ts:3:",
    );
  });

  test("a file it can't parse is an error, not a pass", () => {
    expect(() => found("kernel/x.ts", "const = ;")).toThrow("kernel/x.ts");
  });

  const cases: [file: string, code: string, wrong: string | undefined][] = [
    ["kernel/x.ts", 'import "./stack.ts"; import "node:fs"; import "zod";', undefined],
    ["kernel/x.ts", 'import "../cli.ts";', "the kernel knows no feature"],
    ["kernel/tui/x.tsx", 'import "ink"; import "./keys.ts"; import "../errors.ts";', undefined],
    ["kernel/tui/x.tsx", 'import type { A } from "../store.ts";', "kernel/tui imports only"],
    [
      "pomo/cli.ts",
      'import "../kernel/stack.ts"; import "./core/timer.ts"; import "./adapters/bell.ts";',
      undefined,
    ],
    ["pomo/cli.ts", 'import "../track/core/idle.ts";', "a feature imports only itself"],
    ["pomo/cli.ts", 'import "../cli.ts";', "a feature imports only itself"],
    ["pomo/core/x.ts", 'import type { A } from "./deep/y.ts";', undefined],
    ["pomo/core/deep/x.ts", 'import "../y.ts";', undefined],
    ["pomo/core/x.ts", 'import type { Stack } from "../../kernel/stack.ts";', "core imports only core"],
    ["pomo/core/x.ts", 'import type { A } from "../adapters/bell.ts";', "core imports only core"],
    ["pomo/core/x.ts", 'import data from "../../../package.json";', "core imports only core"],
    ["pomo/core/x.ts", 'import type { Stats } from "node:fs";', "core is pure"],
    ["pomo/core/x.ts", 'import type { z } from "zod";', "core is pure"],
    ["pomo/tui.tsx", 'import "ink"; import "../kernel/tui/screen.tsx"; import "./core/timer.ts";', undefined],
    ["pomo/tui.tsx", 'import type { Bell } from "./adapters/bell.ts";', "a tui shows values"],
    ["pomo/tui.tsx", 'import "./cli.ts";', "a tui shows values"],
    ["pomo/tui/clock.tsx", 'import "../adapters/bell.ts";', "a tui shows values"],
    ["main.ts", 'import "./cli.ts"; process.exit(1);', undefined],
    ["cli.ts", 'import "./pomo/cli.ts";', undefined],
    ["cli.ts", "process.exit(1);", "process.exit is for main.ts"],
    ["kernel/x.ts", "globalThis.process.exit();", "process.exit is for main.ts"],
    ["kernel/x.ts", 'process["exit"]();', "process.exit is for main.ts"],
    ["kernel/x.ts", "const leave = process?.exit;", "process.exit is for main.ts"],
    ["kernel/x.ts", "const { exit } = process;", "process.exit is for main.ts"],
    ["kernel/x.ts", 'import { exit } from "node:process";', "process.exit is for main.ts"],
    ["kernel/x.ts", "process.exitCode = 1; other.exit();", undefined],
    ["kernel/x.ts", "Bun.sleep(1);", "Bun is for"],
    ["kernel/x.ts", "const { sleep } = Bun;", "Bun is for"],
    ["kernel/x.ts", "globalThis.Bun.sleep(1);", "Bun is for"],
    ["kernel/x.ts", 'import { sleep } from "bun";', "Bun's modules are for"],
    ["kernel/x.ts", 'await import("bun:sqlite");', "Bun's modules are for"],
    ["kernel/x.ts", "let a: Bun.Subprocess; const b = { Bun: 1 }; b.Bun;", undefined],
    ["kernel/runtime.ts", 'import "bun:ffi"; Bun.sleep(1);', undefined],
    ["pomo/adapters/x.ts", "Bun.sleep(1);", undefined],
    ["pomo/core/x.ts", "Bun.sleep(1);", "Bun is for"],
    ["pomo/adapters/x.ts", "await import(path);", undefined],
    ["pomo/cli.ts", "await import(path);", "only an adapter imports"],
    ["pomo/adapters/x.ts", 'new URL("./bell.worker.ts", import.meta.url);', undefined],
    ["pomo/adapters/x.ts", 'new URL("./gone.worker.ts", import.meta.url);', "no such file"],
    ["pomo/cli.ts", 'new URL("./adapters/bell.worker.ts", import.meta.url);', "only a worker beside it"],
    ["pomo/adapters/x.ts", 'new URL("../sounds/bell.wav", import.meta.url);', undefined],
    ["pomo/cli.ts", 'new URL("./sounds/bell.wav", import.meta.url);', "only an adapter reads files"],
    [
      "track/adapters/x.ts",
      'new URL("../../pomo/sounds/bell.wav", import.meta.url);',
      "a feature imports only itself",
    ],
    ["pomo/adapters/x.ts", 'new URL("/status", "http://localhost");', undefined],
  ];
  test.each(cases)("%s: %s", (file, code, wrong) => {
    const all = found(file, code);
    if (wrong === undefined) expect(all).toEqual([]);
    else expect(all).toEqual([expect.stringContaining(wrong)]);
  });
});
