import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ModulesBox } from "../support/modules.ts";
import { pty } from "../support/pty.ts";
import { stint } from "../support/sandbox.ts";

const box = () => new ModulesBox({}, stint.source);

test("modules that are fine are no news to a program: exit 0", async () => {
  await using rack = box();
  rack.module("camera", "command = sleep 60\ndepends_on = gps\n");
  rack.plain("gps", "sleep 60");
  const { code, lines, err } = await rack.run(["modules", "check"]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(lines).toEqual([
    { v: 1, type: "modules_check", dir: rack.dir, modules: 2, broken: [], unstartable: [], problems: 0 },
  ]);
});

test("each problem is told with its file and line: exit 78", async () => {
  await using rack = box();
  rack.module("camera", "command = sleep 60\n\nenable = no\n");
  rack.module("gps", "# later\n");
  rack.module("fine", "command = sleep 60\n");
  const { code, lines } = await rack.run(["modules", "check"]);
  expect(code).toBe(78);
  expect(lines).toEqual([
    {
      v: 1,
      type: "problem",
      name: "camera",
      file: "modules/camera/config.txt",
      line: 3,
      text: "there is no key 'enable'",
      hint: "did you mean enabled?",
    },
    expect.objectContaining({
      name: "gps",
      file: "modules/gps/config.txt",
      line: null,
      text: "command isn't set",
    }),
    {
      v: 1,
      type: "modules_check",
      dir: rack.dir,
      modules: 3,
      broken: ["camera", "gps"],
      unstartable: ["camera", "gps"],
      problems: 2,
    },
  ]);
});

test("programs and folders that aren't there are told in the system's words; they break nothing, but can't be started", async () => {
  await using rack = box();
  mkdirSync(join(rack.dir, "b/dir"), { recursive: true });
  rack.module("a", "command = stint-has-no-such-program x\n");
  rack.module("aa", "command =\n");
  rack.module("b", "command = ./dir\n");
  rack.module("c", "command = ./config.txt\n");
  rack.module("d", "command = sleep 60\ncwd = data\n");
  rack.module("e", "command = sleep 60\ncwd = config.txt\n");
  rack.module("f", "cwd = ..\ncommand = f/gone\n");
  rack.module("g", "command = perhaps\nenv.PATH = /opt/rack/bin\n");
  const { code, lines } = await rack.run(["modules", "check"]);
  expect(code).toBe(78);
  expect(lines.slice(0, -1).map(({ name, line, text }) => `${name}:${line}: ${text}`)).toEqual([
    "a:1: command: stint-has-no-such-program: no such file or directory in the PATH",
    "aa:1: command: there is no program",
    "b:1: command: modules/b/dir: is a directory",
    "c:1: command: modules/c/config.txt: permission denied",
    "d:2: cwd: modules/d/data: no such file or directory",
    "e:2: cwd: modules/e/config.txt: not a directory",
    "f:2: command: modules/f/gone: no such file or directory",
  ]);
  expect(lines.at(-1)).toMatchObject({
    modules: 8,
    broken: ["aa"],
    unstartable: ["a", "aa", "b", "c", "d", "e", "f"],
    problems: 7,
  });
});

test("the folder is --dir, else the setting", async () => {
  await using rack = box();
  rack.module("one", "command = sleep 60\n");
  const none = await rack.run(["modules", "check", "--dir", "rack"]);
  expect(none.code).toBe(78);
  expect(none.err).toBe(
    `stint: there is no folder rack\n  mkdir -p rack/clock && printf 'command = sh -c "while date; do sleep 1; done"\\nready = 1s\\n' > rack/clock/config.txt\n`,
  );
  const set = await rack.run(["modules", "check"], { env: { STINT_MODULES_DIR: rack.dir }, cwd: rack.home });
  expect(set.lines).toMatchObject([{ dir: rack.dir, modules: 1 }]);
});

test("a person sees the modules that are fine too, and what to do about the others", async () => {
  await using rack = box();
  rack.module("camera", "command = sleep 60\nenable = no\n");
  rack.module("gps", "command = sleep '6 0'\nenabled = off\n");
  await using terminal = pty([...rack.command, "modules", "check"], {
    cwd: rack.work,
    env: rack.env,
    columns: 100,
  });
  expect(await terminal.exited).toBe(78);
  expect(terminal.screen().trim()).toBe(
    `module  enabled  command
gps     no       sleep 6 0

modules/camera/config.txt:2: there is no key 'enable'
  did you mean enabled?
2 modules, 1 problem: 1 can't be started`,
  );
});
