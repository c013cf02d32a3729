import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile } from "../../build/compile.ts";
import { nativeAddons } from "../../build/native.ts";
import { compileUiohook } from "../../build/uiohook.ts";
import { uiohookSenses } from "../../src/track/adapters/senses/uiohook/uiohook.ts";
import { KeyCounter } from "../../src/track/core/counts.ts";
import { Folder } from "../support/folder.ts";
import { until } from "../support/sandbox.ts";
import { X11 } from "../support/x11.ts";

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "stint-uiohook-"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const probe = join(import.meta.dir, "probes/uiohook/uiohook.ts");
const HINT = "build stint where gcc, libx11-dev, libxtst-dev, libxrandr-dev and libxt-dev are installed";

describe("compiling it", () => {
  let folder: Folder;
  let cache: string;
  beforeEach(() => {
    folder = new Folder();
    cache = folder.file("cache");
  });
  afterEach(() => folder[Symbol.dispose]());

  /** A compiler that notes each of its runs, and is no other. */
  const compiler = (work: string, version = "cc 12") =>
    folder.program(
      "cc",
      `if [ "$1" = --version ]; then echo ${version}; exit; fi
       echo "$@" >> "$HERE/runs"; while [ $# -gt 1 ]; do shift; done; ${work}`,
    );

  test("is done once, and again with another compiler", async () => {
    const program = compiler('echo made > "$1"');
    const first = await compileUiohook({ program, folder: cache });
    expect(await compileUiohook({ program, folder: cache })).toEqual(first);
    expect(folder.lines("runs")).toHaveLength(1);
    compiler('echo made > "$1"', "cc 13");
    const second = await compileUiohook({ program, folder: cache });
    expect(second).not.toEqual(first);
    expect(folder.lines("runs")).toHaveLength(2);
    // The old one is gone.
    expect(readdirSync(cache).map((name) => join(cache, name))).toEqual([
      "path" in second ? second.path : "",
    ]);
  });

  test("without a compiler it isn't there, and why", async () => {
    expect(await compileUiohook({ program: undefined, folder: cache })).toEqual({
      why: "there was no C compiler where stint was built",
      hint: HINT,
    });
  });

  test.each([
    [
      "a header",
      "echo 'input_hook.c:26:10: fatal error: X11/Xlib.h: No such file or directory' >&2; exit 1",
      "X11/Xlib.h was missing where stint was built",
    ],
    [
      "a library",
      "echo '/usr/bin/ld: cannot find -lXtst' >&2; exit 1",
      "-lXtst was missing where stint was built",
    ],
    ["sense", "echo 'addon.c:1:1: error: no' >&2; exit 1", "it couldn't be compiled: addon.c:1:1: error: no"],
  ])("without %s it isn't there, and nothing is left behind", async (_, work, why) => {
    expect(await compileUiohook({ program: compiler(work), folder: cache })).toEqual({ why, hint: HINT });
    expect(readdirSync(cache)).toEqual([]);
  });

  test("a compiler that doesn't work is one line", async () => {
    expect(await compileUiohook({ program: "/bin/false", folder: cache })).toMatchObject({
      why: "the C compiler where stint was built doesn't work",
    });
  });

  test("asks nothing of libuv, which would end Bun", async () => {
    const compiled = await compileUiohook();
    const path = "path" in compiled ? compiled.path : "";
    const ran = Bun.spawnSync(["nm", "-D", "--undefined-only", path]);
    const symbols = ran.stdout.toString();
    expect(symbols).toContain("pthread_cond_wait");
    expect(symbols).not.toContain("uv_");
  });
});

describe("in an executable", () => {
  let made: string;
  beforeAll(async () => {
    made = await compile({ entry: probe, outfile: join(scratch, "made/probe") });
    renameSync(made, join(scratch, "probe"));
  }, 30_000);

  test("it is there, and is loaded from the cache", () => {
    const run = (argument: string) =>
      Bun.spawnSync([join(scratch, "probe"), argument], {
        cwd: scratch,
        env: { XDG_CACHE_HOME: join(scratch, "cache") },
      }).stdout.toString();
    expect(JSON.parse(run(""))).toEqual({ there: true, loaded: null });
    expect(JSON.parse(run("load"))).toEqual({ there: true, loaded: ["keyTap", "start", "stop"] });
    expect(readdirSync(join(scratch, "cache/stint/native"))).toEqual([
      expect.stringMatching(/^uiohook-napi-1\.5\.5-[0-9a-f]{16}$/),
    ]);
  });

  test("it counts keys", async () => {
    const entry = join(import.meta.dir, "../track/senses/fixture-uiohook.ts");
    const program = await compile({ entry, outfile: join(scratch, "count") });
    await using display = await X11.open({ manager: false });
    const env = { ...process.env, ...display.env, XDG_CACHE_HOME: join(scratch, "cache") };
    const { keyboard } = uiohookSenses({ idleMs: 2_000, env, command: [program, "track", "__uiohook"] });
    if (!("open" in keyboard)) throw new Error(keyboard.unavailable);
    const counter = new KeyCounter(2_000);
    await using _ = await keyboard.open(counter)(new AbortController().signal, () => {});
    await display.xdotool("type", "--delay", "2", "abc");
    let presses = 0;
    await until(
      () => {
        presses += counter.take().presses;
        return presses;
      },
      (counted) => counted === 3,
    );
  }, 30_000);
});

describe("in a build for another platform", () => {
  const bundle = async (platform: string) => {
    const built = await Bun.build({ entrypoints: [probe], target: "bun", plugins: [nativeAddons(platform)] });
    const code = await built.outputs[0]?.text();
    return { code: code ?? "", files: built.outputs.slice(1).map(({ path }) => path) };
  };

  test("Windows' has the file that was published", async () => {
    const { code, files } = await bundle("win32-x64");
    expect(files).toEqual([expect.stringMatching(/uiohook-napi-\w+\.node$/)]);
    expect(code).toContain("there: true");
  });

  test.each(["linux-arm64", "darwin-arm64"])("%s' goes without, and says why", async (platform) => {
    const { code, files } = await bundle(platform);
    expect(files).toEqual([]);
    expect(code).toContain(
      `it isn't in a build for ${platform} that was made on ${process.platform}-${process.arch}`,
    );
  });
});

test("from source it is what a build has compiled", async () => {
  await compileUiohook();
  const ran = Bun.spawnSync([process.execPath, probe, "load"]);
  expect(JSON.parse(ran.stdout.toString())).toEqual({ there: true, loaded: ["keyTap", "start", "stop"] });
});
