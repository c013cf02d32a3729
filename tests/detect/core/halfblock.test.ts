import { describe, expect, test } from "bun:test";
import type { Picture } from "../../../src/detect/core/frame.ts";
import { type Drawing, drawnSize, drawPicture } from "../../../src/detect/core/halfblock.ts";

type Rgb = readonly [number, number, number];
const RED: Rgb = [248, 0, 0];
const BLUE: Rgb = [0, 0, 248];
const BLACK: Rgb = [0, 0, 0];
const WHITE: Rgb = [255, 255, 255];

const picture = (width: number, ...pixels: readonly Rgb[]): Picture => ({
  data: Uint8Array.from(pixels.flat()),
  width,
  height: pixels.length / width,
});

const plain = (width: number, height: number, colour: Rgb = BLACK) =>
  picture(width, ...Array.from({ length: width * height }, () => colour));

const drawing = (changed: Partial<Drawing> = {}): Drawing => ({
  columns: 80,
  rows: 24,
  colour: "none",
  boxes: [],
  polygons: [],
  ...changed,
});

describe("a picture", () => {
  test("keeps its ratio, as large as there is room: a cell is two pixels high", () => {
    expect(drawnSize({ width: 416, height: 234 }, 80, 24)).toEqual({ columns: 80, rows: 23 });
    expect(drawnSize({ width: 416, height: 234 }, 200, 24)).toEqual({ columns: 85, rows: 24 });
    expect(drawnSize({ width: 100, height: 1_000 }, 80, 24)).toEqual({ columns: 5, rows: 24 });
    expect(drawnSize({ width: 4_000, height: 2 }, 80, 24)).toEqual({ columns: 80, rows: 1 });
  });

  test("without pixels or without room is nothing", () => {
    expect(drawPicture(plain(4, 4), drawing({ columns: 0 }))).toEqual([]);
    expect(drawPicture({ data: new Uint8Array(), width: 0, height: 0 }, drawing())).toEqual([]);
  });

  test("is two pixels a cell, and neighbours of one colour share its words", () => {
    const rows = drawPicture(
      picture(3, RED, RED, BLUE, BLUE, BLUE, RED),
      drawing({ columns: 3, rows: 1, colour: "truecolor" }),
    );
    expect(rows).toEqual(["\x1b[38;2;248;0;0;48;2;0;0;248m▀▀\x1b[38;2;0;0;248;48;2;248;0;0m▀\x1b[0m"]);
  });

  test("shares words between colours that nobody can tell apart, without running away with them", () => {
    const ramp = Array.from({ length: 6 }, (_, at): Rgb => [100 + 4 * at, 100, 100]);
    const [row] = drawPicture(
      picture(6, ...ramp, ...ramp),
      drawing({ columns: 6, rows: 1, colour: "truecolor" }),
    );
    const colour = (red: number) => `\x1b[38;2;${red};100;100;48;2;${red};100;100m`;
    expect(row).toBe(`${colour(100)}▀▀▀${colour(112)}▀▀▀\x1b[0m`);
  });

  test("takes the nearest of 256 colours where there are no more", () => {
    const rows = drawPicture(
      picture(4, RED, BLACK, WHITE, [128, 128, 128], RED, BLACK, WHITE, [128, 128, 128]),
      drawing({ columns: 4, rows: 1, colour: "256" }),
    );
    expect(rows).toEqual([
      "\x1b[38;5;196;48;5;196m▀\x1b[38;5;16;48;5;16m▀\x1b[38;5;231;48;5;231m▀\x1b[38;5;244;48;5;244m▀\x1b[0m",
    ]);
  });

  test("is light and dark signs where there are none", () => {
    const rows = drawPicture(picture(2, WHITE, BLACK, WHITE, BLACK), drawing({ columns: 2, rows: 1 }));
    expect(rows).toEqual(["@ "]);
  });

  test("is made smaller by means, so that nothing of it is left out", () => {
    const half = picture(4, WHITE, BLACK, BLACK, BLACK, BLACK, WHITE, BLACK, BLACK, ...Array(8).fill(BLACK));
    const [row] = drawPicture(half, drawing({ columns: 2, rows: 1, colour: "truecolor" }));
    expect(row).toStartWith("\x1b[38;2;127;127;127;48;2;0;0;0m▀");
  });
});

describe("what is drawn on it", () => {
  test("are boxes with their labels and zones, each where it is, and where the pointer is", () => {
    const rows = drawPicture(
      plain(24, 20),
      drawing({
        columns: 24,
        rows: 10,
        polygons: [
          {
            points: [
              [0.55, 0.25],
              [0.95, 0.25],
              [0.95, 0.95],
              [0.55, 0.95],
            ],
            tone: "waiting",
            closed: true,
            label: "press",
          },
        ],
        boxes: [{ box: [0.05, 0.25, 0.4, 0.85], label: "person .81", tone: "failed" }],
        cursor: [0.72, 0.55],
      }),
    );
    expect(rows).toEqual([
      "                        ",
      "                        ",
      " person .81  pressooooo ",
      " |       |   o        o ",
      " |       |   o        o ",
      " |       |   o   X    o ",
      " |       |   o        o ",
      " |       |   o        o ",
      " |-------|   o        o ",
      "             oooooooooo ",
    ]);
  });

  test("is an open line until a polygon is closed, and a single point is a dot", () => {
    const points = [
      [0.1, 0.1],
      [0.9, 0.1],
      [0.9, 0.9],
    ] as const;
    const draw = (count: number, closed: boolean) =>
      drawPicture(
        plain(10, 10),
        drawing({
          columns: 10,
          rows: 5,
          polygons: [{ points: points.slice(0, count), tone: "plain", closed }],
        }),
      )
        .join("")
        .replaceAll(" ", "").length;
    expect([draw(0, true), draw(1, true), draw(2, false), draw(3, false)]).toEqual([0, 1, 9, 13]);
    expect(draw(3, true)).toBeGreaterThan(13);
  });

  test("has the colour of what it says", () => {
    const [row] = drawPicture(
      plain(2, 2),
      drawing({
        columns: 2,
        rows: 1,
        colour: "truecolor",
        polygons: [
          {
            points: [
              [0, 0],
              [1, 0],
            ],
            tone: "running",
            closed: false,
          },
        ],
        boxes: [],
      }),
    );
    expect(row).toBe("\x1b[38;2;64;224;96;48;2;0;0;0m▀▀\x1b[0m");
  });

  test("never leaves the picture, and a label that is too long or not of this terminal's letters keeps the row's width", () => {
    const rows = drawPicture(
      plain(10, 10),
      drawing({
        columns: 10,
        rows: 5,
        boxes: [
          { box: [-3, -3, 4, 4], label: "", tone: "plain" },
          { box: [0.8, 0.2, 2, 0.3], label: "門\x1b[2J ü", tone: "plain" },
          { box: [0.5, 0.9, 0.6, 0.9], label: "a label without end", tone: "plain" },
        ],
        polygons: [
          {
            points: [
              [-1, 0.5],
              [2, 0.5],
              [Number.NaN, 0.5],
            ],
            tone: "plain",
            closed: true,
          },
        ],
      }),
    );
    expect(rows.map((row) => row.length)).toEqual([10, 10, 10, 10, 10]);
    expect(rows[1]).toContain("? [2J ü");
    expect(rows[4]).toBe("a label wi");
  });
});
