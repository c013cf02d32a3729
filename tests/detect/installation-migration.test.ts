import { afterEach, beforeEach, expect, spyOn, test } from "bun:test";
import { linkSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import {
  changeInstallation,
  checkInstallation,
  loadInstallation,
} from "../../src/detect/adapters/installation.ts";
import { Expected } from "../../src/kernel/errors.ts";
import * as output from "../../src/kernel/output.ts";
import { InstallationScene } from "../support/installation.ts";

let scene: InstallationScene;
let told: string[];
let talk: { mockRestore(): void };
beforeEach(() => {
  scene = new InstallationScene();
  told = [];
  talk = spyOn(output, "talk").mockImplementation((text) => void told.push(text));
});
afterEach(() => {
  talk.mockRestore();
  scene[Symbol.dispose]();
});

const points = "[[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]";
const old = `# The plant.
version: 1
cameras:
  - name: hall # by the door
    url: /hall.mp4
    fps: 4
  - name: yard
    url: /yard.mp4
zones:
  - name: gate
    camera: yard
    points: ${points}
    relay: 3
    hold: 2.5
    cooldown_seconds: 30
  - name: press
    camera: hall
    points: ${points}
    mode: permit
    relay: 1
    dwell: 1
  - name: bench
    camera: yard
    points: ${points}
    relay: 3
    cooldown_seconds: 60
retention:
  days: 7 # a week
`;
const files = () => readdirSync(dirname(scene.path)).sort();
const backup = (name: string) => readFileSync(join(dirname(scene.path), name), "utf8");

test("a file of version 1 is taken over, kept beside as it was, and that is told once", async () => {
  scene.write(old);
  const { installation } = await loadInstallation("default");
  const zones = installation.cameras.map((camera) =>
    camera.zones.map(({ name, relays, hold_ms, dwell_ms, mode }) => [
      name,
      relays[0],
      hold_ms,
      dwell_ms,
      mode,
    ]),
  );
  expect(zones).toEqual([
    [["press", "relay1", 1000, 1000, "permit"]],
    [
      ["gate", "relay3", 2500, 0, "alarm"],
      ["bench", "relay3", 1000, 0, "alarm"],
    ],
  ]);
  expect(installation.boards.map(({ name, kind }) => [name, kind])).toEqual([["board", "usb-hid"]]);
  const relays = installation.relays.map(({ id, board, channel, cooldown_ms, max_on_ms }) => {
    return [id, board, channel, cooldown_ms, max_on_ms];
  });
  expect(relays).toEqual([
    ["relay1", "board", 1, 0, null],
    ["relay3", "board", 3, 60_000, 600_000],
  ]);
  expect(parse(scene.text)).toMatchObject({ version: 2, retention: { days: 7 } });
  for (const comment of ["# The plant.", "# by the door", "# a week"]) expect(scene.text).toContain(comment);
  expect(scene.text).toContain("        hold: 2s500ms\n");
  expect(backup("detect.yaml.v1")).toBe(old);
  expect(told).toEqual([
    `stint: ${scene.path} was of version 1 and is of version 2 now; as it was: ${scene.path}.v1\n`,
  ]);
  expect((await loadInstallation("default")).installation).toEqual(installation);
  expect(told.length).toBe(1);
  expect(files()).toEqual(["detect.yaml", "detect.yaml.v1"]);
});

test("what was kept before is never overwritten", async () => {
  for (const days of [1, 2, 3]) {
    scene.write(old.replace("days: 7", `days: ${days}`));
    await loadInstallation("default");
  }
  expect(files()).toEqual(["detect.yaml", "detect.yaml.v1", "detect.yaml.v1.2", "detect.yaml.v1.3"]);
  expect(backup("detect.yaml.v1")).toContain("days: 1 ");
  expect(backup("detect.yaml.v1.2")).toContain("days: 2 ");
});

test("one that was killed after it had kept the old file goes on with that", async () => {
  scene.write(old);
  linkSync(scene.path, `${scene.path}.v1`);
  writeFileSync(join(dirname(scene.path), ".detect.yaml.0123456789abcdef.stint-save"), "half");
  await loadInstallation("default");
  expect(files()).toEqual(["detect.yaml", "detect.yaml.v1"]);
  expect(backup("detect.yaml.v1")).toBe(old);
});

test("two that start at once migrate it once", async () => {
  scene.write(old);
  const [a, b] = await Promise.all([loadInstallation("default"), loadInstallation("default")]);
  expect(a.installation).toEqual(b.installation);
  expect(files()).toEqual(["detect.yaml", "detect.yaml.v1"]);
  expect(told.length).toBe(1);
});

test("a change of one migrates it with it", async () => {
  scene.write(old);
  const { installation } = await changeInstallation("default", (raw) => {
    raw.cameras = raw.cameras?.filter(({ name }) => name === "hall");
  });
  expect(installation.cameras.map(({ zones }) => zones.length)).toEqual([1]);
  expect(backup("detect.yaml.v1")).toBe(old);
});

test("to check one changes nothing", async () => {
  scene.write(old);
  const { version, problems, installation } = await checkInstallation("default");
  expect({ version, problems, cameras: installation?.cameras.length }).toEqual({
    version: 1,
    problems: [],
    cameras: 2,
  });
  expect([files(), scene.text, told]).toEqual([["detect.yaml"], old, []]);
});

test.each([
  [
    "a camera that there isn't",
    "camera: yard",
    "camera: yrad",
    "11:5 zones[0].camera: there is no camera yrad",
  ],
  ["a time that is none", "hold: 2.5", "hold: 2s", "14:5 zones[0].hold: expected number, received string"],
  ["a word of no version", "dwell: 1", "delay: 1", "21:5 cameras[0].zones[0].delay: there is no such key"],
  [
    "a polygon that is none",
    `${points}\n    mode`,
    "[[0, 0], [1, 1]]\n    mode",
    "18:5 cameras[0].zones[0].points: needs three points at least",
  ],
  [
    "zones in a camera, which would be lost,",
    "    url: /yard.mp4",
    `    url: /yard.mp4\n    zones: [{ name: door, points: ${points} }]`,
    "9:5 cameras[1].zones: in version 1 zones stand in a list of their own",
  ],
  [
    "a list of boards",
    "retention:",
    "boards: [{ name: mine }]\nretention:",
    "27:1 boards: in version 1 a zone names its channel itself",
  ],
  [
    "a list of relays",
    "retention:",
    "relays: [{ id: mine }]\nretention:",
    "27:1 relays: in version 1 a zone names its channel itself",
  ],
  [
    "a relay of both modes",
    "relay: 1",
    "relay: 3",
    "13:5 cameras[1].zones[0].relays[0]: relay3 serves a zone of mode permit already",
  ],
])("%s is refused with its line, and the file stays", async (_, from, to, said) => {
  const broken = old.replace(from, to);
  scene.write(broken);
  const { problems } = await checkInstallation("default");
  const [first] = problems.map(({ line, column, key, text }) => `${line}:${column} ${key}: ${text}`);
  expect(first).toBe(said);
  await expect(loadInstallation("default")).rejects.toBeInstanceOf(Expected);
  expect([files(), scene.text]).toEqual([["detect.yaml"], broken]);
});
