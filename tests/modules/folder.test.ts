import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Expected } from "../../src/kernel/errors.ts";
import { readModules } from "../../src/modules/adapters/folder.ts";
import { Folder } from "../support/folder.ts";

let folder: Folder;
beforeEach(() => {
  folder = new Folder();
});
afterEach(() => folder[Symbol.dispose]());

/** Writes a module's config. @returns its path */
function module(name: string, text: string | Uint8Array = "command = sleep 60\n"): string {
  mkdirSync(folder.file(name), { recursive: true });
  const path = join(folder.file(name), "config.txt");
  writeFileSync(path, text);
  return path;
}
const found = async () => {
  const { modules, problems, broken } = await readModules(folder.path);
  return {
    names: modules.map(({ name }) => name),
    problems: problems.map(({ name, line, text }) => `${name}:${line}: ${text}`),
    broken,
  };
};

test("each folder with a config.txt is a module, by name", async () => {
  module("gps", "command = gpsd\ncwd = data\n");
  module("camera", "command = ffmpeg\ndepends_on = gps\n");
  mkdirSync(folder.file("recordings"));
  module(".hidden", "nonsense");
  writeFileSync(folder.file("README"), "nonsense");
  const { modules, problems, broken, lineOf } = await readModules(folder.path);
  expect(modules.map(({ name, cwd }) => [name, cwd])).toEqual([
    ["camera", folder.file("camera")],
    ["gps", folder.file("gps/data")],
  ]);
  expect([problems, broken]).toEqual([[], []]);
  expect(lineOf("camera", "depends_on")).toBe(2);
  expect(lineOf("gps", "depends_on")).toBeUndefined();
});

test("a module may be a link to a folder somewhere else", async () => {
  using elsewhere = new Folder();
  writeFileSync(elsewhere.file("config.txt"), "command = x");
  symlinkSync(elsewhere.path, folder.file("linked"));
  module("other");
  symlinkSync(elsewhere.file("config.txt"), folder.file("a-file"));
  expect(await found()).toEqual({ names: ["linked", "other"], problems: [], broken: [] });
  rmSync(folder.file("a-file"));
  rmSync(elsewhere.file("config.txt"));
  expect(await found()).toEqual({ names: ["other"], problems: [], broken: [] });
  renameSync(elsewhere.path, `${elsewhere.path}.gone`);
  expect(await found()).toEqual({
    names: ["other"],
    problems: ["linked:undefined: it can't be read: no such file or directory"],
    broken: ["linked"],
  });
  renameSync(`${elsewhere.path}.gone`, elsewhere.path);
});

test("what is wrong with one is told, and the others are there", async () => {
  module("good");
  module("key", "command = x\ncolour = red\nrestart = maybe\n");
  module("empty", "");
  module("latin", Uint8Array.from([...new TextEncoder().encode("command = "), 0xe4]));
  module("large", "#".repeat((1 << 20) + 1));
  module("just", `command = x\n#${"#".repeat((1 << 20) - 13)}`);
  mkdirSync(folder.file("odd/config.txt"), { recursive: true });
  Bun.spawnSync(["mkfifo", join(folder.file("good"), "pipe")]);
  rmSync(module("fifo"));
  renameSync(folder.file("good/pipe"), folder.file("fifo/config.txt"));
  module("bad name");
  expect(await found()).toEqual({
    names: ["good", "just"],
    problems: [
      "bad name:undefined: the folder's name can't be a module's",
      "empty:undefined: command isn't set",
      "fifo:undefined: it isn't a regular file",
      "key:2: there is no key 'colour'",
      "key:3: restart: 'maybe' is none of no, on-failure, always",
      "large:undefined: it is larger than 1 MiB",
      "latin:undefined: it isn't text in UTF-8",
      "odd:undefined: it isn't a regular file",
    ],
    broken: ["empty", "fifo", "key", "large", "latin", "odd"],
  });
});

test("a dependency that there isn't breaks a module, one that is broken itself doesn't", async () => {
  module("gps", "nonsense");
  module("camera", "command = x\ndepends_on = gps");
  module("audio", "command = x\n\ndepends_on = camra, clock");
  const { problems, broken } = await readModules(folder.path);
  expect(problems.filter(({ name }) => name === "audio")).toEqual([
    expect.objectContaining({
      line: 3,
      text: "depends_on: there is no module camra",
      hint: "did you mean camera?",
    }),
    expect.objectContaining({ line: 3, text: "depends_on: there is no module clock" }),
  ]);
  expect(broken).toEqual(["gps", "audio"]);
});

test("modules that wait for each other are broken, each told the whole way; who depends on them isn't", async () => {
  module("a", "command = x\ndepends_on = b");
  module("b", "depends_on = c\ncommand = x");
  module("c", "command = x\ndepends_on = a other");
  module("other", "command = x");
  module("user", "command = x\ndepends_on = a");
  expect(await found()).toEqual({
    names: ["a", "b", "c", "other", "user"],
    problems: [
      "a:2: depends_on: they wait for each other: a → b → c → a",
      "b:1: depends_on: they wait for each other: b → c → a → b",
      "c:2: depends_on: they wait for each other: c → a → b → c",
    ],
    broken: ["a", "b", "c"],
  });
});

test("files are named from the current folder when they are inside it", async () => {
  module("x", "nonsense");
  const cwd = process.cwd();
  const file = async () => (await readModules(folder.path)).problems[0]?.file;
  expect(await file()).toBe(folder.file("x/config.txt"));
  try {
    process.chdir(folder.path);
    expect(await file()).toBe("x/config.txt");
    mkdirSync("deep");
    process.chdir("deep");
    expect(await file()).toBe(folder.file("x/config.txt"));
  } finally {
    process.chdir(cwd);
  }
});

test("names under which stint keeps files of its own are refused as that", async () => {
  module("events.log");
  module("running_modules.json");
  module("a b");
  module("good");
  const { problems, broken } = await readModules(folder.path);
  expect(problems.map(({ name, hint }) => [name, hint])).toEqual([
    ["a b", expect.stringContaining("letters, digits")],
    ["events.log", "stint keeps files whose names begin with events.log"],
    ["running_modules.json", "stint keeps files whose names begin with running_modules"],
  ]);
  expect(broken).toEqual([]);
});

test("a folder whose name isn't UTF-8 isn't passed over", async () => {
  module("good");
  const script = `cd "$0" && for name in caf b; do folder=$(printf "$name\\351"); mkdir "$folder"; printf 'command = x\n' > "$folder/config.txt"; done`;
  expect(Bun.spawnSync(["sh", "-c", script, folder.path]).success).toBe(true);
  expect(await found()).toEqual({
    names: ["good"],
    problems: [
      "b\ufffd:undefined: the folder's name isn't text in UTF-8",
      "caf\ufffd:undefined: the folder's name isn't text in UTF-8",
    ],
    broken: [],
  });
});

test("whether a module is wanted is known of a broken one too", async () => {
  module("off", "enabled = no\ncommand = x\n");
  module("on", "command = x\n");
  module("broken-off", "nonsense\nenabled = no\n");
  module("broken-on", "nonsense\n");
  module("binary", Uint8Array.of(0xff));
  module("lonely", "enabled = off\ncommand = x\ndepends_on = nobody\n");
  const { broken, enabledOf } = await readModules(folder.path);
  expect(broken).toEqual(["binary", "broken-off", "broken-on", "lonely"]);
  expect(
    ["off", "on", "broken-off", "broken-on", "lonely", "binary", "gone"].map((name) => enabledOf(name)),
  ).toEqual([false, true, false, true, false, undefined, undefined]);
});

const refused = (words: string, hint: unknown) =>
  expect.objectContaining({ message: expect.stringContaining(words), exit: 78, hint });

test("no folder, or none with a module, is told with what to do", async () => {
  const hint = (dir: string) => expect.stringContaining(`mkdir -p ${join(dir, "clock")} && `);
  const [missing, file] = [folder.file("modules"), folder.file("file")];
  await expect(readModules(missing)).rejects.toEqual(refused("there is no folder", hint(missing)));
  await expect(readModules(folder.path)).rejects.toEqual(refused("there is no module in", hint(folder.path)));
  writeFileSync(file, "");
  await expect(readModules(file)).rejects.toEqual(
    refused("isn't a folder", "--dir, or the setting modules.dir, says where the modules are"),
  );
});

test.each(["sh", "bash"])(
  "what it says to do makes a module that is fine, whatever the folder's name: %s",
  async (shell) => {
    for (const name of ["modules", "Jane's modules", 'a $HOME `id`; "x" ä']) {
      const dir = folder.file(name);
      const { hint } = (await readModules(dir).catch((error: unknown) => error)) as Expected;
      const made = Bun.spawnSync([shell, "-c", hint ?? ""]);
      expect([made.exitCode, made.stderr.toString()]).toEqual([0, ""]);
      expect(readdirSync(dir)).toEqual(["clock"]);
      const { modules, problems } = await readModules(dir);
      expect(problems).toEqual([]);
      expect(modules).toMatchObject([{ name: "clock", ready: { by: "time", ms: 1000 } }]);
      expect(modules[0]?.command).toEqual(["sh", "-c", "while date; do sleep 1; done"]);
      expect(readFileSync(join(dir, "clock/config.txt"), "utf8")).toEndWith("\nready = 1s\n");
    }
  },
);

test("for who runs modules already, no folder and none with a module is one more problem", async () => {
  const none = async (dir: string) => {
    const { modules, problems, broken } = await readModules(dir, { mayBeEmpty: true });
    expect([modules, broken]).toEqual([[], []]);
    expect(problems).toEqual([
      { name: "", file: dir, line: undefined, text: expect.any(String), hint: expect.any(String) },
    ]);
    return problems[0]?.text;
  };
  expect(await none(folder.file("gone"))).toBe(`there is no folder ${folder.file("gone")}`);
  expect(await none(folder.path)).toBe(`there is no module in ${folder.path}`);
  writeFileSync(folder.file("file"), "");
  expect(await none(folder.file("file"))).toBe(`${folder.file("file")} isn't a folder`);
  module("good");
  const { modules, problems } = await readModules(folder.path, { mayBeEmpty: true });
  expect([modules.length, problems]).toEqual([1, []]);
});

test("a hundred modules are read at once", async () => {
  for (let n = 0; n < 100; n++) module(`m${n}`, `command = x\n${n > 0 ? `depends_on = m${n - 1}\n` : ""}`);
  const begun = performance.now();
  expect(await found()).toMatchObject({ names: { length: 100 }, broken: [] });
  expect(performance.now() - begun).toBeLessThan(1000);
});
