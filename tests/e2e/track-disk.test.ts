/** Tracking on a disk that is full, and on one that has damaged the store. */
import { expect, test } from "bun:test";
import { closeSync, mkdirSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { canMount, fill, onSmallDisk } from "../support/small-disk.ts";
import { TrackBox } from "../support/track.ts";

test.skipIf(!canMount)(
  "on a full disk tracking goes on and says so, isn't stopped, and is written once there is room",
  async () => {
    await using box = new TrackBox();
    const data = join(box.home, "data");
    mkdirSync(data);
    const command = onSmallDisk(data, box.command, 2);
    const host = Bun.spawn([...command, "track", "start", "--foreground"], {
      cwd: box.work,
      env: box.env,
      stdout: "ignore",
      stderr: "ignore",
    });
    await box.until(({ state, host }) => state === "running" && host === true);
    // The disk as the host sees it.
    const seen = join(`/proc/${box.host}/root`, data);
    fill(join(seen, "filler"));
    const full = await box.until(({ unsaved }) => unsaved !== null);
    expect(String(full["unsaved"])).toContain("is full");
    await box.track("pause");
    await box.track("resume");
    const refused = await box.run(["track", "stop"]);
    expect(refused.code).toBe(74);
    expect(refused.err).toContain("not stopped");
    const before = await box.track("status");
    rmSync(join(seen, "filler"));
    const saved = await box.until(({ unsaved }) => unsaved === null, 15_000);
    expect(Number(saved["worked_ms"])).toBeGreaterThanOrEqual(Number(before["worked_ms"]));
    host.kill();
    expect(await host.exited).toBe(143);
  },
);

test("a damaged store is set aside by the next start, with what could be read", async () => {
  await using box = new TrackBox();
  await box.track("add", "--from", "00:00", "--to", "00:01", "--project", "acme");
  for (let n = 0; n < 3; n++) {
    await box.track("start", "--detach");
    await box.until(({ worked_ms }) => Number(worked_ms) > 100);
    await box.track("stop");
  }
  const path = join(box.home, "data/stint/stint.db");
  const middle = Math.floor(statSync(path).size / 4096 / 2) * 4096;
  const fd = openSync(path, "r+");
  for (let page = 0; page < 6; page++) writeSync(fd, Buffer.alloc(4096, 0xa5), 0, 4096, middle + page * 4096);
  closeSync(fd);
  const started = await box.run(["track", "start", "--detach"]);
  expect({ code: started.code, err: started.err }).toMatchObject({ code: 0 });
  await box.until(({ state }) => state === "running");
  await box.track("stop");
});
