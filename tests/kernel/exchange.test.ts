import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import {
  formatFor,
  lines,
  objects,
  readText,
  sourceOf,
  Wrong,
  writeText,
  wrongIn,
} from "../../src/kernel/exchange.ts";
import type { Output } from "../../src/kernel/output.ts";
import { Folder } from "../support/folder.ts";

let folder: Folder;
beforeEach(() => {
  folder = new Folder();
});
afterEach(() => folder[Symbol.dispose]());

const failed = (exit: number, message: string | RegExp) =>
  expect.objectContaining({ name: "Expected", exit, message: expect.stringMatching(message) });

describe("the format", () => {
  const known = { names: { ".csv": "csv", history: "diary" }, choices: "csv or diary" } as const;

  test("is the one that was asked for, else what the file's name tells", () => {
    expect(formatFor("csv", "/x/history", known)).toBe("csv");
    expect(formatFor(undefined, "/x/A.CSV", known)).toBe("csv");
    expect(formatFor(undefined, "/x/history", known)).toBe("diary");
  });

  test.each([undefined, "data", "a.xml", "constructor", "csv"])("%p tells none", (path) => {
    expect(() => formatFor(undefined, path, known)).toThrow(failed(2, "which format?"));
    expect(() => formatFor(undefined, path, known)).toThrow(
      expect.objectContaining({ hint: "--format csv or diary" }),
    );
  });
});

describe("a text is written", () => {
  /** stdout, that is closed after so many pieces. */
  const stdout = (most = Infinity) => {
    const said: string[] = [];
    const output = {
      get closed() {
        return said.length >= most;
      },
      text: (text: string) => void said.push(text),
    };
    return { said, output: output as unknown as Output };
  };
  const parts = (n: number) => Array.from({ length: n }, () => "x".repeat(1000));

  test("on stdout in pieces, until its reader leaves", () => {
    for (const path of [undefined, "-"]) {
      const { said, output } = stdout();
      expect(writeText(output, path, parts(100))).toBe(false);
      expect(said.join("")).toBe("x".repeat(100_000));
      expect(said.length).toBe(2);
    }
    const { said, output } = stdout(1);
    writeText(output, undefined, parts(1000));
    expect(said.length).toBe(1);
  });

  test("into a file that is the old one or the new one, for its user alone; through a link, with its mode", () => {
    const { said, output } = stdout();
    expect(writeText(output, folder.file("new"), ["a", "b"])).toBe(true);
    expect(readFileSync(folder.file("new"), "utf8")).toBe("ab");
    expect(statSync(folder.file("new")).mode & 0o777).toBe(0o600);
    chmodSync(folder.file("new"), 0o640);
    symlinkSync("new", folder.file("link"));
    writeText(output, folder.file("link"), ["c"]);
    expect(readlinkSync(folder.file("link"))).toBe("new");
    expect(readFileSync(folder.file("new"), "utf8")).toBe("c");
    expect(statSync(folder.file("new")).mode & 0o777).toBe(0o640);
    const torn = function* () {
      yield "half";
      throw new Error("the store is gone");
    };
    expect(() => writeText(output, folder.file("new"), torn())).toThrow("the store is gone");
    expect(readFileSync(folder.file("new"), "utf8")).toBe("c");
    expect(readdirSync(folder.path).sort()).toEqual(["link", "new"]);
    expect(said).toEqual([]);
  });

  test("or not at all", () => {
    mkdirSync(folder.file("folder"));
    const { output } = stdout();
    expect(() => writeText(output, folder.file("folder"), ["a"])).toThrow(
      failed(74, /can't be written: it is a folder$/),
    );
    expect(() => writeText(output, folder.file("no/a"), ["a"])).toThrow(
      failed(74, /can't be written: its folder isn't there$/),
    );
    expect(() => writeText(output, "/dev/full", ["a"])).toThrow(
      failed(74, "/dev/full can't be written: its disk is full"),
    );
    expect(() => writeText(output, folder.file("no/a"), ["a"])).toThrow(
      expect.objectContaining({ hint: "name a file that can be written" }),
    );
  });
});

describe("a text is read", () => {
  const read = (name: string) => readText(sourceOf(folder.file(name), "stint x import"));

  test("whole", async () => {
    writeFileSync(folder.file("a"), "\ufeffé\n");
    expect(await read("a")).toBe("é\n");
  });

  test("unless it isn't there, is no UTF-8 or is larger than 64 MB", async () => {
    await expect(read("none")).rejects.toEqual(failed(74, /none can't be read: there is no such file$/));
    await expect(read("none")).rejects.toEqual(
      expect.objectContaining({ hint: "name a file that can be read" }),
    );
    await expect(read(".")).rejects.toEqual(failed(74, /can't be read: it is a folder$/));
    writeFileSync(folder.file("latin"), Buffer.from([0x66, 0xfc, 0x72]));
    await expect(read("latin")).rejects.toEqual(failed(74, /isn't UTF-8 text$/));
    writeFileSync(folder.file("large"), "");
    truncateSync(folder.file("large"), 64 * 2 ** 20 + 1);
    await expect(read("large")).rejects.toEqual(failed(74, /is larger than 64 MB$/));
  });

  test("what is wrong in it is told with its file and line", () => {
    const source = sourceOf("my\x1bfile", "stint x import");
    expect(wrongIn(source, new Wrong(7, "it isn't"))).toEqual(failed(74, /^my\ufffdfile:7: it isn't$/));
    expect(wrongIn(sourceOf("-", "stint x import"), new Wrong(1, "no"))).toEqual(failed(74, "stdin:1: no"));
    const bug = new Error("a bug");
    expect(wrongIn(source, bug)).toBe(bug);
  });

  test("by lines and by objects, counted from 1 with the blank ones", () => {
    expect([...lines("a\n\n  b \r\n")]).toEqual([
      [1, "a"],
      [3, "b"],
    ]);
    expect([...objects('{"a":1}\n\n{}')]).toEqual([
      [1, { a: 1 }],
      [3, {}],
    ]);
    for (const text of ['{}\n{"a":', "{}\n7", "{}\nnull"]) {
      expect(() => [...objects(text)]).toThrow(
        expect.objectContaining({ line: 2, message: "it isn't a JSON object" }),
      );
    }
  });
});
