import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  watch,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parse } from "yaml";
import {
  checkConfig,
  configSchema,
  loadConfig,
  logSection,
  section,
  setConfig,
  unsetConfig,
} from "../../src/kernel/config.ts";
import { Exit, Expected } from "../../src/kernel/errors.ts";
import { lockFile } from "../../src/kernel/runtime.ts";

const backtest = section("backtest", (z) =>
  z
    .strictObject({
      cash: z.number().positive().default(10_000).describe("the money a run starts with"),
      commission: z.union([z.number(), z.string()]).default(0).describe("what a trade costs"),
      strategy: z.string().min(1).default("sma-cross").describe("what decides"),
      fast: z.int().positive().default(10).describe("bars of the fast average"),
      slow: z.int().positive().default(20).describe("bars of the slow average"),
      start: z
        .string()
        .regex(/^\d\d:\d\d$/, "must be a time such as 09:30")
        .default("09:30")
        .describe("the first bar of a day"),
    })
    .refine(({ fast, slow }) => fast < slow, { error: "must be below backtest.slow", path: ["fast"] }),
);
const detect = section("detect", (z) =>
  z.strictObject({
    camera: z.strictObject({
      url: z.string().default("").describe("where the pictures come from").meta({ userOnly: true }),
      fps: z.int().min(1).max(60).default(10).describe("pictures a second"),
    }),
    zones: z
      .array(z.strictObject({ name: z.string(), points: z.array(z.tuple([z.number(), z.number()])).min(3) }))
      .default([])
      .describe("where people are looked for"),
    relay: z
      .discriminatedUnion("kind", [
        z.strictObject({ kind: z.literal("usb"), channel: z.int().min(1) }),
        z.strictObject({ kind: z.literal("none") }),
      ])
      .default({ kind: "none" })
      .describe("what is switched"),
  }),
);
const all = [backtest, detect, logSection] as const;

let folder: string;
let places: { user: string; project: string; env: Record<string, string> };
const before = { cwd: process.cwd(), state: process.env["XDG_STATE_HOME"] };

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "stint-config-")));
  mkdirSync(join(folder, "config"));
  mkdirSync(join(folder, "project"));
  process.chdir(join(folder, "project"));
  process.env["XDG_STATE_HOME"] = join(folder, "state");
  places = { user: join(folder, "config/config.yaml"), project: join(folder, "project/stint.yaml"), env: {} };
});
afterEach(() => {
  process.chdir(before.cwd);
  if (before.state === undefined) delete process.env["XDG_STATE_HOME"];
  else process.env["XDG_STATE_HOME"] = before.state;
  rmSync(folder, { recursive: true, force: true });
});

const user = (text: string) => writeFileSync(places.user, text);
const project = (text: string) => writeFileSync(places.project, text);

/** What a promise was rejected with: an expected failure, as its exit code, its line and its hint. */
async function failure(promise: Promise<unknown>): Promise<[number, string, string | undefined]> {
  const error = await promise.then(
    () => new Error("nothing failed"),
    (error: unknown) => error,
  );
  if (!(error instanceof Expected)) throw error;
  return [error.exit, error.message, error.hint];
}
/** What `config check` says of a project's file. */
async function problems(text: string): Promise<string[]> {
  project(text);
  return (await checkConfig(all, places)).map(({ message, hint }) => `${message} (${hint ?? ""})`);
}

describe("layers", () => {
  test("nothing at all is a complete configuration", async () => {
    const { values, settings } = await loadConfig(all, places);
    expect(values.backtest.cash).toBe(10_000);
    expect(values.detect.camera).toEqual({ url: "", fps: 10 });
    expect(values.log).toEqual({ level: "info", max_bytes: 8_388_608, keep: 3 });
    expect(settings.every(({ layer, from }) => layer === "default" && from === "default")).toBe(true);
    expect(settings[0]).toEqual({
      key: "backtest.cash",
      value: 10_000,
      layer: "default",
      from: "default",
      default: 10_000,
      description: "the money a run starts with",
    });
  });

  test("flags win over the environment, that over the project's file, that over the user's", async () => {
    user("backtest:\n  cash: 1\n  fast: 2\n  slow: 50\n  strategy: mine\n");
    project("# ours\nbacktest:\n  cash: 3\n  fast: 4\n  slow: 60\n");
    places.env = { STINT_BACKTEST_CASH: "5", STINT_BACKTEST_FAST: "6" };
    const { values, settings } = await loadConfig(all, { ...places, flags: { backtest: { cash: 7 } } });
    expect(values.backtest).toMatchObject({ cash: 7, fast: 6, slow: 60, strategy: "mine", commission: 0 });
    expect(settings.slice(0, 5).map(({ layer, from }) => [layer, from])).toEqual([
      ["flag", "--cash"],
      ["default", "default"],
      ["user", `${places.user}:5`],
      ["environment", "STINT_BACKTEST_FAST"],
      ["project", "stint.yaml:5"],
    ]);
  });

  test("a feature that loads its own section isn't kept from it by another's", async () => {
    project("unheard_of: 1\nlog: {level: debug, nonsense: 1}\nbacktest: {cash: 2}\n");
    expect((await loadConfig([backtest], places)).values.backtest.cash).toBe(2);
  });

  test("empty files, files of comments and headings without settings say nothing", async () => {
    for (const text of ["", "# nothing\n", "backtest:\n  # cash: 5\nlog:\n", "---\n"]) {
      project(text);
      expect((await loadConfig(all, places)).values.backtest.cash).toBe(10_000);
    }
  });

  test("aliases repeat what is written above them", async () => {
    project("backtest: {fast: &n 12, slow: 30}\nlog: {keep: *n}\n");
    expect((await loadConfig(all, places)).values.log.keep).toBe(12);
  });
});

describe("text from the environment and the command line", () => {
  test("is read as the setting takes it", async () => {
    places.env = {
      STINT_BACKTEST_CASH: "5e3",
      STINT_BACKTEST_STRATEGY: "true # [it: is",
      STINT_BACKTEST_COMMISSION: "1+0.002",
      STINT_DETECT_CAMERA_FPS: "20",
      STINT_DETECT_ZONES: "[{name: door, points: [[0, 0], [1, 0], [1, 1]]}]",
    };
    const { values } = await loadConfig(all, { ...places, flags: { log: { keep: "9" } } });
    expect(values.backtest).toMatchObject({
      cash: 5000,
      strategy: "true # [it: is",
      commission: "1+0.002",
    });
    expect(values.detect.camera.fps).toBe(20);
    expect(values.detect.zones[0]?.points[2]).toEqual([1, 1]);
    expect(values.log.keep).toBe(9);
    places.env = { STINT_BACKTEST_COMMISSION: "0.002" };
    expect((await loadConfig(all, places)).values.backtest.commission).toBe(0.002);
  });

  test("an empty variable is one that isn't set, and a flag left out says nothing", async () => {
    places.env = { STINT_BACKTEST_CASH: "" };
    const flags = { backtest: { cash: undefined } };
    expect((await loadConfig(all, { ...places, flags })).values.backtest.cash).toBe(10_000);
  });

  test("a wrong value is called by the name it came under", async () => {
    const hint = "backtest.cash: the money a run starts with, 10000 by default";
    places.env = { STINT_BACKTEST_CASH: "lots" };
    const said = 'STINT_BACKTEST_CASH must be a number above 0, not "lots"';
    expect(await failure(loadConfig(all, places))).toEqual([Exit.config, said, hint]);
    const flags = { backtest: { cash: "-1" } };
    const flag = "--cash must be a number above 0, not -1";
    expect(await failure(loadConfig(all, { ...places, flags }))).toEqual([Exit.usage, flag, hint]);
  });

  test("a check names variables of a section that set nothing, and no others", async () => {
    places.env = { STINT_BACKTEST_CSAH: "4", STINT_BACKTEST_XYZ: "4", STINT_PROFILE: "work" };
    await loadConfig(all, places);
    const found = await checkConfig(all, places);
    expect(found.map(({ message, hint }) => [message, hint])).toEqual([
      ["STINT_BACKTEST_CSAH isn't a setting", "did you mean STINT_BACKTEST_CASH?"],
      ["STINT_BACKTEST_XYZ isn't a setting", "`stint config show` lists them all"],
    ]);
  });
});

describe("what is wrong in a file is said with its line", () => {
  const cash = "backtest.cash: the money a run starts with, 10000 by default";
  const level = 'log.level: the least serious lines to keep, "info" by default';
  const cases: [string, string, string[]][] = [
    [
      "a mistyped key",
      "\n\nbacktest:\n  csah: 5\n",
      ["stint.yaml:4: backtest.csah isn't a setting (did you mean backtest.cash?)"],
    ],
    [
      "a key of another section",
      "log:\n  cash: 5\n",
      ["stint.yaml:2: log.cash isn't a setting (`stint config show` lists them all)"],
    ],
    [
      "a wrong type",
      "backtest:\n  cash: lots\n",
      [`stint.yaml:2: backtest.cash must be a number above 0, not "lots" (${cash})`],
    ],
    [
      "no value",
      "backtest:\n  cash:\n",
      [`stint.yaml:2: backtest.cash must be a number above 0, not null (${cash})`],
    ],
    [
      "a fraction",
      "log: {keep: 1.5}\n",
      [
        "stint.yaml:1: log.keep must be a whole number from 1 to 100, not 1.5 (log.keep: how many rotated files are kept of a log, 3 by default)",
      ],
    ],
    [
      "empty text",
      "backtest: {strategy: ''}\n",
      [
        'stint.yaml:1: backtest.strategy must be text that isn\'t empty, not "" (backtest.strategy: what decides, "sma-cross" by default)',
      ],
    ],
    [
      "alternatives",
      "backtest: {commission: true}\n",
      [
        "stint.yaml:1: backtest.commission must be a number or text, not true (backtest.commission: what a trade costs, 0 by default)",
      ],
    ],
    [
      "a mistyped choice",
      "log:\n  level: wran\n",
      ['stint.yaml:2: log.level must be one of debug, info, warn, error, not "wran" (did you mean warn?)'],
    ],
    [
      "no such choice",
      "log: {level: shouting}\n",
      [`stint.yaml:1: log.level must be one of debug, info, warn, error, not "shouting" (${level})`],
    ],
    [
      "a rule in words of its own",
      "backtest: {start: noon}\n",
      [
        'stint.yaml:1: backtest.start must be a time such as 09:30 (backtest.start: the first bar of a day, "09:30" by default)',
      ],
    ],
    [
      "a rule between keys",
      "backtest:\n  fast: 30\n",
      [
        "stint.yaml:2: backtest.fast must be below backtest.slow (backtest.fast: bars of the fast average, 10 by default)",
      ],
    ],
    [
      "a mistyped section",
      "bakctest: {cash: 1}\n",
      ["stint.yaml:1: bakctest isn't a section (did you mean backtest?)"],
    ],
    [
      "no such section",
      "kitchen: 1\n",
      ["stint.yaml:1: kitchen isn't a section (sections: backtest, detect, log)"],
    ],
    [
      "a section that is a value",
      "backtest: 5\n",
      ["stint.yaml:1: backtest must be a map of settings, not 5 (such as { backtest: { cash: … } })"],
    ],
    [
      "a file that is a list",
      "- a\n",
      [
        "stint.yaml:1: the file must be a map of settings, not a list of 1 (such as { backtest: { cash: … } })",
      ],
    ],
    [
      "mistakes inside a list",
      "detect:\n  zones:\n    - name: 5\n      points: [[1, 2], [3]]\n    - nmae: b\n      points: []\n",
      [
        "stint.yaml:3: detect.zones[0].name must be text, not 5 (detect.zones: where people are looked for)",
        "stint.yaml:4: detect.zones[0].points[1] must be a list of 2, not a list of 1 (detect.zones: where people are looked for)",
        "stint.yaml:4: detect.zones[0].points must be a list of at least 3, not a list of 2 (detect.zones: where people are looked for)",
        "stint.yaml:5: detect.zones[1].name is missing: it must be text (detect.zones: where people are looked for)",
        "stint.yaml:6: detect.zones[1].points must be a list of at least 3, not a list of 0 (detect.zones: where people are looked for)",
        "stint.yaml:5: detect.zones[1].nmae isn't a setting (did you mean name?)",
      ],
    ],
    [
      "no such alternative",
      "detect: {relay: {kind: usv}}\n",
      ['stint.yaml:1: detect.relay.kind must be usb or none, not "usv" (detect.relay: what is switched)'],
    ],
    [
      "a mistake in one alternative",
      "detect: {relay: {kind: usb, channel: 0}}\n",
      [
        "stint.yaml:1: detect.relay.channel must be a whole number of at least 1, not 0 (detect.relay: what is switched)",
      ],
    ],
    [
      "an open bracket",
      "log: [1\nbacktest: 3",
      [
        "stint.yaml:2:1: Flow sequence in block collection must be sufficiently indented and end with a ] (the file isn't YAML from there on)",
      ],
    ],
    [
      "a tab",
      "log:\n\tkeep: 1\n",
      ["stint.yaml:2:1: Tabs are not allowed as indentation (the file isn't YAML from there on)"],
    ],
    [
      "a key that is there twice",
      "log:\n  keep: 1\n  keep: 2\n",
      ["stint.yaml:3:3: keep is there twice (keep one of them)"],
    ],
    [
      "two documents",
      "log: {}\n---\nlog: {}\n",
      ["stint.yaml:2:1: a second document begins (one file, one document)"],
    ],
    ["an alias of nothing", "log: *x\n", ["stint.yaml:1:6: *x refers to nothing above it ()"]],
    ["a key that is a list", "? [a]\n: b\n", ["stint.yaml:1:1: this map has a key that isn't plain text ()"]],
  ];
  for (const [name, text, said] of cases) test(name, async () => expect(await problems(text)).toEqual(said));

  test("loading stops at the first, with exit code 78", async () => {
    project("backtest:\n  csah: 5\n  cash: lots\n");
    const said = ["stint.yaml:2: backtest.csah isn't a setting", "did you mean backtest.cash?"];
    expect(await failure(loadConfig(all, places))).toEqual([Exit.config, ...said] as never);
  });

  test("a check says them all, also of values that another layer hides", async () => {
    user("backtest:\n  cash: lots\nlog: {keep: 0}\n");
    project("backtest:\n  cash: 5\n  csah: 5\n");
    expect((await checkConfig(all, places)).map(({ message }) => message)).toEqual([
      "stint.yaml:3: backtest.csah isn't a setting",
      `${places.user}:2: backtest.cash must be a number above 0, not "lots"`,
      `${places.user}:3: log.keep must be a whole number from 1 to 100, not 0`,
    ]);
  });

  test("a rule between keys is held by all layers together, not by each alone", async () => {
    user("backtest: {slow: 100}\n");
    project("backtest: {fast: 60}\n");
    expect(await checkConfig(all, places)).toEqual([]);
  });

  test("one file can be checked by itself", async () => {
    const file = join(folder, "other.yaml");
    writeFileSync(file, "detect: {camera: {url: x, fps: 0}}\n");
    expect((await checkConfig(all, { ...places, file })).map(({ message }) => message)).toEqual([
      `${file}:1: detect.camera.fps must be a whole number from 1 to 60, not 0`,
    ]);
    const [missing] = await checkConfig(all, { ...places, file: join(folder, "none.yaml") });
    expect([missing?.exit, missing?.message]).toEqual([Exit.io, `${folder}/none.yaml can't be found`]);
  });
});

describe("a project's file may be hostile", () => {
  test("it can't set what only the user may", async () => {
    project("detect:\n  camera:\n    url: rtsp://evil\n");
    const [exit, said, hint] = await failure(loadConfig(all, places));
    expect([exit, said]).toEqual([Exit.config, "stint.yaml:3: detect.camera.url can't be set by a project"]);
    expect(hint).toStartWith("`stint config set detect.camera.url …` sets it for you in ");
    rmSync(places.project);
    user("detect:\n  camera:\n    url: rtsp://mine\n");
    expect((await loadConfig(all, places)).values.detect.camera.url).toBe("rtsp://mine");
  });

  test("aliases of aliases don't unfold", async () => {
    const levels = Array.from({ length: 12 }, (_, n) => {
      const items = n === 0 ? "x" : `*l${n - 1}`;
      return `l${n}: &l${n} [${Array(9).fill(items).join(", ")}]`;
    });
    expect(await problems(levels.join("\n"))).toEqual([
      "stint.yaml unfolds too far: its aliases repeat aliases ()",
    ]);
    const many = `a: &a 1\nlog: [${Array(101).fill("*a").join(", ")}]\n`;
    expect(await problems(many)).toEqual(["stint.yaml:2:407: more than 100 aliases ()"]);
  });

  test("tags of any kind are refused", async () => {
    for (const tag of ["!!str info", "!!binary aGk=", "!run x", "!!set {a}", "!!map {a: 1}"]) {
      expect(await problems(`log: {level: ${tag}}\n`)).toEqual([
        expect.stringMatching(/^stint\.yaml:1:\d+: /),
      ]);
    }
    expect(await problems("log: {level: !!str info}\n")).toEqual([
      "stint.yaml:1:20: tags aren't allowed (write the value without its !tag)",
    ]);
  });

  test("its text can't speak to the terminal", async () => {
    const said = await problems('"\\e[31m\\u202Ered": 1\nlog: {level: "\\e]0;title\\a\\x9b2J"}\n');
    expect(said[0]).toBe(
      "stint.yaml:1: \\u{1b}[31m\\u{202e}red isn't a section (sections: backtest, detect, log)",
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not be there
    expect(said.join("")).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202e]/);
    const long = await problems(`${"k".repeat(1000)}: 1\nlog: {level: ${"v".repeat(1000)}}\n`);
    expect(Math.max(...long.map((line) => line.length))).toBeLessThan(220);
  });

  test("keys that mean something to JavaScript mean nothing here", async () => {
    const keys = ["__proto__", "constructor", "toString"];
    for (const key of keys) {
      expect((await problems(`backtest: {${key}: {cash: 1}}\n`))[0]).toStartWith(
        `stint.yaml:1: backtest.${key} isn't`,
      );
      expect((await problems(`${key}: {cash: 1}\n`))[0]).toStartWith(`stint.yaml:1: ${key} isn't a section`);
    }
    expect(({} as { cash?: unknown }).cash).toBeUndefined();
  });

  test("it is small, shallow, text, and a regular file", async () => {
    expect(await problems(`x: ${"a".repeat(1 << 20)}`)).toEqual([
      "stint.yaml is larger than 1 MB (that isn't a configuration)",
    ]);
    expect(await problems(`log: ${"[".repeat(100_000)}`)).toEqual(["stint.yaml is nested too deep ()"]);
    writeFileSync(places.project, Buffer.from([0x61, 0x3a, 0x20, 0xff]));
    expect((await failure(loadConfig(all, places)))[1]).toBe("stint.yaml isn't text in UTF-8");
    for (const make of [
      () => mkdirSync(places.project),
      () => void spawnSync("/usr/bin/mkfifo", [places.project]),
      () => symlinkSync("/dev/zero", places.project),
    ]) {
      rmSync(places.project, { recursive: true });
      make();
      expect((await failure(loadConfig(all, places))).slice(0, 2)).toEqual([
        Exit.config,
        "stint.yaml isn't a regular file",
      ]);
    }
  });

  test("80,000 keys, each a mistake, are refused without a search for each", async () => {
    const keys = Array.from({ length: 80_000 }, (_, n) => `  k${n}: 1`);
    expect(await problems(`log:\n${keys.join("\n")}\n`)).toHaveLength(100);
  });

  test("a file that can't be read is an I/O error", async () => {
    symlinkSync(places.project, places.project);
    expect(await failure(loadConfig(all, places))).toEqual([
      Exit.io,
      "stint.yaml can't be read: ELOOP",
      "check its permissions",
    ]);
  });
});

describe("a schema keeps its own rules", () => {
  test("objects that let mistyped keys pass and keys without a default are bugs", async () => {
    const open = section("open", (z) => z.object({ a: z.string().default("") }));
    expect(loadConfig([open], places)).rejects.toThrow("z.strictObject names mistyped keys");
    const bare = section("bare", (z) => z.strictObject({ a: z.string() }));
    expect(loadConfig([bare], places)).rejects.toThrow("the configuration key bare.a has no default");
  });

  test("it is given to editors as JSON Schema", async () => {
    expect(await configSchema([logSection])).toMatchObject({
      type: "object",
      additionalProperties: false,
      properties: {
        log: {
          description: "the log files of hosts",
          additionalProperties: false,
          properties: { level: { enum: ["debug", "info", "warn", "error"], default: "info" } },
        },
      },
    });
  });
});

describe("a change of a file", () => {
  const file = `# mine

backtest:
    # all I have
    cash: 1000     # euros
    slow:   30     # bars

# quiet please
log: {level: warn}   # !
`;
  const set = async (text: string, key: string, value: unknown) => {
    user(text);
    await setConfig(all, "user", key, value, places);
    return readFileSync(places.user, "utf8");
  };
  const unset = async (text: string, key: string) => {
    user(text);
    await unsetConfig(all, "user", key, places);
    return readFileSync(places.user, "utf8");
  };

  test("leaves every other line as it was", async () => {
    expect(await set(file, "backtest.cash", "2500")).toBe(
      file.replace("cash: 1000     # euros", "cash: 2500 # euros"),
    );
    expect(await set(file, "backtest.strategy", "true")).toBe(
      file.replace("# bars\n", '# bars\n    strategy: "true"\n'),
    );
    expect(await set(file, "detect.camera.fps", 20)).toBe(`${file}detect:\n    camera:\n        fps: 20\n`);
    expect(await unset(file, "backtest.slow")).toBe(file.replace("    slow:   30     # bars\n", ""));
    expect(await set(file.replaceAll("\n", "\r\n"), "backtest.slow", 40)).toBe(
      file.replace("slow:   30     # bars", "slow: 40 # bars").replaceAll("\n", "\r\n"),
    );
  });

  test("keeps comments where the layout can't be kept", async () => {
    const odd = "backtest: # run\n  cash: 1 # a\n\n\n\n  slow: 30 # b\n# end\n";
    const changed = await set(odd, "log.level", "warn");
    for (const comment of ["# run", "# a", "# b", "# end"]) expect(changed).toContain(comment);
    expect(parse(changed)).toEqual({ backtest: { cash: 1, slow: 30 }, log: { level: "warn" } });
  });

  test("is never put where uneven indentation gives it another meaning", async () => {
    const uneven = "log:\n  keep: 2\nbacktest:\n      cash: 1\n      slow: 30\n";
    const changed = await set(uneven, "backtest.fast", 5);
    expect(parse(changed)).toEqual({ log: { keep: 2 }, backtest: { cash: 1, slow: 30, fast: 5 } });
  });

  test("fills headings without settings, files without headings, and no file", async () => {
    expect(await set("backtest:\n  # none yet\nlog:\n  keep: 2\n", "backtest.cash", 5)).toBe(
      "backtest:\n  # none yet\n  cash: 5\nlog:\n  keep: 2\n",
    );
    expect(await set("# mine\n", "backtest.cash", 5)).toBe("# mine\n\nbacktest:\n  cash: 5\n");
    rmSync(join(folder, "config"), { recursive: true });
    await setConfig(all, "user", "log.level", "debug", places);
    expect(readFileSync(places.user, "utf8")).toBe("log:\n  level: debug\n");
    expect(statSync(places.user).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, "config")).mode & 0o777).toBe(0o700);
  });

  test("writes lists so that a person can read them", async () => {
    const zones = "[{name: door, points: [[0, 0], [1, 0], [1, 1]]}]";
    expect(await set("", "detect.zones", zones)).toBe(
      "detect:\n  zones:\n    - name: door\n      points:\n        - [ 0, 0 ]\n        - [ 1, 0 ]\n        - [ 1, 1 ]\n",
    );
  });

  test("a section left empty goes, unless comments are left in it", async () => {
    expect(await unset("log:\n  keep: 2\nbacktest:\n  cash: 1\n", "log.keep")).toBe("backtest:\n  cash: 1\n");
    expect(await unset("log:\n  # so many\n  keep: 2\n", "log.keep")).toBe("log: # so many\n");
    expect(await unset("detect:\n  camera:\n    fps: 2\n", "detect.camera.fps")).toBe("");
    user("log: {keep: 2}\n");
    expect(await unsetConfig(all, "user", "log.level", places)).toEqual({
      path: places.user,
      changed: false,
    });
  });

  test("is refused when the result would be wrong, and the file stays", async () => {
    user(file);
    const refused: [string, unknown, string][] = [
      ["log.level", "wran", 'log.level must be one of debug, info, warn, error, not "wran"'],
      ["log.levle", "warn", "log.levle isn't a setting"],
      ["log", "warn", "log has settings below it"],
      ["backtest.fast", "30", "backtest.fast must be below backtest.slow"],
    ];
    for (const [key, value, said] of refused) {
      expect((await failure(setConfig(all, "user", key, value, places))).slice(0, 2)).toEqual([
        Exit.usage,
        said,
      ]);
    }
    const only = setConfig(all, "project", "detect.camera.url", "x", places);
    expect((await failure(only))[1]).toBe("detect.camera.url can't be set by a project");
    expect(readFileSync(places.user, "utf8")).toBe(file);
    expect(readdirSync("."), "no project file was made").toEqual([]);
    user("log: [");
    expect((await failure(setConfig(all, "user", "log.keep", "2", places)))[0]).toBe(Exit.config);
  });

  test("mends a file that has other mistakes in it", async () => {
    const wrong = "log:\n  foo: 1\n  bar: 2\n  keep: 0\n";
    expect(await unset(wrong, "log.foo")).toBe("log:\n  bar: 2\n  keep: 0\n");
    expect(await set(wrong, "log.keep", 5)).toBe("log:\n  foo: 1\n  bar: 2\n  keep: 5\n");
  });

  test("doesn't reach through anchors and aliases to other places", async () => {
    const shared = "log: {keep: &n 5}\nbacktest: {fast: *n}\n";
    for (const key of ["log.keep", "backtest.fast"]) {
      user(shared);
      const [exit, said, hint] = await failure(setConfig(all, "user", key, 6, places));
      expect([exit, said, hint]).toEqual([
        Exit.config,
        `${key} is shared with another place in the file`,
        "edit the file itself",
      ]);
    }
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
    chmodSync(places.user, 0o640);
    await setConfig(all, "user", "log.keep", 4, places);
    expect(statSync(places.user).mode & 0o777).toBe(0o640);
  });

  test("follows the user's links, also to a file that isn't there yet, and no project's", async () => {
    mkdirSync(join(folder, "dotfiles"));
    symlinkSync("../dotfiles/stint.yaml", places.user);
    for (const keep of [4, 5]) {
      await setConfig(all, "user", "log.keep", keep, places);
      expect(readlinkSync(places.user)).toBe("../dotfiles/stint.yaml");
      expect(readFileSync(join(folder, "dotfiles/stint.yaml"), "utf8")).toBe(`log:\n  keep: ${keep}\n`);
    }
    symlinkSync(join(folder, "victim"), places.project);
    const [exit, said] = await failure(setConfig(all, "project", "log.keep", "2", places));
    expect([exit, said]).toEqual([Exit.config, `stint.yaml is a link to ${folder}/victim`]);
    expect(readdirSync(folder)).not.toContain("victim");
  });

  test("that a full or closed folder stops is an I/O error and leaves nothing", async () => {
    user("log: {keep: 2}\n");
    rmSync(join(folder, "config"), { recursive: true });
    writeFileSync(join(folder, "config"), "in the way");
    const [exit, said] = await failure(setConfig(all, "user", "log.keep", "3", places));
    expect(exit).toBe(Exit.io);
    expect(said).toBe(`${places.user} can't be written: EEXIST`);
  });

  test("waits for another's, so that neither undoes the other", async () => {
    const keys = ["log.keep", "backtest.cash", "backtest.fast", "detect.camera.fps"];
    await Promise.all(keys.map((key) => setConfig(all, "user", key, 7, places)));
    expect(parse(readFileSync(places.user, "utf8"))).toEqual({
      log: { keep: 7 },
      backtest: { cash: 7, fast: 7 },
      detect: { camera: { fps: 7 } },
    });
    const lock = lockFile(join(folder, "state/stint/config.lock"), "exclusive");
    const saved = setConfig(all, "user", "log.keep", 8, places);
    expect(await Promise.race([saved, wait(30, "still waiting")])).toBe("still waiting");
    lock?.[Symbol.dispose]();
    await saved;
  });

  test("clears away what a killed one left behind, and nothing else", async () => {
    const own = join(folder, "config/.config.yaml.0123456789abcdef.stint-save");
    const others = [".config.yaml.swp", ".stint.yaml.0123456789abcdef.stint-save"];
    for (const path of [own, ...others.map((name) => join(folder, "config", name))])
      writeFileSync(path, "half");
    await setConfig(all, "user", "log.keep", 4, places);
    expect(readdirSync(join(folder, "config")).sort()).toEqual([...others, "config.yaml"].sort());
  });

  test("killed 100 times leaves the old file or the new, and no debris after the next", async () => {
    const text = (bytes: number | string) =>
      `# mine\n\nlog:\n  # rotate at\n  max_bytes: ${bytes} # bytes\n\n${pad}`;
    // Large enough that writing it takes a while: a write in place would be caught half done.
    const pad = `# ${"x".repeat(98)}\n`.repeat(20);
    const bun = process.execPath;
    const saver = join(folder, "saver.js");
    // In one file, it starts in half the time.
    const entrypoints = [join(import.meta.dir, "fixture-config-saver.ts")];
    const built = await Bun.build({ entrypoints, target: "bun", minify: true });
    await Bun.write(saver, built.outputs[0] ?? "");
    let midSave = 0;
    /** Kills saver after saver of one file, each at a moment of its own. */
    const lane = async (name: string, kills: number) => {
      const home = join(folder, name);
      const path = join(home, "config/config.yaml");
      mkdirSync(join(home, "config"), { recursive: true });
      writeFileSync(path, text(5000));
      for (let n = 0; n < kills; n++) {
        const env = { ...process.env, XDG_STATE_HOME: join(home, "state") };
        const child = spawn(bun, [saver, path], { env, stdio: ["ignore", "pipe", "inherit"] });
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
        if (n % 2 === 0) await unfinished(join(home, "config"));
        child.kill("SIGKILL");
        expect(await closed).toBe("SIGKILL");

        const acknowledged = Number(said.trim().split("\n").at(-1));
        const found = readFileSync(path, "utf8");
        const bytes = parse(found).log.max_bytes;
        expect([acknowledged, acknowledged + 1]).toContain(bytes);
        expect(found).toBe(text(bytes));
        if (readdirSync(join(home, "config")).length > 1) midSave++;
      }
      await setConfig([logSection], "user", "log.max_bytes", 4096, { ...places, user: path });
      expect(readdirSync(join(home, "config"))).toEqual(["config.yaml"]);
      expect(readFileSync(path, "utf8")).toBe(text(4096));
    };
    await Promise.all([lane("a", 25), lane("b", 25), lane("c", 25), lane("d", 25)]);
    expect(midSave, "some were killed between making the new file and its rename").toBeGreaterThan(0);
  }, 30_000);
});
