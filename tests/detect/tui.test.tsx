import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { Edit } from "../../src/detect/core/edit.ts";
import type { Picture } from "../../src/detect/core/frame.ts";
import type { Installation } from "../../src/detect/core/installation.ts";
import type { DetectView } from "../../src/detect/core/view.ts";
import { settingsOf } from "../../src/detect/tui/settings.ts";
import { detectScreen } from "../../src/detect/tui.tsx";
import type { Control, State } from "../../src/kernel/control.ts";
import { Exit, Expected } from "../../src/kernel/errors.ts";
import { cells } from "../../src/kernel/tui/text.ts";
import { closeTerminals, terminal } from "../kernel/tui/memory.ts";
import { pty } from "../support/pty.ts";
import { until } from "../support/sandbox.ts";
import { camera, cameraConfig, installed, lost, picture, relay, running, zone } from "./tui/views.ts";

afterEach(closeTerminals);

/** React commits what is pushed or answered a turn or two later. */
async function drawn(): Promise<void> {
  for (let turn = 0; turn < 6; turn++) await new Promise(setImmediate);
}

type Opened = {
  columns?: number;
  rows?: number;
  attached?: boolean;
  teach?: string;
  installation?: Installation | Error;
  picture?: (camera: string, width: number) => Promise<Picture | undefined>;
};

/** The screen in a terminal in memory, over a host that is played by the test. */
async function open(first: DetectView, opened: Opened = {}) {
  const { columns = 80, rows = 24, attached = true, teach } = opened;
  let push: (state: State | undefined) => void = () => {};
  const asked: string[] = [];
  const edits: Edit[] = [];
  const answers: { resolve: (state: State) => void; reject: (error: Error) => void }[] = [];
  let refusal: Error | undefined;
  let left = 0;
  const control: Control = {
    state: async () => first,
    command(name, args) {
      asked.push(`${name} ${JSON.stringify(args)}`);
      const { promise, ...answer } = Promise.withResolvers<State>();
      answers.push(answer);
      return promise;
    },
    watch(told) {
      push = told;
      told(first);
      return { [Symbol.asyncDispose]: async () => {} };
    },
  };
  const t = terminal(columns, rows);
  const { installation = installed } = opened;
  t.open(
    detectScreen({
      control,
      profile: "acme",
      first,
      attached,
      quit: () => left++,
      picture: opened.picture ?? (async (_camera, width) => picture(width)),
      async installation() {
        if (installation instanceof Error) throw installation;
        return installation;
      },
      async change(edit) {
        edits.push(edit);
        if (refusal) throw refusal;
        return installation as Installation;
      },
      ...(teach === undefined ? {} : { teach }),
    }),
  );
  await drawn();
  const screen = {
    ...t,
    asked,
    answers,
    edits,
    left: () => left,
    text: () => t.rows().join("\n"),
    message: () => t.rows().at(-2)?.trim() ?? "",
    bar: () => t.rows().at(-1)?.trim() ?? "",
    refuse: (error: Error | undefined) => {
      refusal = error;
    },
    async press(...keys: string[]) {
      for (const key of keys) await t.press(key);
      await drawn();
    },
    shows: (text: string | RegExp) =>
      until(
        () => screen.text(),
        (now) => (typeof text === "string" ? now.includes(text) : text.test(now)),
        3_000,
      ),
    push: (state: State | undefined) => push(state),
  };
  return screen;
}

const long = "a reason that goes on and on ".repeat(8);
const names = Array.from({ length: 12 }, (_, n) => `camera${n + 1}`);
const {
  cameras: _,
  zones: __,
  relays: ___,
  guard: ____,
  health: _____,
  events: ______,
  ...opening
} = running;

const views: Record<string, DetectView> = {
  running,
  opening: { ...opening, state: "starting" },
  "no cameras": { ...running, cameras: [], zones: [], relays: [], events: [] },
  "twelve cameras": {
    ...running,
    cameras: names.map((name) => camera(name)),
    zones: names.flatMap((name) => ["a", "b", "c", "d", "e"].map((each) => zone(name, `zone-${each}`))),
    relays: names.map((name) => relay(`relay-of-${name}`, { state: "unknown" })),
  },
  "in trouble": {
    ...running,
    dry_run: true,
    degraded: ["control"],
    cameras: [
      { ...lost("カメラ\x1b[2J端末端末端末端末端末端末端末端末端末端末"), error: `\x1b[31m${long}\n` },
      lost("gate"),
    ],
    zones: [zone("gate", `\u202e${long}`), zone("gate", "端末", { armed: false })],
    relays: [relay(`端末${long}`, { state: "on", cause: long, latched: true })],
    guard: { pid: null, state: "dead" },
    detector: { state: "lost", ms: null },
    events: [{ id: 1, at: 0, snapshot: null, clip: null, event: "guard_dead", why: `\x07${long}` }],
  },
  "a lost host": { ...running, host: false },
};

describe.each([
  [60, 16],
  [80, 24],
  [120, 40],
] as const)("at %i×%i", (columns, rows) => {
  test.each(Object.keys(views))(
    "%s: all pages fit, with nothing that a terminal would obey",
    async (name) => {
      const t = await open(views[name] as DetectView, { columns, rows });
      for (const key of ["", "\r", "e", "\x1b", "2", "3", "?"]) {
        if (key !== "") await t.press(key);
        expect(t.rows()).toHaveLength(rows);
        for (const line of t.rows()) {
          expect(cells(line)).toBeLessThanOrEqual(columns - 1);
          expect(line).not.toMatch(/[\p{Cc}\u202e]/u);
        }
      }
    },
  );
});

describe("the detection page", () => {
  test("shows cameras with what is seen in them, relays, events and the whole's health", async () => {
    const t = await open(running, { columns: 120, rows: 40 });
    await t.shows("person .81");
    const text = t.text();
    for (const part of [
      "hall ── 5.0 fps ── 84 ms",
      "lamp ● on hall/press   horn ○ off",
      "press tripped · aisle free",
      "hall/press entered",
      "guard ok 4119 · 2 cameras",
      "RUNNING · acme",
    ]) {
      expect(text).toContain(part);
    }
    // A camera that gives no picture says so, and since when.
    expect(text).toMatch(/gate ── LOST 00:00:0[78] ── retry in \d s/);
    expect(text).toContain("no picture is not no person");
  });

  test("asks for pictures only of cameras that give some, and once at a time", async () => {
    const asked: string[] = [];
    const pending = Promise.withResolvers<Picture>();
    const t = await open(running, {
      picture: (name) => {
        asked.push(name);
        return pending.promise;
      },
    });
    await Bun.sleep(400);
    expect(asked).toEqual(["hall"]);
    // Nor while they can't be seen.
    await t.press("?");
    pending.resolve(picture());
    await Bun.sleep(400);
    expect(asked).toEqual(["hall"]);
    await t.press("?");
    await until(
      () => asked.length,
      (times) => times > 1,
    );
  });

  test("says why there is no picture", async () => {
    const t = await open(running, { picture: async () => Promise.reject(new Error("the camera is busy")) });
    await t.shows("the camera is busy");
  });

  test("pauses and resumes, and says so at once; the last wish holds", async () => {
    const t = await open(running);
    await t.press(" ");
    expect(t.text()).toContain("Pausing…");
    await t.press(" ");
    expect(t.text()).toContain("Resuming…");
    expect(t.asked).toEqual(["pause {}"]);
    t.answers[0]?.resolve({ ...running, state: "paused" });
    await drawn();
    expect(t.asked).toEqual(["pause {}", "resume {}"]);
    t.answers[1]?.reject(new Expected(Exit.again, "the guard isn't there", "try again"));
    await t.shows("the guard isn't there: try again");
  });

  test("tests relays only after it has asked, and tells how that went", async () => {
    const t = await open(running);
    await t.press("T");
    expect(t.message()).toContain("to test it? y/n");
    await t.press("n");
    await t.press("T", "\x1b");
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(t.asked).toEqual([]);
    await t.press("T", "y");
    expect(t.asked).toEqual(['relay {"do":"test","ids":[]}']);
    expect(t.message()).toContain("testing relays");
    const outcomes = [
      { relay: "lamp", ok: true, text: "on and off" },
      { relay: "horn", ok: false, text: "it stayed off" },
    ];
    t.answers[0]?.resolve({ ...running, answer: { outcomes } });
    await t.shows("horn: it stayed off");
  });

  test("acknowledges the one that has latched, and asks which where there are several", async () => {
    const relays = [relay("lamp", { latched: true }), relay("horn")];
    const t = await open({ ...running, relays });
    expect(t.text()).toContain("lamp ○ off latched");
    await t.press("a");
    expect(t.asked).toEqual(['relay {"do":"ack","ids":["lamp"]}']);
    t.push({
      ...running,
      relays: relays.map((each) => ({ ...each, latched: true })),
      as_of: running.as_of ?? 0,
    });
    await t.press("a", ..."horn", "\r");
    expect(t.asked.at(-1)).toBe('relay {"do":"ack","ids":["horn"]}');
    await t.press("a", ..."siren", "\r");
    expect(t.text()).toContain("siren isn't one of lamp, horn");
    expect(t.message()).toBe("acknowledge lamp, horn: all, or which: siren▏");
    await t.press("\x15", ..."all", "\r");
    expect(t.asked.at(-1)).toBe('relay {"do":"ack","ids":["lamp","horn"]}');
  });

  test("disarms the selected zones once it has asked, and arms them without", async () => {
    const t = await open(running);
    await t.press("\x1b[B", "d", "y");
    expect(t.asked).toEqual(['arm {"zones":["hall/press"],"armed":false}']);
    await t.press("\x1b[C", "d", "y");
    expect(t.asked.at(-1)).toBe('arm {"zones":["gate/dock"],"armed":false}');
    t.push({ ...running, zones: [zone("gate", "dock", { armed: false })] });
    await t.press("d");
    expect(t.asked.at(-1)).toBe('arm {"zones":["gate/dock"],"armed":true}');
  });

  test("pages through more cameras than fit, and enlarges one", async () => {
    const t = await open(views["twelve cameras"] as DetectView);
    await t.shows("1–6 of 12");
    await t.press("\x1b[6~");
    expect(t.text()).toContain("7–12 of 12");
    await t.press("\r");
    expect(t.text()).toContain("▸camera7");
    expect(t.text()).toContain("7 of 12");
    await t.press("\x1b[C", "\r");
    expect(t.text()).toContain("▸camera8");
  });

  test("says that the host is lost, and claims nothing about relays then", async () => {
    const t = await open(running);
    t.push(undefined);
    await t.shows("reconnecting");
    t.push({
      v: 1,
      type: "detect",
      session_id: null,
      profile: "acme",
      state: "stopped",
      host: false,
      degraded: [],
    });
    await t.shows("host lost, last known");
    expect(t.text()).toContain("lamp ? unknown   horn ? unknown");
    expect(t.text()).toContain("press unknown");
    await t.press(" ");
    expect(t.asked).toEqual([]);
  });

  test("where there never was a host it says so once, and cuts off nothing", async () => {
    const never = { ...opening, state: "stopped", host: false };
    const t = await open(never, { teach: "hall" });
    await t.shows("▸press 4 points");
    expect(t.message()).toBe("detect isn't running");
    expect(t.text().match(/host lost|isn't running/g)).toHaveLength(1);
    await t.press("x", "y", "\t", "m", ..."LLLLLLLL", "m");
    expect(t.message()).toBe("not saved yet");
    await t.press("?");
    expect(t.text()).not.toContain("goes on");
  });

  test("in a pause cameras are closed, and a relay that isn't known to be off is told", async () => {
    const paused = { ...running, state: "paused" };
    const cameras = [camera("hall", { state: "closed", people: [], last_frame_age_ms: null })];
    const zones = [zone("hall", "press", { occupied: null })];
    const relays = [relay("lamp", { state: "unknown", cause: "board main: gone" })];
    const t = await open({ ...paused, cameras, zones, relays, events: [] });
    expect(t.text()).toMatch(/┌ hall ── closed ─/);
    expect(t.text()).toContain("press unknown");
    expect(t.text()).not.toContain("lost");
    expect(t.message()).toBe("lamp not known to be off: board main: gone");
  });

  test("a dry run is told on every page", async () => {
    const t = await open({ ...running, dry_run: true }, { columns: 100 });
    for (const key of ["1", "2", "3"]) {
      await t.press(key);
      expect(t.rows()[0]).toContain("DRY RUN: no relay is switched · RUNNING");
    }
  });

  test("says what to do where there are no cameras", async () => {
    const t = await open(views["no cameras"] as DetectView, { columns: 120 });
    expect(t.text()).toContain("stint detect cameras add hall rtsp://");
  });

  test("in the host's own process quitting is asked first", async () => {
    const t = await open(running, { attached: false });
    await t.press("q");
    expect(t.left()).toBe(0);
    await t.press("y");
    expect(t.left()).toBe(1);
  });
});

describe("the settings page", () => {
  test("changes what the cursor is on; what is refused is said, and nothing else happens", async () => {
    const t = await open(running);
    await t.press("2", ..."jj", "\r", "\x15", ..."7.5", "\r");
    expect(t.edits).toEqual([{ do: "set_camera", camera: "hall", key: "fps", value: 7.5 }]);
    await t.shows("pictures a second is saved");
    t.refuse(new Expected(Exit.config, "fps must be at most 30", "as in 5"));
    await t.press("\r", "\x15", ..."99", "\r");
    await t.shows("fps must be at most 30: as in 5");
    await t.press("\x1b");
    await until(
      () => t.text(),
      (text) => !text.includes("99"),
    );
    expect(t.text()).toMatch(/▸ pictures a second +5/);
    await t.press("j", "j", " ");
    expect(t.edits.at(-1)).toEqual({ do: "set_camera", camera: "hall", key: "motion", value: true });
  });

  test("what is refused stays where it was typed: no key of it does anything else", async () => {
    const t = await open(running);
    const at = settingsOf(installed).findIndex(({ id }) => id === "zone hall/press relays");
    t.refuse(new Expected(Exit.usage, "cameras[0].zones[0].relays[0]: there is no relay nolamp"));
    // All in one piece: what comes before it is refused goes nowhere.
    await t.press("2", ..."j".repeat(at), "\r", "\x15", "nolamp\rDy");
    await t.shows("zone hall/press relays: there is no relay nolamp");
    expect(t.message()).toBe("zone hall/press relays: nolamp▏");
    expect(t.edits).toHaveLength(1);
    t.refuse(undefined);
    await t.press("\x15", ..."lamp,horn", "\r");
    expect(t.edits.at(-1)).toMatchObject({ do: "set_zone", key: "relays", value: ["lamp", "horn"] });
    await t.shows("zone hall/press: relays is saved");
    expect(t.text()).not.toContain("nolamp");
    await t.press("a", ..."work area", "\r");
    expect(t.text()).toContain("work area isn't a name");
    expect(t.message()).toContain("work area▏");
    await t.press("\x1b");
    await until(
      () => t.text(),
      (text) => !text.includes("isn't a name"),
    );
    expect(t.edits).toHaveLength(2);
  });

  test("shows no password, and doesn't offer it for editing", async () => {
    const t = await open(running);
    await t.press("2", "j", "\r");
    expect(t.message()).toBe("camera hall address: ▏");
    await t.press("\r");
    expect(t.edits).toEqual([]);
    expect(t.text()).not.toContain("secret");
    await t.press("\r", ..."rtsp://x/1", "\r");
    expect(t.edits).toEqual([{ do: "set_camera", camera: "hall", key: "url", value: "rtsp://x/1" }]);
  });

  test("adds a camera and a relay, and removes them once it has asked", async () => {
    const t = await open(running);
    await t.press("2", "a", ..."dock", "\r", ..."/srv/a.mp4", "\r");
    expect(t.edits).toEqual([{ do: "add_camera", camera: "dock", url: "/srv/a.mp4" }]);
    await t.press("\x1b[H", "D");
    expect(t.message()).toContain("remove camera hall and its 2 zones? y/n");
    await t.press("n", "D", "y");
    expect(t.edits.slice(1)).toEqual([{ do: "remove_camera", camera: "hall" }]);
    await t.press("\x1b[F", ..."kkkkkk", "\r", ..."siren", "\r", "\x15", "3", "\r");
    expect(t.edits.at(-1)).toEqual({ do: "add_relay", relay: "siren", board: null, channel: 3 });
  });

  test("has a new zone drawn on the teaching page", async () => {
    const t = await open(running);
    await t.press("2", ..."jjjjj", "a", ..."bay", "\r");
    await t.shows("▸bay 0 points, open");
    expect(t.text()).toContain("zones of hall");
  });

  test("says why the configuration can't be read", async () => {
    const t = await open(running, { installation: new Expected(Exit.config, "detect.yaml:3: isn't YAML") });
    await t.press("2");
    await t.shows("detect.yaml:3: isn't YAML");
  });
});

describe("the teaching page", () => {
  test("draws a zone with keys and saves it; what is no zone yet isn't saved", async () => {
    const t = await open(running, { teach: "gate" });
    await t.shows("▸dock 4 points");
    await t.press("n", ..."bay", "\r", "\r", ..."LL", " ", "s");
    expect(t.message()).toBe("not saved: bay needs three points at least");
    await t.press(..."JJ", " ", "s");
    await t.shows("the zones of gate are saved");
    const [edit] = t.edits;
    expect(edit).toMatchObject({ do: "draw_zones", camera: "gate", removed: [], drawn: [{ name: "bay" }] });
    expect((edit as Extract<Edit, { do: "draw_zones" }>).drawn[0]?.points).toHaveLength(3);
  });

  test("a name that is refused is corrected where it was typed", async () => {
    const t = await open(running, { teach: "gate" });
    await t.shows("▸dock 4 points");
    await t.press("n", ..."work area", "\r", ..."\x7f".repeat(9), ..."floor", "\r");
    await t.shows("▸floor 0 points, open");
    await t.press("n", ..."dock", "\r");
    expect(t.text()).toContain("there is a dock already");
    expect(t.message()).toBe("name of a new zone of gate: dock▏");
  });

  test("asks what becomes of changes before it is left", async () => {
    const t = await open(running, { teach: "hall" });
    await t.shows("▸press 4 points");
    await t.press("m", ..."LL", "m", "q");
    expect(t.message()).toContain("save the zones of hall first?");
    await t.press("\x1b");
    await t.shows("not saved yet");
    expect(t.left()).toBe(0);
    await t.press("q", "n");
    expect([t.left(), t.edits]).toEqual([1, []]);
    await t.press("2", "y");
    await t.shows("stint detect  settings");
    expect(t.edits).toHaveLength(1);
  });

  test("deletes a zone once it has asked, and takes it back", async () => {
    const t = await open(running, { teach: "hall" });
    await t.shows("▸press 4 points");
    await t.press("\t", "x", "y");
    expect(t.text()).toContain("▸press 4 points");
    expect(t.text()).not.toContain("aisle");
    await t.press("u", "\x7f");
    await t.shows("▸press 3 points");
  });

  test("refuses a zone that crosses itself", async () => {
    const t = await open(running, { teach: "hall" });
    await t.shows("▸press 4 points");
    await t.press("\t", "\x1b[Z", "m", ..."LLLLLLLLJJ", "m", "s");
    expect(t.message()).toMatch(/not saved: press crosses or touches itself/);
    expect(t.edits).toEqual([]);
  });

  test("can be drawn on without a picture, and of a camera that is new to the host", async () => {
    const t = await open(running, {
      picture: async () => undefined,
      installation: { ...installed, cameras: [cameraConfig("new")] },
    });
    await t.press("3");
    await t.shows("zones of new");
    await t.press("n", ..."a", "\r");
    await t.shows("a needs three points");
  });
});

const fixture = (played: object) => [
  process.execPath,
  join(import.meta.dir, "tui/fixture.tsx"),
  JSON.stringify(played),
];
const mouse = (button: number, x: number, y: number, end = "M") => `\x1b[<${button};${x};${y}${end}`;

describe("in a real terminal", () => {
  test.concurrent("the mouse draws, drags and deletes points, and is given back", async () => {
    await using t = pty(fixture({ teach: "hall" }), { columns: 100, rows: 30 });
    await t.until("▸press 4 points");
    await t.until((screen) => !screen.includes("taking"));
    t.press("n");
    await t.until("name of a new zone");
    t.type(`dock\r`);
    await t.until("▸dock 0 points");
    for (const [x, y] of [
      [20, 5],
      [40, 5],
      [40, 15],
    ] as const) {
      t.type(mouse(0, x, y) + mouse(0, x, y, "m"));
    }
    await t.until("▸dock 3 points, open");
    // Closed at its first point, then a further one in a side, dragged elsewhere.
    t.type(mouse(0, 20, 5) + mouse(0, 20, 5, "m"));
    t.type(mouse(0, 30, 5) + mouse(32, 31, 4) + mouse(32, 30, 4) + mouse(0, 30, 4, "m"));
    await t.until("▸dock 4 points");
    t.type(mouse(2, 40, 15) + mouse(64, 10, 10));
    await t.until("▸dock 3 points");
    // A report that arrives in two pieces isn't taken for the keys that are in it.
    t.type("\x1b[<2;3");
    await Bun.sleep(40);
    t.type("0;4M");
    await t.until("▸dock 2 points");
    t.press("u", "s");
    await t.until("the zones of hall are saved");
    t.press("q");
    expect(await t.exited).toBe(0);
    expect(t.screen()).toMatch(
      /^left: \{"do":"draw_zones","camera":"hall","drawn":\[\{"name":"dock","points":\[\[0\.\d+,/,
    );
    expect(t.output().lastIndexOf("\x1b[?1002l")).toBeGreaterThan(t.output().lastIndexOf("\x1b[?1002h"));
    expect([t.cooked, t.cursorHidden, t.buffer()]).toEqual([true, false, "normal"]);
  });

  test.concurrent("pictures are drawn in colours, and the mouse is left alone on the other pages", async () => {
    await using t = pty(fixture({ colour: true }), {
      columns: 100,
      rows: 30,
      env: { COLORTERM: "truecolor" },
    });
    await t.until("▀▀▀▀");
    expect(t.output()).toContain("\x1b[38;2;");
    t.press("space");
    await t.until("PAUSED");
    await t.until("paused: the camera is closed");
    t.press("space");
    await t.until("RUNNING");
    expect(t.output()).not.toContain("\x1b[?1002h");
    t.resize(50, 10);
    await t.until("too small");
    t.resize(80, 24);
    await t.until("hall ── 5.0 fps");
    t.press("q");
    expect(await t.exited).toBe(0);
    expect(t.screen()).toContain("left: pause {}; resume {}");
  });
});
