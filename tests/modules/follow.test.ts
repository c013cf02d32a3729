/** Reading rotated files from their end, while they are written. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { RotatingFile } from "../../src/kernel/log.ts";
import { followLog, LineReader, type Lines } from "../../src/modules/adapters/follow.ts";
import { formatMark, type LogLine, lineHead } from "../../src/modules/core/log-line.ts";
import { Folder } from "../support/folder.ts";
import { until } from "../support/sandbox.ts";

let folder: Folder;
let log: string;
beforeEach(() => {
  folder = new Folder();
  log = folder.file("log");
});
afterEach(() => folder[Symbol.dispose]());

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => `line ${from + n}`);
const text = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join("");

/** All that a reader has to give now. */
function rest(reader: LineReader): string[] {
  const lines: string[] = [];
  for (let read = reader.next(); read; read = reader.next()) lines.push(...read.lines);
  return lines;
}

describe("the last lines", () => {
  test("are those of the newest file, whole ones, and what comes after them follows", () => {
    writeFileSync(log, `${text(numbered(0, 50))}half`);
    using reader = new LineReader(log);
    expect(reader.seek(3)).toBe(3);
    expect(rest(reader)).toEqual(numbered(47, 50));
    appendFileSync(log, " a line\nnext\n");
    expect(rest(reader)).toEqual(["half a line", "next"]);
  });

  test("go back over rotated files as far as it takes", () => {
    writeFileSync(`${log}.2`, text(numbered(0, 10)));
    writeFileSync(`${log}.1`, text(numbered(10, 20)));
    writeFileSync(log, text(numbered(20, 30)));
    for (const n of [0, 1, 10, 11, 20, 25, 30]) {
      using reader = new LineReader(log);
      expect(reader.seek(n)).toBe(n);
      expect(rest(reader)).toEqual(numbered(30 - n, 30));
    }
    using all = new LineReader(log);
    expect(all.seek(Number.POSITIVE_INFINITY)).toBe(30);
    expect(rest(all)).toEqual(numbered(0, 30));
  });

  test("begin after the last one that is too old", () => {
    writeFileSync(`${log}.1`, text(numbered(0, 10)));
    writeFileSync(log, text(numbered(10, 20)));
    const before = (n: number) => (line: string) => Number(line.slice(5)) < n;
    for (const n of [0, 5, 10, 15, 20]) {
      using reader = new LineReader(log);
      expect(reader.seek(1_000, before(n))).toBe(20 - n);
      expect(rest(reader)).toEqual(numbered(n, 20));
    }
  });

  test("are found whatever their length", () => {
    const lines = [1, 70_000, 0, 65_536, 3, 200_000, 65_535, 2].map(
      (length, n) => `${n}${"é".repeat(length)}`,
    );
    writeFileSync(log, text(lines));
    for (let n = 0; n <= lines.length; n++) {
      using reader = new LineReader(log);
      expect(reader.seek(n)).toBe(n);
      expect(rest(reader)).toEqual(lines.slice(lines.length - n));
    }
  });

  test("of 32 MB of logs take a look at a piece of them", () => {
    const lines = text(numbered(1_000_000, 1_500_000));
    for (const name of [`${log}.3`, `${log}.2`, `${log}.1`, log]) writeFileSync(name, lines);
    const read = () => Number(/^rchar: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1]);
    const before = read();
    using reader = new LineReader(log);
    reader.seek(100);
    expect(rest(reader)).toEqual(numbered(1_499_900, 1_500_000));
    expect(read() - before).toBeLessThan(256 << 10);
  });

  test("of a log that isn't there are none, and whatever comes is new", () => {
    using reader = new LineReader(folder.file("later/log"));
    expect(reader.seek(100)).toBe(0);
    expect(rest(reader)).toEqual([]);
    mkdirSync(folder.file("later"));
    writeFileSync(folder.file("later/log"), "first\n");
    expect(rest(reader)).toEqual(["first"]);
  });

  test("are all there is for who doesn't follow, whatever is written meanwhile", () => {
    const write = (n: number) => appendFileSync(log, text(numbered(n, n + 1)));
    using none = new LineReader(log, false);
    expect(none.seek(5)).toBe(0);
    writeFileSync(`${log}.1`, text(numbered(0, 5_000)));
    writeFileSync(log, `${text(numbered(5_000, 10_000))}half`);
    for (const n of [0, 3, 7_000]) {
      using reader = new LineReader(log, false);
      expect(reader.seek(n)).toBe(n);
      appendFileSync(log, " a line\n");
      const read: string[] = [];
      for (let more = reader.next(); more && read.length <= n; more = reader.next()) {
        read.push(...more.lines);
        write(10_000);
      }
      expect(read).toEqual(numbered(10_000 - n, 10_000));
      writeFileSync(log, `${text(numbered(5_000, 10_000))}half`);
    }
    using reader = new LineReader(log, false);
    reader.seek(2);
    renameSync(log, `${log}.1`);
    write(10_000);
    expect(rest(reader)).toEqual(numbered(9_998, 10_000));
    expect(rest(none)).toEqual([]);
  });

  test("that can't be read are an error in words", () => {
    mkdirSync(log);
    using reader = new LineReader(log);
    expect(() => reader.seek(1)).toThrow(`${log} can't be read: EISDIR`);
  });
});

describe("a reader", () => {
  /** Numbers that look random, the same each time. */
  function* numbers(seed: number) {
    for (let x = seed; ; ) {
      x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0;
      yield x / 2 ** 32;
    }
  }

  test.each([1, 2, 3])("misses nothing and doubles nothing over rotations (%d)", (seed) => {
    const random = numbers(seed);
    const next = () => random.next().value as number;
    using file = new RotatingFile(log, 2_000, 4);
    using reader = new LineReader(log);
    const written: string[] = [];
    const seen: string[] = [];
    for (let n = 0; n < 3_000; n++) {
      written.push(`${n} ${"x".repeat(Math.floor(next() * 100))}`);
      file.append(`${written.at(-1)}\n`);
      // Sometimes more than one rotation passes before it looks again, and never all of them.
      if (next() < 0.02) seen.push(...rest(reader));
      else if (next() < 0.05) seen.push(...(reader.next()?.lines ?? []));
      if (n % 60 === 0) seen.push(...rest(reader));
    }
    seen.push(...rest(reader));
    expect(seen).toEqual(written);
  });

  test("that fell behind all rotations says that lines may be missing, once", () => {
    using file = new RotatingFile(log, 100, 2);
    using reader = new LineReader(log);
    file.append("the first\n");
    expect(rest(reader)).toEqual(["the first"]);
    for (const line of numbered(0, 100)) file.append(`${line}\n`);
    const read: Lines[] = [];
    for (let lines = reader.next(); lines; lines = reader.next()) read.push(lines);
    const cut = read.findIndex(({ afterGap }) => afterGap);
    // What it had open is read to its end; what came next is gone.
    expect(read.slice(0, cut).flatMap(({ lines }) => lines)).toEqual(numbered(0, 12));
    const seen = read.slice(cut).flatMap(({ lines }) => lines);
    expect(seen.length).toBeGreaterThan(10);
    expect(seen).toEqual(numbered(100 - seen.length, 100));
    expect(read.filter(({ afterGap }) => afterGap)).toHaveLength(1);
  });

  test("gives half a line that the disk didn't take as it is, once its file is rotated", () => {
    writeFileSync(log, "whole\nhal");
    using reader = new LineReader(log);
    expect(rest(reader)).toEqual(["whole"]);
    renameSync(log, `${log}.1`);
    writeFileSync(log, "\nnext\n");
    expect(rest(reader)).toEqual(["hal", "next"]);
  });

  test("goes on where the file was emptied, or removed with its folder", () => {
    const path = folder.file("inside/log");
    mkdirSync(folder.file("inside"));
    writeFileSync(path, "one\ntwo\n");
    using reader = new LineReader(path);
    expect(rest(reader)).toEqual(["one", "two"]);
    writeFileSync(path, "3\n");
    expect(rest(reader)).toEqual(["3"]);
    appendFileSync(path, "four\n");
    rmSync(folder.file("inside"), { recursive: true });
    expect(rest(reader)).toEqual(["four"]);
    mkdirSync(folder.file("inside"));
    writeFileSync(path, "five\n");
    expect(rest(reader)).toEqual(["five"]);
  });

  test("holds no file once it is disposed", () => {
    const open = () =>
      readFileSync("/proc/self/stat", "utf8") &&
      [...new Bun.Glob("*").scanSync({ cwd: "/proc/self/fd", onlyFiles: false })].length;
    writeFileSync(`${log}.1`, "a\n");
    writeFileSync(log, "b\n");
    const before = open();
    for (let n = 0; n < 50; n++) {
      using reader = new LineReader(log);
      reader.seek(10);
      reader.next();
    }
    expect(open()).toBe(before);
  });
});

describe("a log on the screen", () => {
  const at = Date.UTC(2026, 10, 22, 14, 5);
  const line = (n: number) => `${lineHead(at + n)}line ${n}\n`;

  function shown(path = log) {
    const lines: LogLine[] = [];
    const following = followLog(path, (batch) => void lines.push(...batch));
    return { lines, [Symbol.dispose]: () => following[Symbol.dispose]() };
  }

  test("begins with its last 200 lines, and goes on with each that comes", async () => {
    writeFileSync(log, Array.from({ length: 500 }, (_, n) => line(n)).join(""));
    using screen = shown();
    await until(() => screen.lines.length === 200);
    expect(screen.lines[0]).toEqual({ at: at + 300, text: "line 300", mark: false });
    appendFileSync(log, `${formatMark(at + 500, "7 bytes were lost")}\n`);
    await until(() => screen.lines.length === 201);
    expect(screen.lines.at(-1)).toEqual({ at: at + 500, text: "7 bytes were lost", mark: true });
  });

  test("is seen from its first line on, also after its folder was removed", async () => {
    const path = folder.file("inside/log");
    using screen = shown(path);
    for (const n of [1, 2, 3]) {
      mkdirSync(folder.file("inside"));
      writeFileSync(path, line(n));
      await until(() => screen.lines.length === n);
      rmSync(folder.file("inside"), { recursive: true });
    }
    expect(screen.lines.map(({ text }) => text)).toEqual(["line 1", "line 2", "line 3"]);
  });

  test("shows lines that another process writes over rotations, all of them and in order", async () => {
    using screen = shown();
    const script = `
      import { RotatingFile } from ${JSON.stringify(`${import.meta.dir}/../../src/kernel/log.ts`)};
      const file = new RotatingFile(${JSON.stringify(log)}, 20_000, 3);
      for (let n = 0; n < 3_000; n++) {
        file.append("2026-11-22T14:05:00.000Z line " + n + "\\n");
        if (n % 100 === 0) await Bun.sleep(5);
      }`;
    writeFileSync(folder.file("writer.ts"), script);
    await using writer = Bun.spawn([process.execPath, folder.file("writer.ts")], { stderr: "inherit" });
    expect(await writer.exited).toBe(0);
    await until(() => screen.lines.at(-1)?.text === "line 2999");
    expect(screen.lines.map(({ text }) => text)).toEqual(numbered(0, 3_000));
  });

  test("leaves lines out, and says so, when more come than anybody can look at", async () => {
    writeFileSync(log, line(0));
    using screen = shown();
    await until(() => screen.lines.length === 1);
    appendFileSync(log, Array.from({ length: 100_000 }, (_, n) => line(n + 1)).join(""));
    await until(() => screen.lines.at(-1)?.text === "line 100000");
    expect(screen.lines.length).toBe(202);
    expect(screen.lines[1]).toEqual({ at, text: "lines may be missing here", mark: true });
  });

  test("has half a line that the disk didn't take as it is", async () => {
    writeFileSync(log, `hal\n${line(1)}`);
    using screen = shown();
    await until(() => screen.lines.length === 2);
    expect(screen.lines[0]).toEqual({ at: at + 1, text: "hal", mark: false });
  });
});
