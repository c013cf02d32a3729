import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile } from "../../build/compile.ts";
import { Sandbox } from "../support/sandbox.ts";

/** The executable for another processor, in an emulator: Bun's runtime for it comes from the npm registry. */
test("the executable for linux-arm64 says its version, and a run comes to the same bits", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stint-test-arm64-"));
  try {
    const entry = join(import.meta.dir, "../../src/main.ts");
    const made = await compile({ entry, outfile: join(folder, "stint"), platform: "linux-arm64" });
    await using there = new Sandbox(["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu", made]);
    await using here = new Sandbox();
    expect((await there.run(["--version"])).out).toMatch(/^stint \d+\.\d+\.\d+ \(.*, bun \d.*\)\n$/);
    const [ran, wanted] = await Promise.all([there.run(["backtest", "run"]), here.run(["backtest", "run"])]);
    expect({ code: ran.code, err: ran.err }).toEqual({ code: 0, err: "" });
    expect(ran.lines.at(-1)?.["hash"]).toBe(wanted.lines.at(-1)?.["hash"] as string);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
