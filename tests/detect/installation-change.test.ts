import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readlinkSync, statSync, symlinkSync, watch } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parse } from "yaml";
import { changeInstallation, loadInstallation, type Raw } from "../../src/detect/adapters/installation.ts";
import { Expected } from "../../src/kernel/errors.ts";
import { InstallationScene } from "../support/installation.ts";

let scene: InstallationScene;
beforeEach(() => {
  scene = new InstallationScene();
});
afterEach(() => scene[Symbol.dispose]());

const change = (edit: (raw: Raw) => void) => changeInstallation("default", edit);
const refused = async (edit: (raw: Raw) => void) => {
  const error = await change(edit).then(
    () => new Error("nothing failed"),
    (error: unknown) => error,
  );
  if (!(error instanceof Expected)) throw error;
  return [error.exit, error.message];
};

const file = `# The plant.

version: 2

cameras:
  # by the door
  - name: hall # the old one
    url: /hall.mp4
    fps: 4 # enough

    zones:
      - name: press
        points: [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]] # drawn in May
        relays: [lamp]
  # behind the gate
  - name: yard
    url: /yard.mp4
  # nobody knows
  - {name: roof, url: /roof.mp4}

boards:
  - name: board
relays:
  - id: lamp # red

# the end
`;

describe("a change", () => {
  test("makes the file when there is none, for its owner alone", async () => {
    const { installation, path } = await change((raw) => {
      raw.cameras ??= [];
      raw.cameras.push({ name: "hall", url: "rtsp://u:secret@10.0.0.7/s" });
    });
    expect(path).toBe(scene.path);
    expect(installation.cameras[0]?.fps).toBe(5);
    expect(scene.text).toBe("version: 2\ncameras:\n  - name: hall\n    url: rtsp://u:secret@10.0.0.7/s\n");
    expect(statSync(scene.path).mode & 0o777).toBe(0o600);
    expect((await loadInstallation("default")).installation).toEqual(installation);
  });

  test("keeps the comments and the order of what it isn't about", async () => {
    scene.write(file);
    await change((raw) => {
      const [hall] = raw.cameras ?? [];
      if (hall) hall.fps = 2;
    });
    expect(scene.text).toBe(file.replace("fps: 4", "fps: 2"));
    scene.write(file);
    await change((raw) => {
      raw.retention = { days: 7 };
    });
    expect(scene.text).toBe(file.replace("\n# the end", "retention:\n  days: 7\n\n# the end"));
  });

  test("that removes an item leaves the comments of the others with them", async () => {
    scene.write(file);
    await change((raw) => {
      raw.cameras = raw.cameras?.filter(({ name }) => name !== "yard");
    });
    expect(scene.text).toBe(file.replace("  # behind the gate\n  - name: yard\n    url: /yard.mp4\n", ""));
  });

  test("of a name keeps what stands beside it, and an order that changes takes its comments along", async () => {
    scene.write(file);
    await change((raw) => {
      const [hall, yard, roof] = raw.cameras ?? [];
      if (!hall || !yard || !roof) throw new Error("a camera is missing");
      hall.name = "door";
      raw.cameras = [hall, roof, yard];
    });
    expect(scene.text).toContain("- name: door # the old one\n    url: /hall.mp4\n    fps: 4 # enough\n");
    expect(scene.text).toContain("  # behind the gate\n  - name: yard\n");
    expect(scene.text.indexOf("roof")).toBeLessThan(scene.text.indexOf("yard"));
  });

  test("writes zones as a person would: points on one line", async () => {
    scene.write(file);
    await change((raw) => {
      const [hall, yard] = raw.cameras ?? [];
      const zone = hall?.zones?.[0];
      if (!zone || !yard) throw new Error("a zone is missing");
      zone.points = [
        [0, 0],
        [1, 0],
        [1, 1],
      ];
      yard.zones = [{ name: "gate", points: zone.points, relays: ["lamp"], armed: ["mon-fri 06:00-18:00"] }];
    });
    expect(scene.text).toContain("        points: [[0, 0], [1, 0], [1, 1]] # drawn in May\n");
    expect(scene.text).toContain(`  - name: yard
    url: /yard.mp4
    zones:
      - name: gate
        points: [[0, 0], [1, 0], [1, 1]]
        relays: [lamp]
        armed: [mon-fri 06:00-18:00]
`);
  });

  test("that changes nothing leaves the file alone", async () => {
    const odd = "version:   2\ncameras: [ ]   # later\n";
    scene.write(odd);
    await change(() => {});
    expect(scene.text).toBe(odd);
  });

  test("fills lists and headings that were left empty", async () => {
    scene.write("version: 2\ncameras: [] # later\nrelays: # none\nboards: []\n");
    await change((raw) => {
      raw.cameras?.push({ name: "a", url: "/a" });
      raw.relays ??= [];
      raw.relays.push({ id: "lamp" });
      raw.boards?.push({ name: "board" });
    });
    expect(parse(scene.text)).toEqual({
      version: 2,
      cameras: [{ name: "a", url: "/a" }],
      relays: [{ id: "lamp" }],
      boards: [{ name: "board" }],
    });
    expect(scene.text).toContain("# later");
    expect(scene.text).toContain("  - name: a\n    url: /a\n");
  });

  test("of what an anchor gives to two is made in one place, or refused", async () => {
    scene.write(`version: 2
cameras:
  - name: a
    url: /a
    masks: &frame [[[0, 0], [1, 0], [1, 1]]]
  - name: b
    url: /b
    masks: *frame
`);
    await change((raw) => {
      const b = raw.cameras?.[1];
      if (b) b.masks = [];
    });
    const { cameras } = (await loadInstallation("default")).installation;
    expect(cameras.map(({ masks }) => masks.length)).toEqual([1, 0]);
  });

  test("that wouldn't be right is refused in its own words, and the file stays", async () => {
    scene.write(file);
    const twice = (raw: Raw) => raw.cameras?.push({ name: "hall", url: "/x" });
    expect(await refused(twice)).toEqual([2, "cameras[3].name: hall is there already: cameras[0].name"]);
    const bad = (raw: Raw) => raw.cameras?.push({ name: "x", url: "ftp://u:geheim@h" });
    expect(await refused(bad)).toEqual([2, "cameras[3].url: there are no cameras at ftp://"]);
    expect(scene.text).toBe(file);
  });

  test("of a file that is broken is refused with its line, and the file stays", async () => {
    for (const [text, said] of [
      ["version: 2\nfoo: 1\n", "2:1: foo: there is no such key"],
      ["version: 2\nfoo: [\n", "3:1: "],
    ] as const) {
      scene.write(text);
      const [exit, words] = await refused(() => {});
      expect(exit).toBe(78);
      expect(words).toStartWith(`${scene.path}:${said}`);
      expect(scene.text).toBe(text);
    }
  });

  test("is made where the user's link leads", async () => {
    mkdirSync(join(scene.folder, "dotfiles"));
    symlinkSync("../../dotfiles/detect.yaml", scene.path);
    await change((raw) => {
      raw.retention = { days: 3 };
    });
    expect(readlinkSync(scene.path)).toBe("../../dotfiles/detect.yaml");
    expect(existsSync(join(scene.folder, "dotfiles/detect.yaml"))).toBe(true);
  });

  test("waits for another's, so that neither undoes the other", async () => {
    const names = Array.from({ length: 8 }, (_, n) => `c${n}`);
    const add = (name: string) =>
      change((raw) => {
        raw.cameras ??= [];
        raw.cameras.push({ name, url: `/${name}` });
      });
    await Promise.all(names.map(add));
    const { cameras } = (await loadInstallation("default")).installation;
    expect(cameras.map(({ name }) => name).sort()).toEqual(names);
  });

  test("killed at any moment leaves the old file or the new, and no debris after the next", async () => {
    // Large enough that writing it takes a while: a write in place would be caught half done.
    const pad = `# ${"x".repeat(98)}\n`.repeat(200);
    const text = (megabytes: number) => `version: 2\nretention:\n  megabytes: ${megabytes} # MB\n\n${pad}`;
    scene.write(text(1));
    const installer = join(scene.folder, "installer.js");
    const entrypoints = [join(import.meta.dir, "fixture-installer.ts")];
    const built = await Bun.build({ entrypoints, target: "bun", minify: true });
    await Bun.write(installer, built.outputs[0] ?? "");
    for (let n = 0; n < 12; n++) {
      const child = spawn(process.execPath, [installer], { stdio: ["ignore", "pipe", "inherit"] });
      const closed = new Promise((resolve) => child.once("close", (_code, signal) => resolve(signal)));
      let said = "";
      await new Promise<void>((resolve) => {
        child.once("close", () => resolve());
        child.stdout.setEncoding("utf8").on("data", (text: string) => {
          said += text;
          resolve();
        });
      });
      // A moment of a save, every other time: left to chance alone, few kills would meet one.
      if (n % 2 === 0) await unfinished(dirname(scene.path));
      else await wait(Math.random() * 10);
      child.kill("SIGKILL");
      expect(await closed).toBe("SIGKILL");
      const acknowledged = Number(said.trim().split("\n").at(-1));
      const { megabytes } = parse(scene.text).retention;
      expect([acknowledged, acknowledged + 1]).toContain(megabytes);
      expect(scene.text).toBe(text(megabytes));
    }
    await change((raw) => {
      raw.retention = { megabytes: 1 };
    });
    expect(readdirSync(dirname(scene.path))).toEqual(["detect.yaml"]);
    expect(scene.text).toBe(text(1));
  });
});

/** Resolves as soon as a file that is being saved appears in the folder. */
const unfinished = (folder: string) =>
  new Promise<void>((resolve) => {
    const watcher = watch(folder, (_event, name) => {
      if (!name?.endsWith(".stint-save")) return;
      watcher.close();
      resolve();
    });
  });
