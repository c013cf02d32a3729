import { expect, test } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { PomoBox } from "../support/pomo.ts";
import { until } from "../support/sandbox.ts";
import { canMount, fill, onSmallDisk } from "../support/small-disk.ts";

test.skipIf(!canMount)(
  "on a full disk the timer goes on and says so; what happened is written later",
  async () => {
    await using box = new PomoBox();
    const data = join(box.home, "data");
    mkdirSync(data);
    const command = onSmallDisk(data, box.command);
    const host = Bun.spawn([...command, "pomo", "start", "it", "--foreground", "--work", "1h"], {
      cwd: box.work,
      env: box.env,
      stdout: "ignore",
      stderr: "ignore",
    });
    await until(() => box.host);
    await until(
      () => box.pomo("status"),
      ({ state }) => state === "running",
    );
    // The disk as the host sees it.
    const seen = join(`/proc/${box.host}/root`, data);
    fill(join(seen, "filler"));
    const full = await until(
      () => box.pomo("toggle"),
      ({ unsaved }) => unsaved !== null,
    );
    expect(String(full["unsaved"])).toContain("is full");
    const skipped = await box.pomo("skip");
    expect(skipped).toMatchObject({ session_type: "SHORT_BREAK", state: "running" });
    expect(String(skipped["unsaved"])).toContain("is full");
    const { err } = await box.run(["pomo", "finish"]);
    expect(err).toContain("not saved yet");
    rmSync(join(seen, "filler"));
    const saved = await box.pomo("extend", "5m").catch(() => box.pomo("toggle"));
    expect(saved).toMatchObject({ unsaved: null, today: { interrupted: 1 } });
    host.kill();
    expect(await host.exited).toBe(143);
  },
);
