import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile } from "../../build/compile.ts";
import { coverage, lcov, missed, percent } from "../../build/coverage.ts";
import { instrument } from "../../build/instrument.ts";

/** Runs an instrumented program and gives the lines it noted. */
function linesRun(code: string): { run: number[]; missed: number[]; result: unknown } {
  const made = instrument("made-up.tsx", code, "counters");
  expect(made.code.split("\n")).toHaveLength(code.split("\n").length);
  const counters: number[] = [];
  const javascript = new Bun.Transpiler({ loader: "ts" }).transformSync(made.code);
  const result: unknown = new Function(
    "counters",
    `${javascript}\nreturn typeof result === "undefined" ? 0 : result;`,
  )(counters);
  const run = made.lines.filter((line) => counters[line] === 1);
  return { run, missed: made.lines.filter((line) => !run.includes(line)), result };
}

describe("an instrumented module", () => {
  test("notes the statements it runs, and does what it did", () => {
    const code = `function f(n: number) {
  if (n > 1) {
    return "many";
  } else if (n === 1) {
    return "one";
  }
  return "none";
}
const result = f(1);`;
    expect(linesRun(code)).toEqual({ run: [2, 4, 5, 9], missed: [3, 7], result: "one" });
  });

  test("notes a branch without braces", () => {
    const code = `let result = 0;
if (result)
  result = 1;
else
  for (const n of [1, 2])
    result += n;
while (result > 2)
  if (result === 3)
    result--;
  else
    break;
do
  result++;
while (result < 5)`;
    expect(linesRun(code)).toEqual({ run: [1, 2, 5, 6, 7, 8, 9, 12, 13], missed: [3, 11], result: 5 });
  });

  test("notes what an arrow function returns", () => {
    const code = `const called = (n: number) =>
  n + 1;
const curried = (a: number) => (b: number) =>
  a + b;
const object = () => ({
  never: () =>
    1,
});
const list = [1].map((n) => n as number), last = () => (1, 2)
const result = [called(1), curried(1)(2), typeof object(), list, last()];`;
    expect(linesRun(code)).toEqual({
      run: [1, 2, 3, 4, 5, 9, 10],
      missed: [7],
      result: [2, 3, "object", [1], 2],
    });
  });

  test("keeps the order of what ends at one place", () => {
    const code = `let f = () => 0
if (f() === 0) f = () =>
  1
let result = 0
for (const g of [f]) if (g()) result = g()
switch (result) { case 1: result++; break; default: { result = 9 } }`;
    expect(linesRun(code)).toMatchObject({ missed: [], result: 2 });
  });

  test("keeps labels, classes, generators, directives and asynchronous code", () => {
    const code = `"use strict";
outer: for (;;) {
  for (;;) break outer;
}
class A {
  static x: number;
  static { A.x = 1; }
  m(): number;
  m(n?: number) { return n ?? 2; }
  *g() { yield* [3]; }
}
async function later() { for await (const x of [1]) await x; }
void later();
const result = [A.x, new A().m(), [...new A().g()]];`;
    expect(linesRun(code)).toMatchObject({ missed: [], result: [1, 2, [3]] });
  });

  test("has no lines of types, imports and hoisted functions", () => {
    const code = `import { a } from "./a.ts";
import type { B } from "./b.ts";
export type C = B;
export interface D {
  d: number;
}
declare const e: number;
export * from "./f.ts";
export { a };
export function g() {}
export const h = 1;
export default h;`;
    expect(instrument("x.ts", code, "c").lines).toEqual([11, 12]);
  });

  test("one that can't be parsed is an error", () => {
    expect(() => instrument("x.ts", "const = 1", "c")).toThrow("x.ts");
  });
});

describe("coverage of a checkout", () => {
  let root: string;
  const printed: Record<string, string> = {};
  const notes = () => join(root, "notes");
  const covering = () => ({
    STINT_COVERAGE: notes(),
    BUN_OPTIONS: `--preload=${join(root, "build/cover.ts")}`,
  });

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "stint-coverage-"));
    const checkout = join(import.meta.dir, "../..");
    cpSync(join(checkout, "build"), join(root, "build"), { recursive: true });
    symlinkSync(join(checkout, "node_modules"), join(root, "node_modules"));
    mkdirSync(join(root, "src"));
    const put = (path: string, content: string) => writeFileSync(join(root, "src", path), content);
    put(
      "main.ts",
      'import { value } from "./value.ts";\nimport text from "./types.ts" with { type: "text" };\nconsole.log(value, text);\n',
    );
    put("value.ts", "export const value = 1;\n");
    put("killed.ts", 'console.log();\nprocess.kill(process.pid, "SIGKILL");\nconsole.log();\n');
    put(
      "start.ts",
      'new Worker(new URL("./w.worker.ts", import.meta.url).href).onmessage = () => process.exit();\n',
    );
    put("w.worker.ts", "if (Math.random() > 1)\n  postMessage(2);\npostMessage(1);\n");
    put("never.tsx", "type A = 1;\nexport const a = <b>1</b>;\n");
    put("types.ts", "export type A = 1;\n");
    for (const program of ["main.ts", "killed.ts", "start.ts"]) {
      const { stdout } = Bun.spawnSync([process.execPath, join(root, "src", program)], {
        env: covering(),
      });
      printed[program] = stdout.toString();
    }
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test("a program does what it did, with the text of a module of types too", () => {
    expect(printed["main.ts"]).toBe("1 export type A = 1;\n\n");
  });

  test("sees other processes, killed ones and Workers too, and misses what is never loaded", () => {
    const files = coverage(root, notes());
    expect(Object.fromEntries(files.map((file) => [file.file, missed(file)]))).toEqual({
      "src/killed.ts": [3],
      "src/main.ts": [],
      "src/never.tsx": [2],
      "src/start.ts": [],
      "src/types.ts": [],
      "src/value.ts": [],
      "src/w.worker.ts": [2],
    });
    expect(percent(files)).toBeCloseTo((100 * 7) / 10, 9);
  });

  test("leaves an executable alone", async () => {
    mkdirSync(join(root, "other"));
    writeFileSync(join(root, "other/main.ts"), "console.log(1);\n");
    const made = await compile({ entry: join(root, "other/main.ts"), outfile: join(root, "made/program") });
    const ran = Bun.spawnSync([made], { env: covering() });
    expect([ran.stdout.toString(), ran.stderr.toString()]).toEqual(["1\n", ""]);
  });

  test("is written in lcov's format", () => {
    const [killed] = coverage(root, notes());
    expect(lcov(killed ? [killed] : [])).toBe(
      "TN:\nSF:src/killed.ts\nDA:1,1\nDA:2,1\nDA:3,0\nLF:3\nLH:2\nend_of_record\n",
    );
  });

  test("of nothing is complete", () => {
    expect(percent([])).toBe(100);
  });
});
