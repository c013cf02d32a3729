import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkConfig, loadConfig } from "../../../src/kernel/config/load.ts";
import { configSchema, logSection, section } from "../../../src/kernel/config/section.ts";
import { Exit } from "../../../src/kernel/errors.ts";
import { failure, Scene } from "./scene.ts";

const backtest = section("backtest", (z) =>
  z
    .strictObject({
      cash: z.number().positive().default(10_000).describe("the money a run starts with"),
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
    camera: z.string().default("").describe("where the pictures come from").meta({ userOnly: true }),
    fps: z.int().min(1).max(60).default(10).describe("pictures a second"),
    zones: z
      .array(z.strictObject({ name: z.string(), points: z.array(z.tuple([z.number(), z.number()])).min(3) }))
      .default([])
      .describe("where people are looked for"),
  }),
);
const all = [backtest, detect, logSection] as const;

let scene: Scene;
const user = (text: string) => scene.write("user", text);
const project = (text: string | Buffer) => scene.write("project", text);
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene[Symbol.dispose]());

/** What `config check` says of a project's file. */
async function problems(text: string): Promise<string[]> {
  project(text);
  return (await checkConfig(all)).map(({ message, hint }) => `${message} (${hint ?? ""})`);
}

describe("layers", () => {
  test("nothing at all is a complete configuration", async () => {
    const { values, settings } = await loadConfig(all);
    expect(values.backtest.cash).toBe(10_000);
    expect(values.detect).toEqual({ camera: "", fps: 10, zones: [] });
    expect(values.log).toEqual({ level: "info", max_bytes: 8_388_608, keep: 3 });
    expect(settings.every(({ from }) => from === "default")).toBe(true);
    const [cash] = settings;
    expect(cash).toEqual({ key: "backtest.cash", value: 10_000, from: "default", default: 10_000 });
  });

  test("flags win over the environment, that over the project's file, that over the user's", async () => {
    user("backtest:\n  cash: 1\n  fast: 2\n  slow: 50\n  strategy: mine\n");
    project("# ours\nbacktest:\n  cash: 3\n  fast: 4\n  slow: 60\n");
    scene.env("STINT_BACKTEST_CASH", "5");
    scene.env("STINT_BACKTEST_FAST", "6");
    const { values, settings } = await loadConfig(all, { backtest: { cash: 7 } });
    expect(values.backtest).toEqual({ cash: 7, strategy: "mine", fast: 6, slow: 60, start: "09:30" });
    expect(settings.slice(0, 5).map(({ from }) => from)).toEqual([
      "--cash",
      `${scene.user}:5`,
      "STINT_BACKTEST_FAST",
      "stint.yaml:5",
      "default",
    ]);
  });

  test("a feature that loads its own section isn't kept from it by another's", async () => {
    project("unheard_of: 1\nlog: {level: debug, nonsense: 1}\nbacktest: {cash: 2}\n");
    expect((await loadConfig([backtest])).values.backtest.cash).toBe(2);
  });

  test("empty files, files of comments and headings without settings say nothing", async () => {
    for (const text of ["", "# nothing\n", "backtest:\n  # cash: 5\nlog:\n", "---\n"]) {
      project(text);
      expect((await loadConfig(all)).values.backtest.cash).toBe(10_000);
    }
  });

  test("aliases repeat what is written above them", async () => {
    project("backtest: {fast: &n 12, slow: 30}\nlog: {keep: *n}\n");
    expect((await loadConfig(all)).values.log.keep).toBe(12);
  });
});

describe("text from the environment and the command line", () => {
  test("is read as the setting takes it", async () => {
    scene.env("STINT_BACKTEST_CASH", "5e3");
    scene.env("STINT_BACKTEST_STRATEGY", "true # [it: is");
    scene.env("STINT_DETECT_FPS", "20");
    scene.env("STINT_DETECT_ZONES", "[{name: door, points: [[0, 0], [1, 0], [1, 1]]}]");
    const { values } = await loadConfig(all, { log: { keep: "9" } });
    expect(values.backtest).toMatchObject({ cash: 5000, strategy: "true # [it: is" });
    expect(values.detect.fps).toBe(20);
    expect(values.detect.zones[0]?.points[2]).toEqual([1, 1]);
    expect(values.log.keep).toBe(9);
  });

  test("an empty variable is one that isn't set, and a flag left out says nothing", async () => {
    scene.env("STINT_BACKTEST_CASH", "");
    const flags = { backtest: { cash: undefined } };
    expect((await loadConfig(all, flags)).values.backtest.cash).toBe(10_000);
  });

  test("a wrong value is called by the name it came under", async () => {
    const hint = "backtest.cash: the money a run starts with, 10000 by default";
    const flag = "--cash: backtest.cash: expected number to be >0";
    expect(await failure(loadConfig(all, { backtest: { cash: "-1" } }))).toEqual([Exit.usage, flag, hint]);
    scene.env("STINT_BACKTEST_CASH", "lots");
    const variable = "STINT_BACKTEST_CASH: backtest.cash: expected number, received string";
    expect(await failure(loadConfig(all))).toEqual([Exit.config, variable, hint]);
  });
});

describe("what is wrong in a file is said with its line", () => {
  const level = 'log.level: the least serious lines to keep, "info" by default';
  const levels = 'expected one of "debug"|"info"|"warn"|"error"';
  const zones = "detect.zones: where people are looked for, [] by default";
  const list = "`stint config show` lists them all";
  const cases: [string, string, string[]][] = [
    [
      "a mistyped key",
      "\n\nbacktest:\n  csah: 5\n",
      ["stint.yaml:4: backtest.csah isn't a setting (did you mean backtest.cash?)"],
    ],
    ["a key of another section", "log:\n  cash: 5\n", [`stint.yaml:2: log.cash isn't a setting (${list})`]],
    [
      "a wrong type",
      "backtest:\n  cash: lots\n",
      [
        "stint.yaml:2: backtest.cash: expected number, received string (backtest.cash: the money a run starts with, 10000 by default)",
      ],
    ],
    [
      "no value",
      "backtest:\n  cash:\n",
      [
        "stint.yaml:2: backtest.cash: expected number, received null (backtest.cash: the money a run starts with, 10000 by default)",
      ],
    ],
    [
      "a fraction",
      "log: {keep: 1.5}\n",
      [
        "stint.yaml:1: log.keep: expected int, received number (log.keep: how many rotated files are kept of a log, 3 by default)",
      ],
    ],
    [
      "a mistyped choice",
      "log:\n  level: wran\n",
      [`stint.yaml:2: log.level: ${levels} (did you mean warn?)`],
    ],
    ["no such choice", "log: {level: shouting}\n", [`stint.yaml:1: log.level: ${levels} (${level})`]],
    [
      "a rule in words of its own",
      "backtest: {start: noon}\n",
      [
        'stint.yaml:1: backtest.start: must be a time such as 09:30 (backtest.start: the first bar of a day, "09:30" by default)',
      ],
    ],
    [
      "a rule between keys",
      "backtest:\n  fast: 30\n",
      [
        "stint.yaml:2: backtest.fast: must be below backtest.slow (backtest.fast: bars of the fast average, 10 by default)",
      ],
    ],
    ["a mistyped section", "lgo:\n  keep: 1\n", ["stint.yaml:1: lgo isn't a section (did you mean log?)"]],
    ["no such section", "kitchen: 1\n", [`stint.yaml:1: kitchen isn't a section (${list})`]],
    [
      "a section that is a value",
      "backtest: 5\n",
      ["stint.yaml:1: backtest: expected object, received number ()"],
    ],
    ["a file that is a list", "- a\n", ["stint.yaml isn't a map of settings ()"]],
    [
      "mistakes inside a list",
      "detect:\n  zones:\n    - name: 5\n      points: [[0, 0], [1, 0], [1, 1]]\n    - nmae: b\n      points: []\n",
      [
        `stint.yaml:3: detect.zones[0].name: expected string, received number (${zones})`,
        `stint.yaml:5: detect.zones[1].name: expected string, received undefined (${zones})`,
        `stint.yaml:6: detect.zones[1].points: expected array to have >=3 items (${zones})`,
        `stint.yaml:5: detect.zones[1].nmae isn't a setting (${list})`,
      ],
    ],
    [
      "an open bracket",
      "log: [1\nbacktest: 3",
      ["stint.yaml:2:1: Flow sequence in block collection must be sufficiently indented and end with a ] ()"],
    ],
    ["a tab", "log:\n\tkeep: 1\n", ["stint.yaml:2:1: Tabs are not allowed as indentation ()"]],
    [
      "a key that is there twice",
      "log:\n  keep: 1\n  keep: 2\n",
      ["stint.yaml:3:3: Map keys must be unique ()"],
    ],
    [
      "two documents",
      "log: {}\n---\nlog: {}\n",
      ["stint.yaml:2:1: Source contains multiple documents; please use YAML.parseAllDocuments() ()"],
    ],
    [
      "an alias of nothing",
      "log: *x\n",
      ["stint.yaml: Unresolved alias (the anchor must be set before the alias): x ()"],
    ],
  ];
  for (const [name, text, said] of cases) test(name, async () => expect(await problems(text)).toEqual(said));

  test("loading stops at the first, with exit code 78", async () => {
    project("backtest:\n  csah: 5\nlog: {keep: 0}\n");
    const said = ["stint.yaml:2: backtest.csah isn't a setting", "did you mean backtest.cash?"];
    expect(await failure(loadConfig(all))).toEqual([Exit.config, ...said] as never);
  });

  test("a check says them all, also of values that another layer hides", async () => {
    user("backtest:\n  cash: lots\nlog: {keep: 0}\n");
    project("backtest:\n  cash: 5\n  csah: 5\n");
    scene.env("STINT_LOG_LEVEL", "loud");
    expect((await checkConfig(all)).map(({ message }) => message)).toEqual([
      'STINT_LOG_LEVEL: log.level: expected one of "debug"|"info"|"warn"|"error"',
      "stint.yaml:3: backtest.csah isn't a setting",
      `${scene.user}:2: backtest.cash: expected number, received string`,
      `${scene.user}:3: log.keep: expected number to be >=1`,
    ]);
  });

  test("a rule between keys is held by all layers together, not by each alone", async () => {
    user("backtest: {slow: 100}\n");
    project("backtest: {fast: 60}\n");
    expect(await checkConfig(all)).toEqual([]);
  });

  test("one file can be checked by itself", async () => {
    project("log: {keep: 0}\n");
    const file = join(scene.folder, "other.yaml");
    writeFileSync(file, "detect: {camera: x, fps: 0}\n");
    expect((await checkConfig(all, file)).map(({ message }) => message)).toEqual([
      `${file}:1: detect.fps: expected number to be >=1`,
    ]);
    const [missing] = await checkConfig(all, join(scene.folder, "none.yaml"));
    expect([missing?.exit, missing?.message]).toEqual([Exit.io, `${scene.folder}/none.yaml can't be found`]);
  });
});

describe("a project's file may be hostile", () => {
  test("it can't set what only the user may", async () => {
    project("detect:\n  camera: rtsp://evil\n");
    expect((await failure(loadConfig(all))).slice(0, 2)).toEqual([
      Exit.config,
      "stint.yaml:2: detect.camera: can't be set by a project",
    ]);
    expect((await checkConfig(all, scene.project)).map(({ message }) => message)).toEqual([
      `${scene.project}:2: detect.camera: can't be set by a project`,
    ]);
    rmSync(scene.project);
    user("detect:\n  camera: rtsp://mine\n");
    expect((await loadConfig(all)).values.detect.camera).toBe("rtsp://mine");
  });

  test("aliases of aliases don't unfold", async () => {
    const levels = Array.from({ length: 12 }, (_, n) => {
      const items = n === 0 ? "x" : `*l${n - 1}`;
      return `l${n}: &l${n} [${Array(9).fill(items).join(", ")}]`;
    });
    const bomb = "stint.yaml: Excessive alias count indicates a resource exhaustion attack ()";
    expect(await problems(levels.join("\n"))).toEqual([bomb]);
  });

  test("unknown tags and keys that aren't text are refused", async () => {
    expect(await problems("log: {level: !run x}\n")).toEqual(["stint.yaml:1:14: Unresolved tag: !run ()"]);
    expect(await problems("? [a]\n: b\n")).toEqual([
      expect.stringMatching(/^stint\.yaml:1:3: .*keys must be/),
    ]);
  });

  test("its text can't speak to the terminal", async () => {
    const said = await problems('"\\e[31m\\u202Ered": 1\nlog: {"\\e]0;title\\a\\x9b2J": 1}\n');
    expect(said).toContain(
      "stint.yaml:1: \ufffd[31m\ufffdred isn't a section (`stint config show` lists them all)",
    );
    expect(said).toHaveLength(2);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not be there
    expect(said.join("")).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202e]/);
    const [long] = await problems(`${"k".repeat(1000)}: 1\n`);
    expect(long?.length).toBeLessThan(600);
  });

  test("keys that mean something to JavaScript mean nothing here", async () => {
    for (const key of ["__proto__", "constructor", "toString"]) {
      expect((await problems(`backtest: {${key}: {cash: 1}}\n`))[0]).toStartWith(
        `stint.yaml:1: backtest.${key} isn't a setting`,
      );
      expect((await problems(`${key}: {cash: 1}\n`))[0]).toStartWith(`stint.yaml:1: ${key} isn't a section`);
    }
    expect(({} as { cash?: unknown }).cash).toBeUndefined();
  });

  test("it is small, shallow, text, and a regular file", async () => {
    expect(await problems(`x: ${"a".repeat(64 << 10)}`)).toEqual([
      "stint.yaml is larger than 64 KB (that isn't a configuration)",
    ]);
    for (const deep of ["[", "- ", "? "]) {
      const [said] = await problems(deep.repeat(60_000 / deep.length));
      expect(said).toStartWith("stint.yaml:1:");
    }
    project(Buffer.from([0x61, 0x3a, 0x20, 0xff]));
    expect((await failure(loadConfig(all)))[1]).toBe("stint.yaml isn't text in UTF-8");
    for (const make of [
      () => mkdirSync(scene.project),
      () => void spawnSync("/usr/bin/mkfifo", [scene.project]),
      () => symlinkSync("/dev/zero", scene.project),
    ]) {
      rmSync(scene.project, { recursive: true });
      make();
      expect((await failure(loadConfig(all))).slice(0, 2)).toEqual([
        Exit.config,
        "stint.yaml isn't a regular file",
      ]);
    }
    rmSync(scene.project);
    // Regular, it says, and of size 0: it has no end.
    symlinkSync("/proc/self/pagemap", scene.project);
    expect([Exit.config, Exit.io]).toContain((await failure(loadConfig(all)))[0] as never);
  });

  test("10,000 keys, each a mistake, are refused soon", async () => {
    const keys = Array.from({ length: 10_000 }, (_, n) => ` ${n.toString(36)}:`);
    expect(await problems(`log:\n${keys.join("\n")}\n`)).toHaveLength(10_000);
  }, 10_000);

  test("a file that can't be read is an I/O error", async () => {
    symlinkSync(scene.project, scene.project);
    expect(await failure(loadConfig(all))).toEqual([
      Exit.io,
      "stint.yaml can't be read: ELOOP",
      "check its permissions",
    ]);
  });
});

describe("a schema keeps its own rules", () => {
  test("a key without a default makes no section, and no section lets mistyped keys pass", async () => {
    // @ts-expect-error no default
    section("bare", (z) => z.strictObject({ a: z.string() }));
    const open = section("open", (z) => z.looseObject({ a: z.string().default("") }));
    project("open: {b: 1}\n");
    expect((await failure(loadConfig([open])))[1]).toBe("stint.yaml:1: open.b isn't a setting");
  });

  test("it is given to editors as JSON Schema", async () => {
    const schema = await configSchema([logSection]);
    expect(schema).toMatchObject({
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
    expect(schema).not.toHaveProperty("required");
  });
});
