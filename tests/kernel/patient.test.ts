/** Writing to whoever doesn't read. */
import { expect, test } from "bun:test";
import { closeSync, constants, openSync, readSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PatientWriter } from "../../src/kernel/patient.ts";
import { makeFifo } from "../../src/kernel/runtime.ts";
import { Folder } from "../support/folder.ts";
import { until } from "../support/sandbox.ts";

/** A pipe of which this test holds both ends. */
function pipe(folder: string) {
  const path = join(folder, "pipe");
  makeFifo(path);
  const fd = openSync(path, constants.O_RDWR);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const bytes = Buffer.alloc(1 << 20);
  return {
    fd,
    /** What there is to read now. */
    read(): string {
      try {
        return bytes.toString("utf8", 0, readSync(reader, bytes));
      } catch {
        return "";
      }
    },
    [Symbol.dispose]() {
      closeSync(fd);
      closeSync(reader);
    },
  };
}

test("nobody waits for a pipe that isn't read: whole lines are left out, counted, and it goes on with the next", async () => {
  using folder = new Folder();
  using end = pipe(folder.path);
  const behind: number[] = [];
  const writer = PatientWriter.to(
    end.fd,
    (leftOut) => behind.push(leftOut),
    () => {},
  );
  if (!writer) throw new Error("a pipe is written to without waiting");
  const line = (n: number) => `${String(n).padStart(999)}\n`;
  for (let n = 0; n < 3_000; n++) writer.write(line(n));
  expect(writer.waits).toBe(true);
  let text = "";
  await until(() => {
    text += end.read();
    return behind.length > 0;
  });
  writer.write(line(3_000));
  await until(() => {
    text += end.read();
    return text.endsWith(line(3_000));
  });
  const numbers = text.trimEnd().split("\n").map(Number);
  expect(numbers.length).toBe(3_001 - (behind[0] ?? 0));
  expect(numbers.slice(0, -1)).toEqual(Array.from({ length: numbers.length - 1 }, (_, n) => n));
  writer.close();
});

test("what waits has a moment to be read at the end, and is left out then", async () => {
  using folder = new Folder();
  using end = pipe(folder.path);
  const writer = PatientWriter.to(
    end.fd,
    () => {},
    () => {},
  );
  writer?.write("x".repeat(200_000));
  const since = performance.now();
  await writer?.drain(60);
  expect(performance.now() - since).toBeGreaterThanOrEqual(50);
  writer?.close();
  expect(writer?.waits).toBe(false);
});

test("a reader that leaves is told once", async () => {
  using folder = new Folder();
  const path = join(folder.path, "pipe");
  makeFifo(path);
  const both = openSync(path, constants.O_RDWR);
  const fd = openSync(path, constants.O_WRONLY);
  const failed: unknown[] = [];
  const writer = PatientWriter.to(
    fd,
    () => {},
    (error) => failed.push(error),
  );
  closeSync(both);
  writer?.write("nobody reads this\n");
  writer?.write("nor this\n");
  expect(failed).toMatchObject([{ code: "EPIPE" }]);
  closeSync(fd);
});

test("a file never makes anybody wait, and is written as ever", () => {
  using folder = new Folder();
  const path = join(folder.path, "file");
  writeFileSync(path, "");
  const fd = openSync(path, "a");
  expect(
    PatientWriter.to(
      fd,
      () => {},
      () => {},
    ),
  ).toBeUndefined();
  closeSync(fd);
});

test("nobody waits for a socket that isn't read, as a service's stdout is one", async () => {
  const code = `
    import { PatientWriter } from ${JSON.stringify(join(import.meta.dir, "../../src/kernel/patient.ts"))};
    const writer = PatientWriter.to(1, () => {}, () => {});
    for (let n = 0; n < 3000; n++) writer.write("x".repeat(999) + "\\n");
    await writer.drain(50);
    process.stderr.write(writer.waits ? "went on" : "it was all read");
    process.exit(0);`;
  // Bun's own pipes to its children are socket pairs; nobody reads this one.
  const child = Bun.spawn([process.execPath, "-e", code], {
    stdout: "pipe",
    stderr: "pipe",
    stdin: "ignore",
  });
  expect(await child.stderr.text()).toBe("went on");
  expect(await child.exited).toBe(0);
});
