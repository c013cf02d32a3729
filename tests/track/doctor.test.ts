/** `stint track doctor`, as a user has it. */
import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Sandbox, stint } from "../support/sandbox.ts";
import { X11 } from "../support/x11.ts";

const nowhere = { DISPLAY: "", WAYLAND_DISPLAY: "", SWAYSOCK: "" };

/** Its findings by their names. */
async function doctor(box: Sandbox) {
  const ran = await box.run(["track", "doctor", "--json"]);
  const found = Object.fromEntries(ran.lines.map((line) => [line["name"] ?? line["type"], line]));
  return { ...ran, found };
}

test("on an X display all can work, as was tried, and no title is told", async () => {
  await using x = await X11.open({ size: "640x480x24" });
  await x.xterm("a secret plan");
  await using box = new Sandbox(stint.source, x.env);
  const { code, found, out, err } = await doctor(box);
  expect([code, err]).toEqual([0, ""]);
  const seen = { type: "sense", desktop: "x11", via: "x11", ok: true, reason: null };
  expect(found).toMatchObject({
    keyboard: seen,
    mouse: seen,
    apps: { ...seen, detail: "xterm is active" },
    screenshots: { ...seen, detail: "1 monitor: 640×480" },
    idle: seen,
    "screenshot folder": {
      type: "check",
      ok: true,
      detail: join(box.home, "data/stint/screenshots/default"),
    },
    tracking: { type: "check", ok: false, reason: "nothing is tracked now" },
  });
  expect(out).not.toContain("secret");
});

test("what can't work is told with its reason", async () => {
  await using box = new Sandbox(stint.source, nowhere);
  const { code, found } = await doctor(box);
  expect(code).toBe(1);
  expect(found).toMatchObject({
    keyboard: { ok: false, via: null, reason: "without a display keys can't be counted" },
    apps: { via: "console", ok: true },
    note: { note: expect.stringContaining("8 s") },
  });
});

test("a display that isn't there, a folder that can't be written, and a wish that can't be met", async () => {
  await using box = new Sandbox(stint.source, { ...nowhere, DISPLAY: ":4093" });
  const folder = join(box.home, "config/stint");
  mkdirSync(folder, { recursive: true });
  const file = join(box.home, "file");
  writeFileSync(file, "");
  writeFileSync(join(folder, "config.yaml"), `track: { input: sway, screenshot_folder: ${file} }\n`);
  const { code, found } = await doctor(box);
  expect(code).toBe(1);
  expect(found).toMatchObject({
    keyboard: { ok: false, via: "x11", reason: "the X server :4093 isn't there" },
    "screenshot folder": { ok: false, reason: expect.stringContaining(file) },
    note: { note: expect.stringContaining("track.input is sway, which can't be") },
  });
});
