import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BuildFailed, compile } from "../../build/compile.ts";

const probes = join(import.meta.dir, "probes");
let scratch: string;
let plain: string;
let faulty: string;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "stint-build-"));
  const entry = join(probes, "plain/main.ts");
  [plain, faulty] = await Promise.all([
    compile({ entry, outfile: join(scratch, "made/plain") }),
    compile({ entry, outfile: join(scratch, "made/faulty"), faults: true }),
  ]);
}, 30_000);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function run(cwd: string, argument = "", environment: Record<string, string> = {}) {
  const child = Bun.spawn([plain, argument], { cwd, env: environment, stdout: "pipe", stderr: "pipe" });
  const [out, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { out: out.trim(), errors, code };
}

describe("an executable", () => {
  test("knows its version and commit", async () => {
    const { out } = await run(scratch, "defines");
    const { version } = (await Bun.file(join(import.meta.dir, "../../package.json")).json()) as {
      version: string;
    };
    expect(JSON.parse(out)).toEqual({
      version,
      commit: expect.stringMatching(/^([0-9a-f]{7,}(-dirty)?|unknown)$/),
      faults: false,
    });
  });

  test("finds its worker, made from a module in another folder", async () => {
    expect(await run(scratch, "worker")).toEqual({ out: "ping pong", errors: "", code: 0 });
  });

  test("the same worker is found from the sources", () => {
    const ran = Bun.spawnSync([process.execPath, "run", join(probes, "plain/main.ts"), "worker"]);
    expect(ran.stdout.toString()).toBe("ping pong\n");
  });

  test("names file and line of the sources when it crashes", async () => {
    const { errors, code } = await run(scratch, "throw");
    expect(code).toBe(1);
    expect(errors).toMatch(/main\.ts:\d+/);
    expect(errors).toContain('throw new Error("on purpose")');
  });

  test("holds the code of the faults only when asked to", () => {
    const marker = ["FAULTS", "MARKER", "7319"].join("-");
    expect(readFileSync(faulty).includes(marker)).toBe(true);
    expect(readFileSync(plain).includes(marker)).toBe(false);
  });

  test("is all that a build leaves behind", () => {
    expect(readdirSync(join(scratch, "made")).sort()).toEqual(["faulty", "plain"]);
  });

  test("doesn't carry the path of the folder it was built in", () => {
    expect(readFileSync(plain).includes(join(import.meta.dir, "../.."))).toBe(false);
  });
});

describe("a hostile folder", () => {
  test("neither runs code in the executable nor sets its variables", async () => {
    const folder = join(scratch, "hostile");
    const proof = join(folder, "proof");
    mkdirSync(folder);
    const put = (path: string, content: string) => {
      mkdirSync(join(folder, path, ".."), { recursive: true });
      writeFileSync(join(folder, path), content);
    };
    const attack = `require("node:fs").writeFileSync(${JSON.stringify(proof)}, "ran");`;
    put("attack.js", attack);
    put("bunfig.toml", 'preload = ["./attack.js"]\n[run]\nbun = true\n');
    put(".bunfig.toml", 'preload = ["./attack.js"]\n');
    put(".env", "PROBE_SECRET=stolen\nNODE_OPTIONS=--require=./attack.js\n");
    put(".env.production", "PROBE_SECRET=stolen\n");
    put(".env.local", "PROBE_SECRET=stolen\n");
    put("package.json", '{"imports":{"ink":"./attack.js"},"main":"attack.js","type":"commonjs"}');
    for (const name of ["react-devtools-core", "ink", "react"]) {
      put(`node_modules/${name}/package.json`, `{"name":"${name}","main":"index.js"}`);
      put(`node_modules/${name}/index.js`, attack);
    }
    // Proof that this folder is as bad as it looks: bun itself falls for it.
    writeFileSync(join(folder, "innocent.ts"), "console.log(process.env.PROBE_SECRET)");
    const bun = Bun.spawnSync([process.execPath, "run", "./innocent.ts"], { cwd: folder, env: {} });
    expect([bun.stdout.toString(), existsSync(proof)]).toEqual(["stolen\n", true]);
    rmSync(proof);
    put("tsconfig.json", '{"compilerOptions":{"baseUrl":".","paths":{"*":["./attack.js"]}}}');

    for (const argument of ["", "environment", "worker"]) {
      const { code, out } = await run(folder, argument);
      expect({ argument, code, proof: existsSync(proof) }).toEqual({ argument, code: 0, proof: false });
      if (argument === "environment") expect(JSON.parse(out)).toEqual({ secret: null, ink: "drawn" });
    }
    // Ink's development mode is a way in of its own.
    const { code, out, errors } = await run(folder, "environment", { DEV: "true" });
    expect({ code, errors, proof: existsSync(proof) }).toEqual({ code: 0, errors: "", proof: false });
    expect(JSON.parse(out)).toEqual({ secret: null, ink: "drawn" });
  });
});

describe("a build that fails", () => {
  async function failure(files: Record<string, string>): Promise<string> {
    const folder = mkdtempSync(join(scratch, "broken-"));
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(join(folder, path, ".."), { recursive: true });
      writeFileSync(join(folder, path), content);
    }
    try {
      await compile({ entry: join(folder, "main.ts"), outfile: join(folder, "dist/broken") });
    } catch (error) {
      if (!(error instanceof BuildFailed)) throw error;
      expect(readdirSync(join(folder, "dist"))).toEqual([]);
      return error.message;
    }
    throw new Error("it was built");
  }

  test("says file, line and column of every error", async () => {
    const message = await failure({ "main.ts": 'import "./gone.ts";\n\nimport "./lost.ts";\n' });
    expect(message).toMatch(/main\.ts:1:8: .*"\.\/gone\.ts".*\n.*main\.ts:3:8: .*"\.\/lost\.ts"/);
  });

  test("says so of a syntax error", async () => {
    expect(await failure({ "main.ts": "const a = ;\n" })).toMatch(/main\.ts:1:11: /);
  });

  test("names two workers of the same name", async () => {
    const message = await failure({ "main.ts": "", "a/x.worker.ts": "", "b/x.worker.ts": "" });
    expect(message).toContain("b/x.worker.ts: a worker's name must be unique, and a/x.worker.ts has it too");
  });
});

describe("build/build.ts", () => {
  const build = (...args: string[]) => {
    const ran = Bun.spawnSync([process.execPath, join(import.meta.dir, "../../build/build.ts"), ...args]);
    return { code: ran.exitCode, errors: ran.stderr.toString() };
  };

  test("names the targets there are", () => {
    expect(build("--target", "amiga")).toEqual({
      code: 2,
      errors: expect.stringMatching(/^build: no such target: amiga \(there are .*bun-linux-arm64/),
    });
  });

  test("knows its options", () => {
    expect(build("--fast").code).toBe(2);
  });
});
