import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import * as zones from "../../src/detect/adapters/zones-cli.ts";
import { enterHome, type Home } from "../support/home.ts";
import { inProcess } from "../support/in-process.ts";
import { pty } from "../support/pty.ts";
import { Sandbox, stint } from "../support/sandbox.ts";

/** A grey film of a second. */
const folder = mkdtempSync(join(tmpdir(), "stint-test-zones-"));
const film = join(folder, "grey.avi");
beforeAll(() => {
  const grey = ["-f", "lavfi", "-i", "color=c=gray:s=320x180:r=5:d=1"];
  const { exitCode } = Bun.spawnSync(["ffmpeg", "-v", "error", ...grey, "-c:v", "mjpeg", film]);
  expect(exitCode).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true }));

const INSTALLED = `version: 2
cameras:
  # over the door
  - name: hall
    url: ${film}
    masks: [[[0.8, 0], [1, 0], [1, 0.2]]]
    zones:
      - name: press # the old one
        points: [[0.1, 0.5], [0.6, 0.5], [0.6, 0.9], [0.1, 0.9]]
        relays: [lamp]
        dwell: 1500ms
        armed: [mon-fri 06:00-18:00]
  - name: gate
    url: ${join(folder, "none.avi")}
boards: [{name: sim, kind: simulator}]
relays: [{id: lamp}]
`;

/** A home of its own where processes are run. */
class Plant extends Sandbox {
  constructor() {
    super(stint.source);
    install(this.home);
  }
}

function install(home: string, installed = INSTALLED): string {
  const file = join(home, "config/stint/detect.yaml");
  mkdirSync(join(home, "config/stint"), { recursive: true });
  writeFileSync(file, installed);
  return file;
}

const PRESS = {
  name: "press",
  points: [
    [0, 0],
    [1, 0],
    [1, 1],
  ],
  hold: "2s",
};
const DOCK = {
  name: "dock",
  points: [
    [0, 0],
    [0.5, 0],
    [0.5, 0.5],
  ],
  relays: ["lamp"],
  frames: "2 of 4",
};
const exported = (...cameras: object[]) => JSON.stringify({ v: 1, type: "zones", cameras });

describe("zones", () => {
  let home: Home;
  let file: string;
  beforeAll(() => {
    home = enterHome();
  });
  afterAll(() => home[Symbol.dispose]());
  beforeEach(() => {
    file = install(home.path);
  });
  const list = () => inProcess(zones.list);
  const importing = (text: string) => {
    const from = join(home.path, "given.json");
    writeFileSync(from, text);
    return inProcess((context) => zones.importZones(context, from));
  };
  const show = (camera: string | undefined, png?: string) =>
    inProcess((context) => zones.show(context, camera, png === undefined ? {} : { png }));

  test("are listed", async () => {
    const { code, lines } = await list();
    expect(code).toBe(0);
    expect(lines).toMatchObject([
      {
        v: 1,
        type: "zone",
        camera: "hall",
        name: "press",
        mode: "alarm",
        dwell_ms: 1_500,
        armed: ["mon-fri 06:00-18:00"],
      },
    ]);
  });

  test("go out and come back in as they were", async () => {
    const out = join(home.path, "zones.json");
    const exporting = (to?: string) => inProcess((context) => zones.exportZones(context, to));
    expect(await exporting(out)).toMatchObject({ code: 0, lines: [{ type: "export", zones: 1 }] });
    const before = await list();
    const text = readFileSync(out, "utf8");
    expect(await importing(text)).toMatchObject({
      code: 0,
      lines: [{ type: "import", added: 0, replaced: 1 }],
    });
    expect((await list()).lines).toEqual(before.lines);
    expect((await exporting()).out).toBe(text);
  });

  test("that come in are added or replace those of their name; the others, and comments, stay", async () => {
    const { code, lines } = await importing(exported({ name: "hall", zones: [PRESS, DOCK] }));
    expect({ code, lines }).toMatchObject({ code: 0, lines: [{ added: 1, replaced: 1 }] });
    expect((await list()).lines).toMatchObject([
      { name: "press", hold_ms: 2_000, dwell_ms: 0, relays: [] },
      { name: "dock", relays: ["lamp"], enter: { n: 2, m: 4 } },
    ]);
    const installed = readFileSync(file, "utf8");
    expect(installed).toContain("# over the door");
    // What isn't told of masks leaves them.
    expect(installed).toContain("masks: [[[0.8, 0], [1, 0], [1, 0.2]]]");
  });

  const refused: [what: string, text: string, code: number, said: string][] = [
    ["no JSON", "{", 74, "given.json: it isn't JSON"],
    ["something else", '{"v":1,"type":"tasks"}', 74, "it isn't what stint detect zones export writes"],
    ["a newer one", '{"v":2,"type":"zones","cameras":[]}', 74, "another version"],
    ["no camera at all", exported(3 as never), 74, "cameras[0].name: isn't set"],
    [
      "a camera there isn't",
      exported({ name: "hal" }),
      74,
      "cameras[0].name: there is no camera hal\n  did you mean hall?",
    ],
    [
      "a zone that crosses itself, after one that is right",
      exported({
        name: "hall",
        zones: [
          PRESS,
          {
            ...DOCK,
            points: [
              [0, 0],
              [1, 1],
              [1, 0],
              [0, 1],
            ],
          },
        ],
      }),
      74,
      "cameras[0].zones[1].points: crosses or touches itself",
    ],
    [
      "a zone outside the picture",
      exported({
        name: "hall",
        zones: [
          {
            ...PRESS,
            points: [
              [0, 0],
              [1.2, 0],
              [1, 1],
            ],
          },
        ],
      }),
      74,
      "cameras[0].zones[0].points",
    ],
    [
      "a key there isn't",
      exported({ name: "hall", zones: [{ ...PRESS, holdd: "1s" }] }),
      74,
      "did you mean hold?",
    ],
    [
      "a relay there isn't",
      exported({ name: "gate", zones: [{ ...DOCK, relays: ["lam"] }] }),
      2,
      "there is no relay lam",
    ],
    [
      "a relay of an alarm for a permit",
      exported({ name: "gate", zones: [{ ...DOCK, mode: "permit" }] }),
      2,
      "lamp serves a zone of mode alarm already",
    ],
  ];
  test.each(refused)("aren't taken from %s, and nothing is changed", async (_, text, code, said) => {
    const ran = await importing(text);
    expect(ran.err).toContain(said);
    expect({ code: ran.code, out: ran.out }).toEqual({ code, out: "" });
    expect(readFileSync(file, "utf8")).toBe(INSTALLED);
  });

  test("are drawn on a picture of the camera, as a PNG file", async () => {
    const png = join(home.path, "hall.png");
    expect(await show("hall", png)).toMatchObject({ code: 0, out: "", err: `hall written to ${png}\n` });
    const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: 1_280, height: 720, channels: 3 });
    const at = (x: number, y: number) => [...data.subarray((y * 1_280 + x) * 3, (y * 1_280 + x) * 3 + 3)];
    const [r = 0, g = 0, b = 0] = at(640, 100);
    // Grey beyond the zone, blue in it, and its edge bluer still.
    expect(Math.max(r, g, b) - Math.min(r, g, b)).toBeLessThan(5);
    const blue = ([red = 0, , blue = 0]: number[]) => blue - red;
    expect(blue(at(500, 600))).toBeGreaterThan(20);
    expect(blue(at(500, 360))).toBeGreaterThan(100);
  });

  test("are shown of the one camera that there is; of several it is asked which", async () => {
    expect(await show(undefined, "-")).toMatchObject({
      code: 2,
      err: "stint: which camera?\n  there are hall, gate\n",
    });
    install(home.path, "version: 2\ncameras: []\n");
    expect(await show(undefined, "-")).toMatchObject({ code: 2, err: expect.stringContaining("no camera") });
    install(home.path, `version: 2\ncameras: [{name: hall, url: ${film}}]\n`);
    const png = join(home.path, "only.png");
    expect(await show(undefined, png)).toMatchObject({ code: 0, err: `hall written to ${png}\n` });
    expect(await sharp(png).metadata()).toMatchObject({ format: "png", width: 1_280 });
  });

  test("of a camera that gives no picture, or that isn't there, or drawn nowhere: said, with a hint", async () => {
    const none = await show("gate", "-");
    expect(none).toMatchObject({ code: 69, out: "" });
    expect(none.err).toStartWith("stint: gate: ");
    expect(await show("hal", "-")).toMatchObject({
      code: 2,
      err: "stint: there is no camera 'hal'\n  did you mean hall?\n",
    });
    expect(await show("hall")).toMatchObject({ code: 2, out: "" });
    expect(await inProcess((context) => zones.edit(context, "hal"))).toMatchObject({ code: 2, out: "" });
  });
});

describe.concurrent("a process of its own", () => {
  test("lists zones on a terminal as a table, and hands them on through pipes", async () => {
    await using plant = new Plant();
    await using screen = pty([...plant.command, "detect", "zones", "list"], { env: plant.env, columns: 100 });
    expect(await screen.exited).toBe(0);
    expect(screen.screen()).toMatch(
      /^hall\/press +alarm +lamp +3 of 5 +1s500ms +1s +trip +mon-fri 06:00-18:00$/m,
    );
    const { out } = await plant.run(["detect", "zones", "export"]);
    const { code, lines } = await plant.run(["detect", "zones", "import"], { input: out });
    expect({ code, lines }).toMatchObject({ code: 0, lines: [{ added: 0, replaced: 1 }] });
  });

  test("writes a picture to a pipe, but to no terminal", async () => {
    await using plant = new Plant();
    const piped = plant.start(["detect", "zones", "show", "hall", "--png", "-"]);
    expect(await sharp(await piped.stdout.bytes()).metadata()).toMatchObject({ format: "png", width: 1_280 });
    const argv = [...plant.command, "detect", "zones", "show", "hall", "--png", "-"];
    await using png = pty(argv, { env: plant.env });
    expect(await png.exited).toBe(2);
    expect(png.screen()).toContain("a picture isn't written to a terminal");
  });

  test("draws them on a terminal, in signs where there are no colours", async () => {
    await using plant = new Plant();
    const argv = [...plant.command, "detect", "zones", "show", "hall"];
    await using signs = pty(argv, { env: { ...plant.env, NO_COLOR: "1" }, columns: 60, rows: 20 });
    await using colours = pty(argv, { env: { ...plant.env, COLORTERM: "truecolor" }, columns: 60, rows: 20 });
    expect(await signs.exited).toBe(0);
    expect(signs.screen()).toMatch(/pressooo/);
    expect(signs.output()).not.toContain("\x1b[38");
    expect(await colours.exited).toBe(0);
    expect(colours.output()).toContain("\x1b[38;2;");
    expect(colours.screen()).toMatch(/▀{20}/);
  });
});
