import { describe, expect, test } from "bun:test";
import { interpret } from "../../../src/detect/adapters/installation-schema.ts";
import { applyEdit, type Edit, type RawInstallation } from "../../../src/detect/core/edit.ts";
import type { Point } from "../../../src/detect/core/frame.ts";
import { gridOf } from "../../../src/detect/tui/layout.ts";
import { MouseReports } from "../../../src/detect/tui/mouse.ts";
import {
  added,
  begun,
  changesOf,
  erased,
  grabbed,
  isChanged,
  letGo,
  moved,
  pressed,
  problemOf,
  removed,
  type Sheet,
  selectedOf,
  sheetOf,
  turned,
  undone,
} from "../../../src/detect/tui/outline.ts";
import { inPageWords, isSetting, type Setting, settingsOf } from "../../../src/detect/tui/settings.ts";
import { lamp, rowText, withoutPassword, zoneWord } from "../../../src/detect/tui/words.ts";
import { installed, relay, running, zone } from "./views.ts";

const square: Point[] = [
  [0.2, 0.2],
  [0.8, 0.2],
  [0.8, 0.8],
  [0.2, 0.8],
];
const at = (sheet: Sheet, ...points: Point[]) =>
  points.reduce((now, point) => added(moved(now, point), 0.02), sheet);

describe("a zone that is drawn", () => {
  test("gets its points one after the other, and is closed at the first", () => {
    const open = at(begun(sheetOf([], 1.5), "dock"), [0.1, 0.1], [0.9, 0.1], [0.5, 0.9]);
    expect(selectedOf(open)).toMatchObject({ name: "dock", open: true });
    const closed = at(open, [0.105, 0.1]);
    expect(selectedOf(closed)).toMatchObject({ open: false });
    expect(selectedOf(closed)?.points).toHaveLength(3);
    expect(changesOf(closed)).toEqual({
      drawn: [{ name: "dock", points: selectedOf(open)?.points ?? [] }],
      removed: [],
    });
  });

  test("gets further points in its nearest side", () => {
    const sheet = at(sheetOf([{ name: "dock", points: square }], 1.5), [0.9, 0.5]);
    expect(selectedOf(sheet)?.points.at(2)).toEqual([0.9, 0.5]);
    expect(problemOf(sheet)).toBeUndefined();
  });

  test("is refused with fewer than three points, or when it crosses itself", () => {
    const two = at(begun(sheetOf([], 1), "dock"), [0.1, 0.1], [0.9, 0.1]);
    expect(problemOf(two)).toContain("dock needs three points");
    const sheet = sheetOf([{ name: "dock", points: square }], 1);
    const crossed = letGo(moved(grabbed(moved(sheet, [0.2, 0.2])), [0.9, 0.5]));
    expect(problemOf(crossed)).toContain("dock crosses");
  });

  test("has a point moved, deleted and brought back; what wasn't moved is no step", () => {
    const sheet = sheetOf([{ name: "dock", points: square }], 1);
    const dragged = letGo(moved(pressed(sheet, [0.21, 0.2], 0.05), [2, -1]));
    expect(selectedOf(dragged)?.points[0]).toEqual([1, 0]);
    expect(isChanged(undone(dragged))).toBe(false);
    expect(letGo(pressed(sheet, [0.21, 0.2], 0.05)).past).toEqual([]);
    const fewer = removed(moved(sheet, [0.7, 0.7]));
    expect(selectedOf(fewer)?.points).toEqual(square.toSpliced(2, 1));
    expect(removed(moved(sheet, [0.5, 0.5]), 0.1)).toEqual(moved(sheet, [0.5, 0.5]));
  });

  test("is taken from others by a click on one of its points, and can go altogether", () => {
    const other: Point[] = [
      [0.85, 0.85],
      [0.95, 0.85],
      [0.9, 0.95],
    ];
    const saved = [
      { name: "dock", points: square },
      { name: "press", points: other },
    ];
    const sheet = letGo(pressed(sheetOf(saved, 1), [0.9, 0.95], 0.02));
    expect(selectedOf(sheet)?.name).toBe("press");
    expect(selectedOf(turned(sheet, 1))?.name).toBe("dock");
    expect(changesOf(erased(sheet))).toEqual({ drawn: [], removed: ["press"] });
    expect(selectedOf(undone(erased(sheet)))?.name).toBeDefined();
  });
});

/** What a file says that comes to {@link installed}, as far as it matters here. */
const file = (): RawInstallation & { version: number } => ({
  version: 2,
  cameras: [
    {
      name: "hall",
      url: "rtsp://anna:secret@10.0.0.7/1",
      zones: [{ name: "press", points: square, relays: ["lamp"] }],
    },
  ],
  boards: [{ name: "board" }],
  relays: [{ id: "lamp" }],
});
const edited = (...edits: Edit[]) => {
  const raw = file();
  for (const edit of edits) applyEdit(raw, edit);
  const { installation, mistakes } = interpret(raw, "/");
  expect(mistakes).toEqual([]);
  return installation;
};

describe("a change of the file", () => {
  test("adds a camera, a zone and a relay, and renames them everywhere", () => {
    const now = edited(
      { do: "add_camera", camera: "gate", url: "/srv/gate.mp4" },
      { do: "draw_zones", camera: "gate", drawn: [{ name: "dock", points: square }], removed: [] },
      { do: "rename_camera", camera: "gate", to: "door" },
      { do: "add_relay", relay: "horn", board: null, channel: 2 },
      { do: "rename_relay", relay: "lamp", to: "light" },
    );
    expect(now?.cameras.map(({ name }) => name)).toEqual(["hall", "door"]);
    expect(now?.cameras[0]?.zones[0]?.relays).toEqual(["light"]);
    expect(now?.relays).toMatchObject([{ id: "light" }, { id: "horn", board: "board", channel: 2 }]);
  });

  test("keeps the rules of a zone that is drawn anew, and leaves alone what wasn't drawn", () => {
    const triangle = square.slice(0, 3);
    const now = edited(
      { do: "set_zone", camera: "hall", zone: "press", key: "hold", value: "5s" },
      { do: "draw_zones", camera: "hall", drawn: [{ name: "aisle", points: square }], removed: [] },
      { do: "draw_zones", camera: "hall", drawn: [{ name: "press", points: triangle }], removed: ["aisle"] },
    );
    expect(now?.cameras[0]?.zones).toMatchObject([{ name: "press", points: triangle, hold_ms: 5_000 }]);
  });

  test("takes a relay out of the zones that had it, and a value back to its default", () => {
    const now = edited(
      { do: "set_zone", camera: "hall", zone: "press", key: "frames", value: "2 of 3" },
      { do: "set_zone", camera: "hall", zone: "press", key: "frames", value: null },
      { do: "remove_relay", relay: "lamp" },
      { do: "set_retention", key: "days", value: 7 },
      { do: "set_detector", key: "score", value: 0.6 },
    );
    expect(now?.cameras[0]?.zones[0]).toMatchObject({ relays: [], enter: { n: 3, m: 5 } });
    expect(now).toMatchObject({ retention: { days: 7 }, detector: { score: 0.6 } });
  });

  test("makes a board for the first relay of all", () => {
    const raw: RawInstallation = {};
    applyEdit(raw, { do: "add_relay", relay: "lamp", board: null, channel: 1 });
    expect(interpret({ version: 2, ...raw }, "/").installation?.relays).toMatchObject([
      { id: "lamp", channel: 1 },
    ]);
  });

  test("of what isn't there any more is refused, and changes nothing", () => {
    const raw = file();
    expect(() => applyEdit(raw, { do: "remove_zone", camera: "hall", zone: "dock" })).toThrow(
      "there is no zone hall/dock any more",
    );
    expect(raw).toEqual(file());
  });
});

test("every setting that is typed as it stands is one that the file may have", () => {
  const settings = settingsOf(installed).filter(isSetting);
  for (const setting of settings) {
    // Passwords aren't there to be typed again.
    if (setting.initial === "" && setting.label === "address") continue;
    const raw = structuredClone(said) as RawInstallation;
    applyEdit(raw, setting.edit(setting.initial));
    expect([setting.id, interpret(raw, "/").mistakes]).toEqual([setting.id, []]);
  }
  const address = settings.find(({ id }) => id === "camera hall url") as Setting;
  expect([address.value, address.initial]).toEqual(["rtsp://***@10.0.0.7/hall", ""]);
});

/** {@link installed}, in the words of a file. */
const said = {
  version: 2,
  cameras: installed.cameras.map(({ name, url, zones }) => ({
    name,
    url,
    zones: zones.map(({ name, points, relays }) => ({ name, points, relays })),
  })),
  boards: [{ name: "board" }],
  relays: [{ id: "lamp" }, { id: "horn", channel: 2 }],
};

test("no password is shown, however odd the address is", () => {
  expect(withoutPassword("rtsp://anna:se/c@ret@10.0.0.7/1")).toBe("rtsp://***@10.0.0.7/1");
  expect(withoutPassword("http://10.0.0.7/mjpg?user=anna&pwd=secret")).toBe("http://10.0.0.7/mjpg?***");
  expect(withoutPassword("v4l2:///dev/video0")).toBe("v4l2:///dev/video0");
});

test("a lamp says what its relay is, and that nobody knows when nobody does", () => {
  const on = relay("lamp", { state: "on", cause: "hall/press" });
  expect(lamp(on, true).text).toBe("lamp ● on hall/press");
  expect(lamp(relay("lamp", { latched: true, cause: "latched" }), true).text).toBe("lamp ○ off latched");
  expect(lamp(on, false).text).toBe("lamp ? unknown");
});

test.each([1, 2, 4, 5, 12, 64])(
  "%i cameras: panels fit, and as many are shown as there is room for",
  (count) => {
    for (const room of [
      { columns: 58, rows: 9 },
      { columns: 78, rows: 15 },
      { columns: 118, rows: 28 },
      { columns: 300, rows: 90 },
    ]) {
      const { columns, rows, panel } = gridOf(count, room);
      expect(columns * panel.columns).toBeLessThanOrEqual(room.columns);
      expect(rows * panel.rows).toBeLessThanOrEqual(room.rows);
      expect(panel.columns).toBeGreaterThanOrEqual(26);
      expect(columns * rows).toBeGreaterThanOrEqual(Math.min(count, Math.floor(room.columns / 26)));
    }
  },
);

test("reports of the mouse are read whole, together and torn, and the wheel's aren't", () => {
  const reports = new MouseReports();
  expect(reports.push("x\x1b[<0;20;5M\x1b[<32;21;6My\x1b[<0;21;6m")).toEqual([
    { is: "press", button: "left", x: 19, y: 4 },
    { is: "drag", button: "left", x: 20, y: 5 },
    { is: "release", button: "left", x: 20, y: 5 },
  ]);
  expect(reports.push("\x1b[<64;1;1M\x1b[<2;1")).toEqual([]);
  expect(reports.isWithin).toBe(true);
  expect(reports.push("0;3M")).toEqual([{ is: "press", button: "right", x: 9, y: 2 }]);
  expect(reports.isWithin).toBe(false);
});

test("a permit is clear only when that is known; who isn't looked for trips nothing", () => {
  const permit = (more: object) => zoneWord(zone("hall", "cell", { mode: "permit", ...more }), true);
  expect(permit({})).toBe("clear");
  expect(permit({ occupied: true, tripped: true })).toBe("tripped");
  expect(permit({ tripped: true })).toBe("unknown");
  expect(permit({ occupied: null, tripped: true })).toBe("unknown");
  expect(permit({ occupied: null })).toBe("unknown");
  expect(permit({ armed: false, tripped: true })).toBe("disarmed");
  const zones = [zone("hall", "cell", { mode: "permit", armed: false, tripped: true })];
  expect(rowText({ ...running, zones })).not.toContain("tripped");
});

test.each([
  [
    "cameras[0].zones[0].min_score: expected number, received string",
    "zone hall/press least score: expected number, received string",
  ],
  [
    "cameras[1].zones[0].relays[0]: there is no relay nolamp",
    "zone gate/dock relays: there is no relay nolamp",
  ],
  ["cameras[1].name: hall is there already: cameras[0].name", "camera gate name: hall is there already"],
  ["relays[1].id: isn't a name", "relay horn name: isn't a name"],
  ["retention.days: expected number to be >=1", "snapshots and clips days: expected number to be >=1"],
  ["cameras[7].name: isn't a name", "isn't a name"],
  ["/etc/detect.yaml can't be changed so", "/etc/detect.yaml can't be changed so"],
])("what is refused is told without the file's words: %s", (said, shown) => {
  expect(inPageWords(said, installed)).toBe(shown);
});
