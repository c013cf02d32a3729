import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { freeStart, makeFifo } from "../../src/kernel/runtime.ts";
import { type ModuleOutput, type OutputOptions, openOutput } from "../../src/modules/adapters/output.ts";
import { parseLogLine } from "../../src/modules/core/log-line.ts";
import { TestClock } from "../support/clock.ts";
import { Folder } from "../support/folder.ts";
import { Other } from "../support/home.ts";
import { until } from "../support/sandbox.ts";
import { canMount, onSmallDisk } from "../support/small-disk.ts";

const MB = 1 << 20;
const TEXT = "x".repeat(91);

let folder: Folder;
let heard: string[];
let failures: unknown[];
beforeEach(() => {
  folder = new Folder();
  heard = [];
  failures = [];
});
afterEach(() => folder[Symbol.dispose]());

const raw = () => folder.file("m/raw");
const log = () => folder.file("m/log");
const open = (more: Partial<OutputOptions> = {}): Promise<ModuleOutput> =>
  openOutput({
    raw: raw(),
    log: log(),
    maxBytes: 1 << 30,
    keep: 2,
    line: (text) => void heard.push(text),
    failed: (error) => void failures.push(error),
    ...more,
  });

/** What the module writes, as one that outlives us does. */
const print = (text: string | Uint8Array) => appendFileSync(raw(), text);
const hears = (count: number) =>
  until(
    () => heard,
    ({ length }) => length >= count,
  );
const logged = (path = log()) => readFileSync(path, "utf8").split("\n").slice(0, -1).map(parseLogLine);
const marks = () => logged().flatMap((line) => (line?.mark ? [line.text] : []));
const said = () => logged().flatMap((line) => (line && !line.mark ? [line.text] : []));
/** The sum of the numbers at the beginning of marks. */
const bytesLeftOut = () =>
  marks().reduce((sum, text) => sum + Number(/^(\d+) bytes/.exec(text)?.[1] ?? 0), 0);
const bytesHeard = () => heard.reduce((sum, text) => sum + text.length + 1, 0);
const onDisk = () => statSync(raw()).blocks * 512;
/** Numbered lines of 100 bytes. */
const lines = (from: number, count: number) =>
  Array.from({ length: count }, (_, n) => `${String(from + n).padStart(8, "0")}${TEXT}\n`).join("");

/** Whether the disk of the tests can shorten a file at its beginning. */
function shortens(): boolean {
  const path = folder.file("probe");
  writeFileSync(path, Buffer.alloc(8192));
  const fd = openSync(path, "r+");
  const can = freeStart(fd, 4096, "shorter");
  closeSync(fd);
  return can;
}

describe("what a module prints", () => {
  test("is in its log line by line, with the time, before it is told", async () => {
    const clock = new TestClock(Date.UTC(2026, 0, 2, 3, 4, 5, 678));
    const inLog: number[] = [];
    await using _ = await open({
      clock,
      line: (text) => {
        heard.push(text);
        inLog.push(logged().length);
      },
    });
    print("first\nsecond\r\n\nfo");
    await hears(3);
    print("ur\n");
    await hears(4);
    expect(heard).toEqual(["first", "second", "", "four"]);
    expect(inLog).toEqual([3, 3, 3, 4]);
    const at = clock.wall();
    expect(logged()).toEqual(heard.map((text) => ({ at, text, mark: false })));
    expect(readFileSync(log(), "utf8")).toStartWith("2026-01-02T03:04:05.678Z first\n");
    expect([statSync(raw()).mode & 0o777, statSync(log()).mode & 0o777]).toEqual([0o600, 0o600]);
  });

  test("is a line whatever it is: not UTF-8, with NULs, printed byte by byte", async () => {
    await using _ = await open();
    const all = Buffer.concat([
      Buffer.from("\0\0a\0b\n"),
      Buffer.from([0xff, 0xc3, 0x0a]),
      Buffer.from("żółw\n"),
    ]);
    for (const byte of all) {
      print(new Uint8Array([byte]));
      await Bun.sleep(1);
    }
    await hears(3);
    expect(heard).toEqual(["\0\0a\0b", "\ufffd\ufffd", "żółw"]);
    expect(said()).toEqual(heard);
  });

  test("of a line without an end only 64 KiB are kept, and it is said how much was left out", async () => {
    await using output = await open();
    for (let n = 0; n < 20; n++) {
      print("x".repeat(50_000));
      await Bun.sleep(1);
    }
    await until(() => heard.length === 1);
    expect(heard).toEqual(["x".repeat(65_536)]);
    print("\nnext\n");
    await hears(2);
    expect(heard[1]).toBe("next");
    expect(marks()).toEqual([
      "the line is longer than 65536 bytes: its rest is left out",
      `${1_000_000 - 65_536} bytes of the line were left out`,
    ]);
    await output.drain();
    expect(statSync(raw()).blocks * 512).toBeLessThan(300_000);
  });

  test("is taken in to its end when it has ended, half a line too", async () => {
    await using output = await open();
    print("whole\nhalf");
    await output.drain();
    expect(heard).toEqual(["whole", "half"]);
    print("of another run\n");
    await output.drain();
    expect(heard).toEqual(["whole", "half", "of another run"]);
    await output.drain();
    expect(said()).toEqual(heard);
  });

  test("that ends with a return, as progress does, is a line at once", async () => {
    await using _ = await open();
    for (const percent of [10, 20]) {
      print(`${percent} %\r`);
      await hears(percent / 10);
    }
    print("\ndone\r\n");
    await hears(3);
    expect(heard).toEqual(["10 %", "20 %", "done"]);
    expect(said()).toEqual(heard);
  });

  test("without an end is a line once nothing more came for a while; what comes then is the next one", async () => {
    const prompt = "Overwrite? [y/N] ";
    {
      await using _ = await open();
      print(`before\n${prompt}`);
      const began = performance.now();
      await hears(2);
      expect(performance.now() - began).toBeWithin(900, 3_000);
      print('{"event":');
      await hears(3);
      print('"ready"}\n');
      await hears(4);
      print(prompt);
      await hears(5);
    }
    // Nothing of it comes again for who takes it in next.
    await using output = await open();
    print("y\n");
    await output.drain();
    expect(heard).toEqual(["before", prompt, '{"event":', '"ready"}', prompt, "y"]);
    expect(said()).toEqual(heard);
  });

  test("is one line as long as it comes, however slowly", async () => {
    await using _ = await open();
    for (const part of ["one ", "line ", "in ", "four ", "parts\n"]) {
      print(part);
      await Bun.sleep(300);
    }
    expect(heard).toEqual(["one line in four parts"]);
  });

  test("stands in the log among what stint says there", async () => {
    await using output = await open();
    print("before\n");
    await output.drain();
    output.mark("exit 1");
    print("-- after\n");
    await output.drain();
    expect(logged().map((line) => [line?.mark, line?.text])).toEqual([
      [false, "before"],
      [true, "exit 1"],
      [false, "-- after"],
    ]);
  });

  test("as an answer is told at once", async () => {
    makeFifo(folder.file("stdin"));
    const stdin = openSync(folder.file("stdin"), constants.O_RDWR);
    let told = () => {};
    await using output = await open({ line: () => told() });
    const stdout = openSync(raw(), "a");
    const echo = Bun.spawn(["cat"], { stdin, stdout });
    const times: number[] = [];
    for (let n = 0; n < 100; n++) {
      const { promise, resolve } = Promise.withResolvers<void>();
      told = resolve;
      const began = performance.now();
      writeSync(stdin, `${n}\n`);
      output.expect();
      await promise;
      times.push(performance.now() - began);
    }
    times.sort((one, other) => one - other);
    // About 1 ms, where the machine has nothing else to do.
    expect(times[50]).toBeLessThan(10);
    echo.kill();
    await echo.exited;
    closeSync(stdin);
    closeSync(stdout);
  });

  test("is in a log that is rotated by size", async () => {
    await using output = await open({ maxBytes: 100_000, keep: 2 });
    for (let n = 0; n < 20; n++) {
      print(lines(n * 1000, 1000));
      await output.drain();
    }
    const files = readdirSync(folder.file("m"))
      .filter((name) => /^log(\.\d+)?$/.test(name))
      .toSorted();
    expect(files).toEqual(["log", "log.1", "log.2"]);
    for (const name of files) expect(statSync(folder.file(`m/${name}`)).size).toBeLessThanOrEqual(100_000);
    expect(said().at(-1)).toStartWith("00019999");
    expect(heard).toHaveLength(20_000);
  });
});

describe("the file that a module writes", () => {
  test("is given back to the disk as it is taken, and doesn't seem long either", async () => {
    await using output = await open();
    for (let n = 0; n < 80; n++) {
      print(lines(n * 1000, 1000));
      await output.drain();
      expect(onDisk()).toBeLessThan(600_000);
    }
    // Once it is quiet.
    await until(() => onDisk() <= 8192);
    if (shortens()) await until(() => statSync(raw()).size < 10_000);
    print("and on\n");
    await hears(80_001);
    expect(heard).toHaveLength(80_001);
    expect(heard.every((text, n) => n === 80_000 || Number(text.slice(0, 8)) === n)).toBe(true);
    expect(marks()).toEqual([]);
  });

  test("is bounded however fast it is written, and every byte that isn't kept is counted", async () => {
    await using output = await open();
    const stdout = openSync(raw(), "a");
    const fast = Bun.spawn(["sh", "-c", `yes ${TEXT}12345678 | head -c 100000000`], { stdout });
    let most = 0;
    let turns = 0;
    const done = fast.exited;
    for (let ended = false; !ended; turns++) {
      ended = await Promise.race([done.then(() => true), Bun.sleep(5).then(() => false)]);
      most = Math.max(most, onDisk());
    }
    closeSync(stdout);
    await output.drain();
    await until(() => bytesHeard() + bytesLeftOut() >= 100_000_000);
    expect(bytesHeard() + bytesLeftOut()).toBe(100_000_000);
    expect(bytesLeftOut()).toBeGreaterThan(0);
    expect(marks().every((text) => text.endsWith("16 MB/s are taken in"))).toBe(true);
    expect(heard.every((text) => text.length === 99)).toBe(true);
    expect(most).toBeLessThan(90_000_000);
    expect(turns).toBeGreaterThan(1);
    await until(() => onDisk() < 300_000);
  });

  test("that grew while nobody took it in: the newest 16 MB are kept, the rest is said, within a second", async () => {
    await using first = await open();
    await first[Symbol.asyncDispose]();
    for (let n = 0; n < 40; n++) print(lines(n * 10_000, 10_000));
    const began = performance.now();
    await using output = await open();
    await until(() => onDisk() < 17 * MB);
    expect(performance.now() - began).toBeLessThan(1000);
    await output.drain();
    await until(() => heard.length > 0 && heard.at(-1)?.startsWith("00399999"));
    expect(heard.length * 100).toBeWithin(16 * MB - 200, 16 * MB + 1);
    expect(heard.length * 100 + bytesLeftOut()).toBe(40_000_000);
    expect(logged()[0]?.mark).toBe(true);
    expect(marks()).toHaveLength(1);
  });

  test("that goes on being written when nobody takes it in loses nothing, half a line neither", async () => {
    {
      await using _ = await open();
      print("one\ntw");
      await hears(1);
    }
    print("o\nthree\n");
    {
      await using _ = await open();
      await hears(3);
    }
    await using _ = await open();
    print("four\n");
    await hears(4);
    expect(heard).toEqual(["one", "two", "three", "four"]);
    expect(said()).toEqual(heard);
    expect(marks()).toEqual([]);
  });

  test("has half a line that was given no second time after a kill -9 of who took it in", async () => {
    writeFileSync(folder.file("raw"), "");
    const take = () => new Other([process.execPath, fixture, folder.file("raw"), folder.file("log")]);
    {
      await using tail = take();
      expect(await tail.line()).toBe("open");
      appendFileSync(folder.file("raw"), "say sure? ");
      expect(await tail.line()).toBe("say sure? ");
      await tail.kill();
    }
    await using tail = take();
    appendFileSync(folder.file("raw"), "yes\nsay end\n");
    expect([await tail.line(), await tail.line()]).toEqual(["open", "say end"]);
    const texts = logged(folder.file("log")).map((line) => line?.text);
    expect(texts).toEqual(["say sure? ", "yes", "say end"]);
  });

  test("loses no line to a kill -9 of who takes it in, and repeats few", async () => {
    writeFileSync(folder.file("raw"), "");
    const stdout = openSync(folder.file("raw"), "a");
    let printed = 0;
    // 100 numbered lines a second as a recorder prints them, and much beside, so that the file is freed and shortened.
    const printing = setInterval(() => {
      writeSync(stdout, lines(printed, 50));
      printed += 50;
    }, 5);
    for (let n = 0; n < 6; n++) {
      await using tail = new Other([process.execPath, fixture, folder.file("raw"), folder.file("log")]);
      expect(await tail.line()).toBe("open");
      await Bun.sleep(100 + 120 * n);
      await tail.kill();
      await Bun.sleep(20);
    }
    clearInterval(printing);
    writeSync(stdout, "say end\n");
    await using tail = new Other([process.execPath, fixture, folder.file("raw"), folder.file("log")]);
    expect(await tail.line()).toBe("open");
    expect(await tail.line()).toBe("say end");
    const numbers = logged(folder.file("log")).map((line) => Number(line?.text.slice(0, 8)));
    numbers.pop();
    const seen = new Set(numbers);
    expect(seen.size).toBe(printed);
    expect(Math.max(...numbers)).toBe(printed - 1);
    // One piece each time at most.
    expect(numbers.length - seen.size).toBeLessThan(6 * 2700);
    expect(statSync(folder.file("raw")).blocks * 512).toBeLessThan(MB);
    closeSync(stdout);
  });
});

const fixture = join(import.meta.dir, "fixture-output.ts");

describe("a file that was about to be shortened when a kill -9 came", () => {
  for (const done of [false, true]) {
    test(`is taken on from where that was: it was ${done ? "" : "not "}shortened yet`, async () => {
      if (!shortens()) return;
      {
        await using output = await open();
        print(lines(0, 1000));
        await output.drain();
      }
      const remembered = JSON.parse(readFileSync(`${raw()}.at`, "utf8"));
      const shorter = Math.floor((remembered.at - 32) / 4096) * 4096;
      writeFileSync(`${raw()}.at`, JSON.stringify({ ...remembered, shorter }));
      const fd = openSync(raw(), "r+");
      expect(freeStart(fd, shorter, "hole")).toBe(true);
      if (done) expect(freeStart(fd, shorter, "shorter")).toBe(true);
      closeSync(fd);
      print(lines(1000, 1000));
      await using output = await open();
      await output.drain();
      expect(heard.map((text) => Number(text.slice(0, 8)))).toEqual(
        Array.from({ length: 2000 }, (_, n) => n),
      );
      expect(marks()).toEqual([]);
    });
  }
});

describe("a file that somebody else changed", () => {
  const mark = "raw isn't the file that it was: lines may be missing, or here twice";

  test("is taken on from what is there when it was cut", async () => {
    await using output = await open();
    print("before\nhalf");
    await hears(1);
    truncateSync(raw(), 0);
    print("a\n");
    await hears(3);
    expect(heard).toEqual(["before", "half", "a"]);
    expect(marks()).toEqual([mark]);
    await output.drain();
    truncateSync(raw(), 0);
    print("as long as it was and longer\n");
    await hears(4);
    expect(heard[3]).toBe("as long as it was and longer");
    expect(marks()).toEqual([mark, mark]);
  });

  test("is read on when it was removed, and left for the one that has its name then", async () => {
    await using _ = await open();
    const stdout = openSync(raw(), "a");
    writeSync(stdout, "one\n");
    await hears(1);
    rmSync(raw());
    writeSync(stdout, "two\n");
    await hears(2);
    writeSync(stdout, "three\n");
    closeSync(stdout);
    print("of another\n");
    await hears(4);
    print("and on\n");
    await hears(5);
    expect(heard).toEqual(["one", "two", "three", "of another", "and on"]);
    expect(marks()).toEqual([mark]);
  });

  test("with its whole folder is read on, into a log that is made again", async () => {
    await using _ = await open();
    const stdout = openSync(raw(), "a");
    writeSync(stdout, "one\n");
    await hears(1);
    rmSync(folder.file("m"), { recursive: true });
    writeSync(stdout, "two\n");
    await hears(2);
    expect(said()).toEqual(["two"]);
    closeSync(stdout);
    print("of another run\n");
    await hears(3);
    expect(said()).toEqual(["two", "of another run"]);
  });

  test("that was removed is told of and marked once, until it is there again", async () => {
    await using _ = await open();
    const removed = `${raw()} was removed: what it writes is read on`;
    const told = () => failures.map((error) => (error as Error).message);
    rmSync(folder.file("m"), { recursive: true });
    await until(() => failures.length > 0);
    expect(marks()).toEqual([removed]);
    await Bun.sleep(1_100);
    expect(told()).toEqual([removed]);
    print("of another run\n");
    await hears(1);
    rmSync(raw());
    await until(() => failures.length > 1);
    expect(told()).toEqual([removed, removed]);
    expect(marks()).toEqual([removed, mark, removed]);
  });

  test("or was replaced while nobody took it in is taken from its beginning", async () => {
    {
      await using _ = await open();
      print("before\n");
      await hears(1);
    }
    renameSync(raw(), `${raw()}.old`);
    print("after\n");
    {
      await using _ = await open();
      await hears(2);
    }
    expect(heard).toEqual(["before", "after"]);
    expect(marks()).toEqual([mark]);
  });

  test("whose position is lost or nonsense is taken from the first byte that wasn't freed", async () => {
    for (const text of [undefined, "", "{", '{"at":-1}', "null", "\0".repeat(300)]) {
      rmSync(folder.file("m"), { recursive: true, force: true });
      heard = [];
      {
        await using output = await open();
        print(lines(0, 10_000));
        await output.drain();
      }
      if (text === undefined) rmSync(`${raw()}.at`);
      else writeFileSync(`${raw()}.at`, text);
      const freed = heard.length;
      print("after\n");
      await using output = await open();
      await output.drain();
      expect(heard.at(-1)).toBe("after");
      expect(heard.length - freed).toBeLessThan(100);
      expect(heard.some((line) => line.includes("\0"))).toBe(false);
    }
  });
});

describe("a file that was removed under a module that writes on, for who takes it over", () => {
  const mark = "raw isn't the file that it was: lines may be missing, or here twice";

  /** A module that prints what it is told, into a file. */
  class Module implements AsyncDisposable {
    readonly #child: Bun.Subprocess<"pipe">;

    constructor(path: string) {
      const stdout = openSync(path, "a+");
      this.#child = Bun.spawn(["cat"], { stdin: "pipe", stdout });
      closeSync(stdout);
    }

    get held(): string {
      return `/proc/${this.#child.pid}/fd/1`;
    }

    print(text: string): void {
      this.#child.stdin.write(text);
      this.#child.stdin.flush();
    }

    async [Symbol.asyncDispose](): Promise<void> {
      this.#child.kill("SIGKILL");
      await this.#child.exited;
    }
  }

  test("is read from its beginning, until the module has ended and the next one writes to the name", async () => {
    const first = await open();
    await using module = new Module(raw());
    module.print("one\n");
    await hears(1);
    await first[Symbol.asyncDispose]();
    rmSync(folder.file("m"), { recursive: true });
    module.print("two\n");
    await until(() => readFileSync(module.held, "utf8").endsWith("two\n"));
    await using output = await open({ held: module.held });
    await hears(3);
    expect(marks()[0]).toBe(mark);
    // Somebody's file under the name is none that the module writes.
    writeFileSync(raw(), "");
    await Bun.sleep(600);
    module.print("three\n");
    output.expect();
    await hears(4);
    module.print("four\n");
    await until(() => readFileSync(module.held, "utf8").endsWith("four\n"));
    await module[Symbol.asyncDispose]();
    await output.drain();
    print("of another run\n");
    await hears(6);
    expect(heard).toEqual(["one", "one", "two", "three", "four", "of another run"]);
  });

  test("is told at once", async () => {
    mkdirSync(folder.file("m"));
    await using module = new Module(raw());
    rmSync(raw());
    await using _ = await open({ held: module.held });
    module.print("0\n");
    await hears(1);
    const began = performance.now();
    for (let n = 1; n < 20; n++) {
      module.print(`${n}\n`);
      await hears(n + 1);
    }
    // It is looked for twice a second.
    expect(performance.now() - began).toBeLessThan(2_000);
  });

  test("is gone on with where that was, and given back to the disk", async () => {
    const onDisk = (held: string) => statSync(held).blocks * 512;
    const first = await open();
    await using module = new Module(raw());
    rmSync(folder.file("m"), { recursive: true });
    module.print(lines(0, 2_000));
    await hears(2_000);
    await first[Symbol.asyncDispose]();
    await using _ = await open({ held: module.held });
    for (let n = 1; n < 20; n++) {
      module.print(lines(n * 2_000, 2_000));
      await hears((n + 1) * 2_000);
      expect(onDisk(module.held)).toBeLessThan(900_000);
    }
    await until(() => onDisk(module.held) <= 8192);
    expect(heard.every((text, n) => Number(text.slice(0, 8)) === n)).toBe(true);
    expect(marks()).not.toContain(mark);
  });

  test("is another one's business when it has put it in the place of ours itself", async () => {
    const own = folder.file("own");
    const text = lines(0, 20_000);
    writeFileSync(own, text);
    await using module = new Module(own);
    for (const removed of [false, true]) {
      if (removed) rmSync(own);
      const from = heard.length;
      await using _ = await open({ held: module.held });
      print("ours\n");
      await hears(from + 1);
      expect(readFileSync(module.held, "utf8")).toBe(text);
    }
    expect(heard).toEqual(["ours", "ours"]);
  });
});

describe("a disk that can't do it", () => {
  test("is told once; what was lost is said when it can be written again", async () => {
    if (!canMount) return;
    const [small, big] = [folder.file("small"), folder.file("raw")];
    Bun.spawnSync(["mkdir", small]);
    await using tail = new Other(onSmallDisk(small, [process.execPath, fixture, big, join(small, "log")]));
    expect(await tail.line()).toBe("open");
    appendFileSync(big, "say one\n");
    expect(await tail.line()).toBe("say one");
    tail.tell(`fill ${join(small, "filler")}`);
    expect(await tail.line()).toBe("done fill");
    for (let n = 0; n < 5; n++) appendFileSync(big, lines(n * 5000, 5000));
    appendFileSync(big, "say two\n");
    expect(await tail.line()).toBe("failed ENOSPC");
    expect(await tail.line()).toBe("say two");
    expect(statSync(big).blocks * 512).toBeLessThan(600_000);
    tail.tell(`remove ${join(small, "filler")}`);
    expect(await tail.line()).toBe("done remove");
    appendFileSync(big, "say three\n");
    expect(await tail.line()).toBe("say three");
    const text = readFileSync(join(`/proc/${tail.pid}/root`, small, "log"), "utf8");
    const last = text.split("\n").slice(-3, -1).map(parseLogLine);
    expect(last[0]?.mark).toBe(true);
    expect(
      Number(/^(\d+) lines could not be written: ENOSPC$/.exec(last[0]?.text ?? "")?.[1]),
    ).toBeGreaterThan(20_000);
    expect(last[1]).toMatchObject({ text: "say three", mark: false });
  });

  test("nor give back a part of a file empties it once all is taken, and says so", async () => {
    if (!canMount) return;
    const disk = folder.file("ram");
    Bun.spawnSync(["mkdir", disk]);
    // It is there before it is taken in: what is written while it is emptied may be lost, as its mark says.
    const said = Array.from({ length: 4 }, (_, n) => `${lines(n * 5000, 5000)}say ${n}\n`);
    writeFileSync(folder.file("all"), said.join(""));
    const [by = "", flags = "", ...rest] = onSmallDisk(disk, [
      ...["sh", "-c", 'cp "$1" "$2"; shift 2; exec "$@"', "sh", folder.file("all"), join(disk, "raw")],
      ...[process.execPath, fixture, join(disk, "raw"), folder.file("log")],
    ]);
    const ramfs = rest.map((word) => word.replace("mount -t tmpfs -o size=1m tmpfs", "mount -t ramfs ramfs"));
    await using tail = new Other([by, flags, ...ramfs]);
    expect(await tail.line()).toBe("open");
    const seen = join(`/proc/${tail.pid}/root`, disk, "raw");
    for (let n = 0; n < 4; n++) expect(await tail.line()).toBe(`say ${n}`);
    await until(() => statSync(seen).size < MB);
    const all = await until(
      () => logged(folder.file("log")),
      (lines) => lines.some((line) => line?.mark && line.text.includes("raw was emptied")),
    );
    expect(all.filter((line) => line && !line.mark)).toHaveLength(20_004);
  });

  test("be opened is tried again until it can", async () => {
    writeFileSync(folder.file("m"), "not a folder");
    await using _ = await open();
    expect(failures).toHaveLength(1);
    rmSync(folder.file("m"));
    await until(() => existsSync(raw()));
    print("at last\n");
    await hears(1);
    expect(said()).toEqual(["at last"]);
    expect(failures).toHaveLength(1);
  });
});

describe("taking in what modules print", () => {
  /** Descriptors, and what is watched. */
  const held = () => {
    const fds = readdirSync("/proc/self/fd");
    const watches = fds.flatMap((fd) => {
      try {
        return readFileSync(`/proc/self/fdinfo/${fd}`, "utf8").match(/^inotify wd:/gm) ?? [];
      } catch {
        return [];
      }
    });
    return { fds: fds.length, watches: watches.length };
  };

  test("leaves nothing behind once it is disposed", async () => {
    const round = async (n: number) => {
      await using output = await open({ raw: folder.file(`${n}/raw`), log: folder.file(`${n}/log`) });
      appendFileSync(folder.file(`${n}/raw`), `${n}\n`);
      await output.drain();
    };
    for (let n = 0; n < 20; n++) await round(n);
    const before = held();
    await Promise.all(Array.from({ length: 100 }, (_, n) => round(n)));
    for (let n = 100; n < 200; n++) await round(n);
    await until(held, ({ fds, watches }) => fds <= before.fds && watches <= before.watches);
    expect(heard).toHaveLength(220);
  });

  test("ends within a second or so, however much is printed meanwhile", async () => {
    const output = await open();
    const stdout = openSync(raw(), "a");
    // More than is taken in.
    const printing = setInterval(() => writeSync(stdout, lines(0, 2000)), 5);
    await hears(1);
    const began = performance.now();
    await output[Symbol.asyncDispose]();
    expect(performance.now() - began).toBeLessThan(1500);
    clearInterval(printing);
    closeSync(stdout);
    const told = heard.length;
    await output[Symbol.asyncDispose]();
    await output.drain();
    output.expect();
    output.mark("late");
    expect(heard).toHaveLength(told);
    expect(marks()).not.toContain("late");
  });

  test("of many at once lets all have their turn", async () => {
    const outputs = await Promise.all(
      [0, 1, 2, 3].map((n) =>
        open({
          raw: folder.file(`${n}/raw`),
          log: folder.file(`${n}/log`),
          line: () => void heard.push(String(n)),
        }),
      ),
    );
    for (let n = 0; n < 4; n++) appendFileSync(folder.file(`${n}/raw`), lines(0, n === 3 ? 1 : 50_000));
    await hears(1);
    await until(() => heard.includes("3"));
    const before = heard.indexOf("3");
    await Promise.all(outputs.map((output) => output.drain()));
    await hears(150_001);
    expect(before).toBeLessThan(75_000);
    for (const output of outputs) await output[Symbol.asyncDispose]();
  });
});
