import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  dataFolder,
  dataPath,
  privateFolder,
  socketPath,
  stateFolder,
  statePath,
  userConfigPath,
} from "../../src/kernel/paths.ts";
import { enterHome, type Home } from "../support/home.ts";

let home: Home;
beforeEach(() => {
  home = enterHome();
});
afterEach(() => home[Symbol.dispose]());

const mode = (path: string) => statSync(path).mode & 0o777;
const uid = process.getuid?.() ?? 0;
const temporary = `/tmp/stint-${uid}`;

describe("folders", () => {
  test("are where the XDG variables say, private, their parents too", () => {
    expect(dataFolder()).toBe(join(home.path, "data/stint"));
    expect(stateFolder()).toBe(join(home.path, "state/stint"));
    for (const path of ["data", "data/stint", "state", "state/stint"])
      expect(mode(join(home.path, path))).toBe(0o700);
  });

  test("are nowhere until they are asked for", () => {
    for (const path of [dataPath(), statePath(), userConfigPath()]) {
      expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
    }
  });

  test.each(["", "relative/path", "./x"])("go to their defaults when the variable is '%s'", (value) => {
    for (const name of ["XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"]) process.env[name] = value;
    expect(dataPath()).toEndWith("/.local/share/stint");
    expect(statePath()).toEndWith("/.local/state/stint");
    expect(userConfigPath()).toEndWith("/.config/stint/config.yaml");
  });

  test("that were open to others are closed to them", () => {
    mkdirSync(dataPath(), { recursive: true });
    chmodSync(dataPath(), 0o755);
    expect(mode(dataFolder())).toBe(0o700);
  });

  test("that can't be made are named, with the variable to set", () => {
    writeFileSync(join(home.path, "data"), "");
    expect(dataFolder).toThrow(
      expect.objectContaining({ name: "Expected", exit: 74, hint: expect.stringContaining("XDG_DATA_HOME") }),
    );
    expect(dataFolder).toThrow(join(home.path, "data/stint"));
  });

  test("may be a link of the user's to another disk", () => {
    mkdirSync(join(home.path, "elsewhere"));
    mkdirSync(join(home.path, "data"));
    symlinkSync(join(home.path, "elsewhere"), dataPath());
    expect(dataFolder()).toBe(dataPath());
  });

  const other = uid === 0 ? 12345 : undefined;
  const refused = expect.objectContaining({
    name: "Expected",
    exit: 78,
    hint: "set XDG_DATA_HOME to one that is",
  });
  // Only root can give a file away; what everybody has that is somebody else's is /.
  test("of another user are refused", () => {
    const path = other === undefined ? "/" : join(home.path, "theirs");
    if (other !== undefined) {
      mkdirSync(path);
      chownSync(path, other, other);
    }
    expect(() => privateFolder(path, "XDG_DATA_HOME")).toThrow(refused);
  });

  test.skipIf(other === undefined)("reached by another user's link are refused", () => {
    mkdirSync(join(home.path, "mine"));
    symlinkSync(join(home.path, "mine"), join(home.path, "link"));
    Bun.spawnSync(["chown", "-h", String(other), join(home.path, "link")]);
    expect(() => privateFolder(join(home.path, "link"), "XDG_DATA_HOME")).toThrow(refused);
  });
});

describe("the control socket", () => {
  test("is in the run folder, in a private folder of ours", () => {
    const path = socketPath("pomo.default");
    expect(path).toMatch(/\/run\/stint\/pomo-[a-z0-9]+\.sock$/);
    expect(mode(join(home.path, "run/stint"))).toBe(0o700);
    expect(socketPath("pomo.default")).toBe(path);
  });

  test("is another one for each seat, and for each state folder", () => {
    const paths = new Set(["pomo.default", "pomo.work", "track"].map(socketPath));
    process.env["XDG_STATE_HOME"] = join(home.path, "other");
    paths.add(socketPath("pomo.default"));
    expect(paths.size).toBe(4);
  });

  test("is short enough for every system, however long the profile's name", () => {
    const path = socketPath(`backtest.${"p".repeat(40)}.0198c2a4-0000-7000-8000-000000000000`);
    expect(path.length).toBeLessThanOrEqual(103);
  });

  test.each([
    ["isn't set", undefined],
    ["is relative", "run"],
    ["isn't there", "/nonexistent/run"],
    ["has a space", "a b"],
    ["isn't ASCII", "läufe"],
    ["is too long", "x".repeat(100)],
    ["has a colon", "a:b"],
  ])("is in /tmp when the run folder %s", (_, name) => {
    if (name === undefined) delete process.env["XDG_RUNTIME_DIR"];
    else if (name === "run" || name.startsWith("/")) process.env["XDG_RUNTIME_DIR"] = name;
    else {
      mkdirSync(join(home.path, name), { mode: 0o700 });
      process.env["XDG_RUNTIME_DIR"] = join(home.path, name);
    }
    expect(socketPath("pomo.default")).toStartWith(`${temporary}/pomo-`);
    expect(mode(temporary)).toBe(0o700);
  });

  test.skipIf(uid !== 0)("isn't in a run folder that su left behind, and nothing is made there", () => {
    chownSync(join(home.path, "run"), 12345, 12345);
    expect(socketPath("pomo.default")).toStartWith(temporary);
    expect(statSync(join(home.path, "run/stint"), { throwIfNoEntry: false })).toBeUndefined();
  });
});
