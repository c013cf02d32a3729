import { describe, expect, test } from "bun:test";
import { bars, brailleLine, progressBar, sparkline } from "../../../src/kernel/tui/charts.ts";
import { cells } from "../../../src/kernel/tui/text.ts";

/** The same numbers in 0…1 on every run (mulberry32). */
function randoms(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const sizes = [0, 1, 2, 3, 7, 40];
const odd = [-1, 0.5, 1.5, Number.NaN, Number.POSITIVE_INFINITY];

/** Series that break charts. */
const series: Record<string, ArrayLike<number>> = {
  empty: [],
  one: [3],
  constant: [2, 2, 2, 2],
  "all NaN": [Number.NaN, Number.NaN],
  gaps: [1, Number.NaN, 3, Number.NaN, Number.NaN, 2],
  infinite: [1, Number.POSITIVE_INFINITY, 2, Number.NEGATIVE_INFINITY],
  huge: [-Number.MAX_VALUE, 0, Number.MAX_VALUE],
  tiny: [0, Number.MIN_VALUE, 0],
  typed: Float64Array.from({ length: 1_000 }, (_, i) => Math.sin(i / 50)),
  long: Float64Array.from({ length: 1_000_000 }, (_, i) => Math.sin(i / 50_000)),
};

describe("sparkline", () => {
  test("draws a block a value from lowest to highest", () => {
    expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8)).toBe("▁▂▃▄▅▆▇█");
    expect(sparkline([-4, 0, 4], 3)).toBe("▁▅█");
  });
  test("leaves a gap for what is no number and pads to the width", () => {
    expect(sparkline([1, Number.NaN, 2], 5)).toBe("▁ █  ");
  });
  test("starts counts at zero when told to", () => {
    expect(sparkline([5, 5, 10], 3)).toBe("▁▁█");
    expect(sparkline([5, 5, 10], 3, { min: 0 })).toBe("▅▅█");
    expect(sparkline([5, 5, 10], 3, { min: 0, max: 20 })).toBe("▃▃▅");
  });
  test("keeps the highest and the lowest value when there are more values than cells", () => {
    const peak = Array.from({ length: 1_000 }, (_, i) => (i === 500 ? 9 : i === 700 ? -9 : 0));
    const row = sparkline(peak, 10);
    expect(row).toBe("▅▅▅▅▅█▅▁▅▅");
  });
  test("draws a constant series low", () => expect(sparkline([4, 4, 4], 3)).toBe("▁▁▁"));
});

describe("brailleLine", () => {
  test("joins a rise over the dots of a cell", () => {
    expect(brailleLine([0, 1], 1, 1)).toEqual(["⡜"]);
    expect(brailleLine([0, 1], 2, 1)).toEqual(["⡠⠊"]);
  });
  test("stretches few values over the width", () => {
    expect(brailleLine([0, 3, 0], 4, 1)).toEqual(["⡠⠔⠑⢄"]);
  });
  test("draws a constant series in the middle", () => {
    expect(brailleLine([5, 5], 3, 1)).toEqual(["⠤⠤⠤"]);
  });
  test("leaves gaps where values are missing", () => {
    const row = brailleLine([1, 1, Number.NaN, Number.NaN, Number.NaN, Number.NaN, 0, 0], 4, 1);
    expect(row).toEqual(["⠉  ⣀"]);
  });
  test("shows a spike of a single value among a million", () => {
    const flat = new Float64Array(1_000_000);
    flat[314_159] = 1;
    const rows = brailleLine(flat, 40, 3);
    expect(rows[0]?.trim()).not.toBe("");
    expect(rows[0]?.length).toBe(40);
  });
  test("leaves no column between neighbours unjoined", () => {
    const random = randoms(7);
    for (const count of [2, 3, 15, 60, 200]) {
      const rows = brailleLine(
        Array.from({ length: count }, () => random()),
        30,
        5,
      );
      // Every cell column has a dot: the line spans the width.
      for (let x = 0; x < 30; x++) expect(rows.some((row) => row[x] !== " ")).toBe(true);
    }
  });
});

test("a line or a sparkline of anything, in any size, has that size and only its own characters", () => {
  for (const values of Object.values(series)) {
    for (const width of [...sizes, ...odd]) {
      const columns = Number.isFinite(width) ? Math.max(0, Math.floor(width)) : 0;
      expect(sparkline(values, width)).toMatch(new RegExp(`^[ ▁▂▃▄▅▆▇█]{${columns}}$`));
      for (const height of [0, 1, 3, Number.NaN]) {
        const rows = brailleLine(values, width, height);
        expect(rows).toHaveLength(height || 0);
        for (const row of rows) expect(row).toMatch(new RegExp(`^[ \u2801-\u28ff]{${columns}}$`));
      }
    }
  }
});

test("random series keep their extremes in the line and the sparkline", () => {
  const random = randoms(42);
  for (let round = 0; round < 200; round++) {
    const values = Array.from({ length: 1 + Math.floor(random() * 500) }, () =>
      random() < 0.1 ? Number.NaN : (random() - 0.5) * 10 ** (random() * 20),
    );
    if (new Set(values.filter(Number.isFinite)).size < 2) continue;
    const rows = brailleLine(values, 1 + Math.floor(random() * 50), 4);
    expect(rows[0]?.trim()).not.toBe("");
    expect(rows[3]?.trim()).not.toBe("");
    const row = sparkline(values, 50);
    // A lowest and a highest in the same bin show as one of the two.
    expect(/[▁█]/.test(row)).toBe(true);
  }
});

describe("bars", () => {
  test("lines up label, value and bar", () => {
    const rows = bars(
      [
        { label: "code", value: 161, text: "2 h 41" },
        { label: "firefox", value: 58, text: "0 h 58" },
        { label: "端末", value: 1 },
        { label: "none", value: 0 },
      ],
      27,
    );
    expect(rows).toEqual([
      "code    2 h 41 ████████████",
      "firefox 0 h 58 ████▍       ",
      "端末         1 ▏           ",
      "none         0             ",
    ]);
  });
  test("draws no bar for what is negative or no number, and fits any width", () => {
    const items = [
      { label: "a long label", value: -1 },
      { label: "b", value: Number.NaN },
      { label: "c", value: 2 },
    ];
    expect(bars(items, 12)).toEqual(["a lon…  -1  ", "b      NaN  ", "c        2 █"]);
    for (const width of sizes) for (const row of bars(items, width)) expect(cells(row)).toBe(width);
    expect(bars([], 10)).toEqual([]);
  });
});

describe("progressBar", () => {
  test("fills in half cells and is full only when done", () => {
    expect(progressBar(0, 4)).toBe("────");
    expect(progressBar(0.5, 4)).toBe("━━──");
    expect(progressBar(0.625, 4)).toBe("━━╸─");
    expect(progressBar(0.999, 4)).toBe("━━━╸");
    expect(progressBar(1, 4)).toBe("━━━━");
  });
  test("takes what is out of range", () => {
    expect(progressBar(-1, 2)).toBe("──");
    expect(progressBar(7, 2)).toBe("━━");
    expect(progressBar(Number.NaN, 2)).toBe("──");
    for (const width of [0, -3, Number.NaN]) expect(progressBar(0.5, width)).toBe("");
  });
});
