import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { pty } from "../support/pty.ts";

const fixture = (...args: string[]) => [
  process.execPath,
  join(import.meta.dir, "fixture-output.ts"),
  ...args,
];

async function run(what: string, options: object = {}, env: Record<string, string> = {}) {
  const child = Bun.spawn(fixture(what, JSON.stringify(options)), {
    env: { ...process.env, ...env },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { out, err, code };
}
const shell = async (script: string, ...args: string[]) => {
  const child = Bun.spawn(["bash", "-c", script, "bash", ...args], { stdout: "pipe", stderr: "pipe" });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { out, err, code };
};

describe("on a pipe", () => {
  test("records are NDJSON with a version and a type, and talk is apart", async () => {
    expect(await run("one")).toEqual({
      out: '{"v":1,"type":"bar","n":1}\n{"v":1,"type":"only for programs"}\n',
      err: "a note\n",
      code: 0,
    });
  });

  test("--quiet leaves only errors to be said", async () => {
    expect((await run("one", { quiet: true })).err).toBe("");
    expect((await run("fail", { quiet: true })).err).toContain("stint: ");
  });

  test("people's words come without colour, whatever is asked for", async () => {
    expect((await run("one", { json: false, colour: true })).out).toBe("bar one\n");
  });

  test("a reader that is slow gets all of it, on a non-blocking pipe too", async () => {
    // cat makes nothing non-blocking; the file status flags are shared by all who have the pipe, so anybody may.
    const nonblock = `import fcntl, os, sys, time
fcntl.fcntl(1, fcntl.F_SETFL, fcntl.fcntl(1, fcntl.F_GETFL) | os.O_NONBLOCK)
os.execvp(sys.argv[1], sys.argv[1:])`;
    const reader = `import sys, time
time.sleep(0.2)
lines = sys.stdin.read().split("\\n")
print(len(lines), lines[19999][:30])`;
    const { out, err } = await shell(
      'py=$1; rd=$2; shift 2; python3 -c "$py" "$@" | python3 -c "$rd"',
      nonblock,
      reader,
      ...fixture("much"),
    );
    expect(out).toBe('20001 {"v":1,"type":"bar","n":19999,\n');
    expect(err).toBe("all written\n");
  });

  test("a reader that leaves ends it quietly, and whoever asked is told", async () => {
    const { out, err, code } = await shell('set -o pipefail; "$@" | head -1', ...fixture("endless"));
    expect({ out, err, code }).toEqual({ out: "y\n", err: "", code: 3 });
  });

  test("a reader that leaves is noticed when there is nothing to write too, and one that stays is waited for", async () => {
    const { out, code } = await shell('set -o pipefail; "$@" | head -1', ...fixture("follow"));
    expect({ out, code }).toEqual({ out: "running\n", code: 3 });
    const stays = await shell('set -o pipefail; timeout 2.5 "$@" | cat', ...fixture("follow"));
    expect(stays).toEqual({ out: "running\n", err: "", code: 124 });
    const file = await shell('timeout 2.5 "$@" > /dev/null', ...fixture("follow"));
    expect(file.code).toBe(124);
  });

  test("a disk that is full is said in a line", async () => {
    const { err, code } = await shell('"$@" > /dev/full', ...fixture("fail"));
    expect({ err, code }).toEqual({ err: "stint: stdout can't be written: ENOSPC\n", code: 74 });
  });

  test("with nowhere to talk to the work goes on", async () => {
    const { out, code } = await shell('"$@" 2> /dev/full', ...fixture("one"));
    expect(out).toStartWith('{"v":1,"type":"bar"');
    expect(code).toBe(0);
    expect((await shell('"$@" 2> /dev/full', ...fixture("bug"))).code).toBe(0);
  });
});

describe("a failure", () => {
  test("that was expected is a line and a hint, with nothing in it that moves the cursor", async () => {
    expect((await run("fail")).err).toBe("stint: no [31m such thing\n  try another\n");
  });

  test("that wasn't has its trace", async () => {
    const { err } = await run("bug");
    expect(err).toStartWith("stint: internal error, a bug in stint: too far\n");
    expect(err).toContain("fixture-output.ts");
  });
});

describe("on a terminal", () => {
  const shown = async (options: object, env: Record<string, string> = {}) => {
    await using terminal = pty(fixture("one", JSON.stringify(options)), { env });
    await terminal.exited;
    return terminal.output();
  };

  test("people get people's words, in colour", async () => {
    expect(await shown({})).toBe("\x1b[32mbar one\x1b[0m\r\na note\r\n");
  });

  test("--json gives the lines of a pipe", async () => {
    expect(await shown({ json: true })).toStartWith('{"v":1,"type":"bar","n":1}\r\n');
  });

  test.each([
    ["NO_COLOR", {}, { NO_COLOR: "1" }],
    ["TERM=dumb", {}, { TERM: "dumb" }],
    ["--no-color", { colour: false }, {}],
  ])("there is no colour with %s", async (_, options, env: Record<string, string>) => {
    expect(await shown(options, env)).toBe("bar one\r\na note\r\n");
  });

  test("an empty NO_COLOR asks for nothing", async () => {
    expect(await shown({}, { NO_COLOR: "" })).toContain("\x1b[32m");
  });
});
