import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  watch,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parse } from "yaml";
import { setConfig, unsetConfig } from "../../../src/kernel/config/save.ts";
import { logSection, section } from "../../../src/kernel/config/section.ts";
import { Exit } from "../../../src/kernel/errors.ts";
import { lockFile } from "../../../src/kernel/runtime.ts";
import { failure, Scene } from "./scene.ts";

const backtest = section("backtest", (z) =>
  z
    .strictObject({
      cash: z.number().positive().default(10_000).describe("the money a run starts with"),
      strategy: z.string().min(1).default("sma-cross").describe("what decides"),
      fast: z.int().positive().default(10).describe("bars of the fast average"),
      slow: z.int().positive().default(20).describe("bars of the slow average"),
      symbols: z.array(z.string()).default([]).describe("what is traded"),
      feed: z.string().default("").describe("the program that brings bars").meta({ userOnly: true }),
    })
    .refine(({ fast, slow }) => fast < slow, { error: "must be below backtest.slow", path: ["fast"] }),
);
const all = [backtest, logSection];

let scene: Scene;
const user = (text: string) => scene.write("user", text);
const saved = () => readFileSync(scene.user, "utf8");
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene[Symbol.dispose]());

const set = async (text: string, key: string, value: string) => {
  user(text);
  await setConfig(all, "user", key, value);
  return saved();
};
const unset = async (text: string, key: string) => {
  user(text);
  await unsetConfig(all, "user", key);
  return saved();
};

describe("a change of a file", () => {
  const file = `# mine

backtest:
  # all I have
  cash: 1000 # euros
  slow: 30 # bars

# quiet please
log: { level: warn } # !
`;

  test("keeps comments and order", async () => {
    expect(await set(file, "backtest.cash", "2500")).toBe(file.replace("1000", "2500"));
    expect(await set(file, "backtest.strategy", "true")).toBe(
      file.replace("# bars\n", '# bars\n  strategy: "true"\n'),
    );
    expect(await set(file, "backtest.symbols", "[A, B]")).toBe(
      file.replace("# bars\n", "# bars\n  symbols:\n    - A\n    - B\n"),
    );
    expect(await unset(file, "backtest.slow")).toBe(file.replace("  slow: 30 # bars\n", ""));
    const odd = "log:    {keep:   2} # a\n\n\n\nbacktest:\n      # b\n      cash: 1\n # end\n";
    const changed = await set(odd, "backtest.fast", "5");
    for (const comment of ["# a", "# b", "# end"]) expect(changed).toContain(comment);
    expect(parse(changed)).toEqual({ log: { keep: 2 }, backtest: { cash: 1, fast: 5 } });
  });

  test("fills headings without settings, files without headings, and no file", async () => {
    expect(await set("backtest:\n  # none yet\nlog:\n  keep: 2\n", "backtest.cash", "5")).toBe(
      "backtest:\n  # none yet\n  cash: 5\nlog:\n  keep: 2\n",
    );
    expect(await set("# mine\n", "backtest.cash", "5")).toBe("# mine\n\nbacktest:\n  cash: 5\n");
    for (const empty of ["", "---\n", "{}\n"]) {
      expect(parse(await set(empty, "log.keep", "5"))).toEqual({ log: { keep: 5 } });
    }
    rmSync(dirname(scene.user), { recursive: true });
    await setConfig(all, "user", "log.level", "debug");
    expect(saved()).toBe("log:\n  level: debug\n");
    expect(statSync(scene.user).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(scene.user)).mode & 0o777).toBe(0o700);
  });

  test("takes a section that is left empty with it", async () => {
    expect(await unset("log:\n  keep: 2\nbacktest:\n  cash: 1\n", "log.keep")).toBe("backtest:\n  cash: 1\n");
    expect(await unset("log: {keep: 2}\n", "log.keep")).toBe("{}\n");
    expect(await set("{}\n", "log.keep", "3")).toBe("log:\n  keep: 3\n");
  });

  test("that changes nothing leaves the file alone", async () => {
    user("log:   {keep: 2}\n");
    const path = scene.user;
    expect(await unsetConfig(all, "user", "log.level")).toEqual({ path, changed: false });
    expect(await setConfig(all, "user", "log.keep", "2")).toEqual({ path, changed: false });
    expect(saved()).toBe("log:   {keep: 2}\n");
  });

  test("is refused when the value or the key is wrong, and the file stays", async () => {
    user(file);
    const refused: [string, string, string, string?][] = [
      [
        "log.level",
        "wran",
        'config set: log.level: expected one of "debug"|"info"|"warn"|"error"',
        "did you mean warn?",
      ],
      ["log.levle", "warn", "log.levle isn't a setting", "did you mean log.level?"],
      ["log", "warn", "log isn't a setting", "`stint config show` lists them all"],
      ["backtest.fast", "0", "config set: backtest.fast: expected number to be >0"],
    ];
    for (const [key, value, said, hint] of refused) {
      const [exit, words, why] = await failure(setConfig(all, "user", key, value));
      expect([exit, words]).toEqual([Exit.usage, said]);
      if (hint) expect(why).toBe(hint);
    }
    expect(saved()).toBe(file);
  });

  test("is refused when the result isn't a configuration, and the file stays", async () => {
    const refuses = async (text: string, change: Promise<unknown> | undefined, said: string) => {
      user(text);
      const [exit, words] = await failure(change ?? setConfig(all, "user", "log.keep", "2"));
      expect([exit, words]).toEqual([Exit.config, said.replace("USER", scene.user)]);
      expect(saved()).toBe(text);
    };
    user(file);
    const rule = setConfig(all, "user", "backtest.fast", "30");
    await refuses(file, rule, "config set: backtest.fast: must be below backtest.slow");
    const theirs = setConfig(all, "project", "backtest.feed", "x");
    await refuses(file, theirs, "stint.yaml:2: backtest.feed: can't be set by a project");
    expect(readdirSync("."), "no project file was made").toEqual([]);
    await refuses("log:\n  foo: 1\n", undefined, "USER:2: log.foo isn't a setting");
    await refuses("lgo:\n  foo: 1\n", undefined, "USER:1: lgo isn't a section");
    await refuses("log: [1]\n", undefined, "USER can't be changed: Expected a valid index, not keep.");
    user("log: [");
    expect((await failure(setConfig(all, "user", "log.keep", "2")))[0]).toBe(Exit.config);
  });

  test("mends a mistake", async () => {
    expect(await unset("log:\n  foo: 1\n  keep: 2\n", "log.foo")).toBe("log:\n  keep: 2\n");
    expect(await unset("lgo:\n  foo: 1\nlog:\n  keep: 2\n", "lgo")).toBe("log:\n  keep: 2\n");
    expect(await set("log:\n  keep: 0\n", "log.keep", "5")).toBe("log:\n  keep: 5\n");
  });
});

/** Resolves as soon as a file that is being saved appears in the folder. */
const unfinished = (folder: string) =>
  new Promise<void>((resolve) => {
    const watcher = watch(folder, (_event, name) => {
      if (!name?.endsWith(".stint-save")) return;
      watcher.close();
      resolve();
    });
  });

describe("a save", () => {
  test("keeps the file's mode", async () => {
    user("log: {keep: 2}\n");
    chmodSync(scene.user, 0o640);
    await setConfig(all, "user", "log.keep", "4");
    expect(statSync(scene.user).mode & 0o777).toBe(0o640);
  });

  test("follows the user's links, also to a file that isn't there yet, and no project's", async () => {
    mkdirSync(join(scene.folder, "dotfiles"));
    symlinkSync("../../dotfiles/stint.yaml", scene.user);
    for (const keep of [4, 5]) {
      await setConfig(all, "user", "log.keep", String(keep));
      expect(readlinkSync(scene.user)).toBe("../../dotfiles/stint.yaml");
      expect(readFileSync(join(scene.folder, "dotfiles/stint.yaml"), "utf8")).toBe(`log:\n  keep: ${keep}\n`);
    }
    const victim = join(scene.folder, "victim");
    for (const text of [undefined, "log: { keep: 3 }\n"]) {
      if (text) writeFileSync(victim, text);
      rmSync(scene.project, { force: true });
      symlinkSync(victim, scene.project);
      await setConfig(all, "project", "log.keep", "2");
      expect(lstatSync(scene.project).isFile()).toBe(true);
      expect(existsSync(victim) ? readFileSync(victim, "utf8") : undefined).toBe(text as string);
    }
  });

  test("that a full or closed folder stops is an I/O error and leaves nothing", async () => {
    user("log: {keep: 2}\n");
    rmSync(join(scene.folder, "config"), { recursive: true });
    writeFileSync(join(scene.folder, "config"), "in the way");
    const [exit, said] = await failure(setConfig(all, "user", "log.keep", "3"));
    expect(exit).toBe(Exit.io);
    expect(said).toBe(`${scene.user} can't be written: ENOTDIR`);
  });

  test("waits for another's, so that neither undoes the other", async () => {
    const keys = ["log.keep", "backtest.cash", "backtest.fast", "backtest.slow"];
    await Promise.all(keys.map((key, n) => setConfig(all, "user", key, String(n + 5))));
    expect(parse(readFileSync(scene.user, "utf8"))).toEqual({
      log: { keep: 5 },
      backtest: { cash: 6, fast: 7, slow: 8 },
    });
    const lock = lockFile(join(scene.folder, "state/stint/config.lock"), "exclusive");
    const saved = setConfig(all, "user", "log.keep", "8");
    expect(await Promise.race([saved, wait(30, "still waiting")])).toBe("still waiting");
    lock?.[Symbol.dispose]();
    await saved;
  });

  test("clears away what a killed one left behind, and nothing else", async () => {
    const own = join(scene.folder, "config/stint/.config.yaml.0123456789abcdef.stint-save");
    const others = [".config.yaml.swp", ".stint.yaml.0123456789abcdef.stint-save"];
    for (const path of [own, ...others.map((name) => join(dirname(scene.user), name))])
      writeFileSync(path, "half");
    await setConfig(all, "user", "log.keep", "4");
    expect(readdirSync(dirname(scene.user)).sort()).toEqual([...others, "config.yaml"].sort());
  });

  test("killed 100 times leaves the old file or the new, and no debris after the next", async () => {
    const text = (bytes: number | string) =>
      `# mine\n\nlog:\n  # rotate at\n  max_bytes: ${bytes} # bytes\n\n${pad}`;
    // Large enough that writing it takes a while: a write in place would be caught half done.
    const pad = `# ${"x".repeat(98)}\n`.repeat(20);
    const bun = process.execPath;
    const saver = join(scene.folder, "saver.js");
    // In one file, it starts in half the time.
    const entrypoints = [join(import.meta.dir, "fixture-saver.ts")];
    const built = await Bun.build({ entrypoints, target: "bun", minify: true });
    await Bun.write(saver, built.outputs[0] ?? "");
    let midSave = 0;
    /** Kills saver after saver of one file, each at a moment of its own. */
    const lane = async (name: string, kills: number) => {
      const home = join(scene.folder, name);
      const path = join(home, "stint/config.yaml");
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text(5000));
      for (let n = 0; n < kills; n++) {
        const env = { ...process.env, XDG_CONFIG_HOME: home, XDG_STATE_HOME: join(home, "state") };
        const child = spawn(bun, [saver], { env, stdio: ["ignore", "pipe", "inherit"] });
        let said = "";
        const first = new Promise<void>((resolve) => {
          child.stdout.setEncoding("utf8").on("data", (text: string) => {
            said += text;
            resolve();
          });
          child.once("close", () => resolve());
        });
        const closed = new Promise<NodeJS.Signals | null>((resolve) => {
          child.once("close", (_code, signal) => resolve(signal));
        });
        await first;
        await wait(Math.random() * 12);
        // A moment of a save, every other time: left to chance alone, few kills would meet one.
        if (n % 2 === 0) await unfinished(dirname(path));
        child.kill("SIGKILL");
        expect(await closed).toBe("SIGKILL");

        const acknowledged = Number(said.trim().split("\n").at(-1));
        const found = readFileSync(path, "utf8");
        const bytes = parse(found).log.max_bytes;
        expect([acknowledged, acknowledged + 1]).toContain(bytes);
        expect(found).toBe(text(bytes));
        if (readdirSync(dirname(path)).length > 1) midSave++;
      }
    };
    const lanes = ["a", "b", "c", "d"];
    await Promise.all(lanes.map((name) => lane(name, 25)));
    expect(midSave, "some were killed between making the new file and its rename").toBeGreaterThan(0);
    for (const name of lanes) {
      scene.env("XDG_CONFIG_HOME", join(scene.folder, name));
      const { path } = await setConfig([logSection], "user", "log.max_bytes", "4096");
      expect(readdirSync(dirname(path))).toEqual(["config.yaml"]);
      expect(readFileSync(path, "utf8")).toBe(text(4096));
    }
  }, 30_000);
});
