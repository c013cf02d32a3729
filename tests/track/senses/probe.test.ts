/** Which backend is chosen, by what the environment says. */
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Exit, Expected } from "../../../src/kernel/errors.ts";
import { probe, type Wish } from "../../../src/track/adapters/senses/probe.ts";
import type { Probed } from "../../../src/track/adapters/senses/sense.ts";

type Env = Record<string, string>;
const probed = (env: Env, input: Wish["input"] = "auto", platform: NodeJS.Platform = "linux") =>
  probe({ input, idleMs: 2_000 }, env, platform);

/** The backend of each sense, or that there is none. */
const backends = ({ senses }: Probed) =>
  Object.fromEntries(
    Object.entries(senses).map(([name, offer]) => [name, "via" in offer ? offer.via : "none"]),
  );
const all = (via: string) => ({ keyboard: via, mouse: via, presence: via, windows: via, screen: via });

async function refusal(promise: Promise<unknown>): Promise<Expected> {
  const error = await promise.then(
    () => undefined,
    (thrown) => thrown,
  );
  if (!(error instanceof Expected)) throw new Error(`not refused: ${error}`);
  expect(error.exit).toBe(Exit.unavailable);
  expect(error.hint).toBeString();
  return error;
}

describe("of itself", () => {
  test("an X session is seen by X11, whether or not its server is there yet", async () => {
    const found = await probed({ DISPLAY: ":4093" });
    expect(found.desktop).toBe("x11");
    expect(backends(found)).toEqual(all("x11"));
  });

  test("a Wayland session isn't taken for the XWayland in it, and it is said why", async () => {
    const found = await probed({ DISPLAY: ":0", WAYLAND_DISPLAY: "wayland-0" });
    expect(found.desktop).toBe("wayland");
    expect(Object.values(backends(found))).not.toContain("x11");
    expect(found.senses.keyboard).toHaveProperty("unavailable");
    expect(found.notes.join()).toContain("XWayland (DISPLAY) isn't listened to: it hears only X windows");
  });

  test("sway is seen by sway", async () => {
    const folder = mkdtempSync(join(tmpdir(), "stint-test-sway-"));
    const socket = join(folder, "sway-ipc.0.1.sock");
    writeFileSync(socket, "");
    try {
      const found = await probed({ SWAYSOCK: socket, WAYLAND_DISPLAY: "wayland-1" });
      expect(found.desktop).toBe("sway");
      expect(backends(found)).toMatchObject({ keyboard: "none", presence: "sway", windows: "sway" });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("without a display the terminals are looked at", async () => {
    const found = await probed({ DISPLAY: "", WAYLAND_DISPLAY: "" });
    expect(found.desktop).toBe("none");
    const none = { keyboard: "none", mouse: "none", screen: "none" };
    expect(backends(found)).toEqual({ presence: "console", windows: "console", ...none });
    expect(found.notes.join()).toContain("steps of 8 s");
  });

  test.each(["win32", "darwin"] as const)(
    "%s has keys and the mouse by uiohook at most",
    async (platform) => {
      const found = await probed({ DISPLAY: ":0" }, "auto", platform);
      expect(found.desktop).toBe("none");
      expect(backends(found)["keyboard"]).toMatch(/^(uiohook|none)$/);
      expect(backends(found)).toMatchObject({ presence: "none", windows: "none", screen: "none" });
    },
  );
});

describe("on request", () => {
  test("the terminals are looked at though there is a display", async () => {
    expect(backends(await probed({ DISPLAY: ":0" }, "console"))).toMatchObject({ windows: "console" });
  });

  test("uiohook counts keys and the mouse alone, or it is said what it lacks", async () => {
    const found = await probed({ DISPLAY: ":0" }, "uiohook").catch((error) => error);
    if (found instanceof Expected) expect(found.message).toContain("uiohook-napi");
    else expect(backends(found)).toEqual({ ...all("x11"), keyboard: "uiohook", mouse: "uiohook" });
  });

  test("what isn't there is refused, with the reason", async () => {
    const wayland = { DISPLAY: ":0", WAYLAND_DISPLAY: "wayland-0" };
    expect((await refusal(probed(wayland, "x11"))).message).toContain("XWayland hears only X windows");
    expect((await refusal(probed({}, "x11"))).message).toContain("DISPLAY isn't set");
    expect((await refusal(probed({ DISPLAY: ":0" }, "sway"))).message).toContain("there is no sway");
    expect((await refusal(probed({}, "uiohook"))).message).toContain("uiohook-napi");
    expect((await refusal(probed({}, "x11", "win32"))).message).toContain("Linux alone");
  });
});
