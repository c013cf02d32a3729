import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { compile } from "../../build/compile.ts";
import { nativeAddons } from "../../build/native.ts";

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "stint-detect-"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const entry = join(import.meta.dir, "probes/detect/detect.ts");

describe("what detect needs of native code, in an executable alone in an empty folder", () => {
  let probe: string;
  beforeAll(async () => {
    const made = await compile({ entry, outfile: join(scratch, "made/probe") });
    mkdirSync(join(scratch, "alone"));
    probe = join(scratch, "alone/probe");
    renameSync(made, probe);
  }, 30_000);

  async function run(what: string) {
    const child = Bun.spawn([probe, what], {
      cwd: dirname(probe),
      env: { HOME: scratch },
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    expect({ errors, code }).toEqual({ errors: "", code: 0 });
    const report = JSON.parse(out) as { people?: number; devices?: number; version?: string; maps: string[] };
    // Nothing but the system's own comes from elsewhere than the cache.
    const own = report.maps.filter((path) => !/^\/(usr\/)?lib/.test(path));
    for (const path of own) expect(path).toStartWith(join(scratch, ".cache/stint/native"));
    return { ...report, own: own.map((path) => path.split("/").at(-1)).sort() };
  }

  test("isn't loaded before it is needed", async () => {
    expect(await run("none")).toMatchObject({ own: [] });
    expect(readdirSync(scratch).sort()).toEqual(["alone", "made"]);
  });

  test("looks at a picture in a thread, with the model that is inside, and says nothing of its own", async () => {
    expect(await run("look")).toMatchObject({
      people: 0,
      own: ["libonnxruntime.so.1", "onnxruntime_binding.node"],
    });
  });

  test("asks the kernel for HID devices", async () => {
    const { version, own } = await run("hid");
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(own).toEqual(["node-napi-v4.node"]);
  });
});

test("where a package has nothing for a platform, its build says so when it is needed", async () => {
  const built = await Bun.build({
    entrypoints: [join(import.meta.dir, "probes/detect/addons.ts")],
    outdir: join(scratch, "foreign"),
    target: "bun",
    plugins: [nativeAddons("freebsd-x64")],
  });
  expect(built.success).toBe(true);
  const ran = Bun.spawnSync([process.execPath, join(scratch, "foreign/addons.js")]);
  expect(ran.stdout.toString().trim().split("\n")).toEqual([
    "onnxruntime-node is not in this build of stint (freebsd-x64)",
    "node-hid is not in this build of stint (freebsd-x64)",
  ]);
});
