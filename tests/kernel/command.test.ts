import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  buildProgram,
  type CommandSpec,
  type Context,
  type Options,
  runCommand,
} from "../../src/kernel/command.ts";
import { Expected } from "../../src/kernel/errors.ts";
import { Life } from "../../src/kernel/life.ts";
import { enterHome, type Home } from "../support/home.ts";
import { Sandbox, stint as source } from "../support/sandbox.ts";

type Ran = { name: string; args: readonly string[]; options: Options; context: Context };
let ran: Ran[];
const run =
  (name: string): NonNullable<CommandSpec["run"]> =>
  async (context, args, options) => {
    ran.push({ name, args, options, context });
    return 3;
  };

const root: CommandSpec = {
  usage: "stint",
  summary: "the tool",
  description: "More about it.",
  commands: [
    {
      usage: "bake <what> [more...]",
      summary: "bake things",
      description: "Slowly.",
      options: [
        {
          flags: "--heat <degrees>",
          help: "how hot",
          parse(text) {
            if (Number.isNaN(Number(text))) throw new Expected(2, `'${text}' isn't a number`, "say 180");
            return Number(text);
          },
        },
        {
          flags: "-n, --pieces <n>",
          help: "how many",
          parse(text) {
            throw new Expected(2, `must be a number, not '${text}'`);
          },
        },
        { flags: "--kind <kind>", help: "what kind", choices: ["bread", "cake"], default: "bread" },
        {
          flags: "--with <part>",
          help: "may be repeated",
          parse: (text, before) => [...((before as string[]) ?? []), text],
        },
      ],
      examples: [{ line: "stint bake rolls", what: "rolls" }],
      run: run("bake"),
    },
    {
      usage: "shop",
      summary: "buy and sell",
      commands: [{ usage: "open [day]", summary: "open it", run: run("open") }],
    },
    {
      usage: "list [day]",
      summary: "what there is",
      options: [{ flags: "--since <day>", help: "from when on" }],
      run: run("list"),
      commands: [
        {
          usage: "add <what>",
          summary: "add to it",
          options: [{ flags: "--day <day>", help: "when" }],
          run: run("list add"),
        },
      ],
    },
    { usage: "__own", summary: "for its own use", hidden: true, run: run("own") },
  ],
};

let home: Home;
beforeEach(() => {
  home = enterHome({ STINT_PROFILE: undefined });
  ran = [];
});
afterEach(() => home[Symbol.dispose]());

const life = new Life(() => {});
const stint = (...argv: string[]) => runCommand(root, argv, life);
const refused = async (
  ...argv: string[]
): Promise<{ exit: number; message: string; hint: string | undefined }> => {
  try {
    await stint(...argv);
  } catch (error) {
    if (!(error instanceof Expected)) throw error;
    return { exit: error.exit, message: error.message, hint: error.hint };
  }
  throw new Error("it wasn't refused");
};

describe("a command line", () => {
  test("becomes arguments and options, and the command's exit code its own", async () => {
    expect(await stint("bake", "rolls", "buns", "--heat", "180", "--with", "salt", "--with", "seeds")).toBe(
      3,
    );
    const [{ name, args, options, context }] = ran as [Ran];
    expect({ name, args }).toEqual({ name: "bake", args: ["rolls", "buns"] });
    expect(options).toMatchObject({ heat: 180, kind: "bread", with: ["salt", "seeds"] });
    expect(context.argv).toEqual([
      "bake",
      "rolls",
      "buns",
      "--heat",
      "180",
      "--with",
      "salt",
      "--with",
      "seeds",
    ]);
    expect(context.profile).toBe("default");
  });

  test("an argument that may be left out may be", async () => {
    await stint("shop", "open");
    await stint("shop", "open", "monday");
    expect(ran.map(({ args }) => args)).toEqual([[], ["monday"]]);
  });

  test("the profile is the option's, else the environment's, else default; an empty variable is none", async () => {
    process.env["STINT_PROFILE"] = "work";
    await stint("shop", "open");
    await stint("shop", "open", "--profile", "home");
    process.env["STINT_PROFILE"] = "";
    await stint("shop", "open");
    expect(ran.map(({ context }) => context.profile)).toEqual(["work", "home", "default"]);
    expect(await refused("shop", "open", "--profile", "../x")).toMatchObject({ exit: 2 });
  });

  test("--json, --quiet and --no-color reach the output", async () => {
    await stint("shop", "open", "--json", "--quiet", "--no-color");
    await stint("shop", "open", "--json");
    expect(ran.map(({ context: { output } }) => [output.json, output.quiet, output.colour])).toEqual([
      [true, true, false],
      [true, false, false],
    ]);
  });
});

test("what wasn't typed isn't built, and is listed and meant all the same", async () => {
  const looked: string[] = [];
  const costly = (usage: string): CommandSpec => ({
    usage,
    summary: `to ${usage}`,
    get options() {
      looked.push(usage);
      return [];
    },
    run: run(usage),
  });
  const big: CommandSpec = {
    usage: "stint",
    summary: "",
    commands: [costly("bake <what>"), costly("boil <what>")],
  };
  await runCommand(big, ["bake", "rolls"], life);
  expect(ran.map(({ name, args }) => [name, ...args])).toEqual([["bake <what>", "rolls"]]);
  const meant = runCommand(big, ["boi", "eggs"], life);
  await expect(meant).rejects.toMatchObject({ hint: "Did you mean boil?" });
  expect(new Set(looked)).toEqual(new Set(["bake <what>"]));
  expect(buildProgram(big).helpInformation()).toMatch(/bake <what> +to bake <what>\n +boil <what> +to boil/);
});

test("a word that names a command may stand for something else before it", async () => {
  expect(await stint("list", "--profile", "add", "add", "jam")).toBe(3);
  expect(ran.map(({ name, args, context }) => [name, ...args, context.profile])).toEqual([
    ["list add", "jam", "add"],
  ]);
});

describe("a group that does something by itself", () => {
  test("does so without a word for one of its commands, with its own arguments and options", async () => {
    await stint("list");
    await stint("list", "monday", "--since", "may");
    expect(ran.map(({ name, args }) => [name, ...args])).toEqual([["list"], ["list", "monday"]]);
    expect(ran[1]?.options).toMatchObject({ since: "may" });
  });

  test.each([
    ["after the command", ["list", "add", "jam", "--profile", "work", "--json", "--no-color"]],
    ["before it", ["list", "--profile", "work", "--json", "--no-color", "add", "jam"]],
  ])("its commands get the options that every command has, when they stand %s", async (_, argv) => {
    expect(await stint(...argv)).toBe(3);
    const [{ name, args, options, context }] = ran as [Ran];
    expect([name, ...args]).toEqual(["list add", "jam"]);
    expect([context.profile, context.output.json, options["color"]]).toEqual(["work", true, false]);
  });

  test("its commands keep their own options", async () => {
    await stint("list", "add", "jam", "--day", "monday");
    expect(ran[0]?.options).toMatchObject({ day: "monday" });
    expect(await refused("list", "add", "jam", "--dya", "monday")).toMatchObject({ exit: 2 });
  });
});

describe("what isn't right is refused with 2, in a line and a hint:", () => {
  test.each([
    [["bake", "x", "--het", "1"], "unknown option '--het'", "Did you mean --heat?"],
    [["bake", "x", "--zzz"], "unknown option '--zzz'", "stint bake --help"],
    [["bak"], "unknown command 'bak'", "Did you mean bake?"],
    [["shop", "zzz"], "unknown command 'zzz'", "stint shop --help"],
    [["bake"], "missing required argument 'what'", "stint bake --help"],
    [
      ["shop", "open", "a", "b"],
      "too many arguments for 'open'. Expected 1 argument but got 2: a, b.",
      "stint shop open --help",
    ],
    [["bake", "x", "--heat"], "option '--heat <degrees>' argument missing", "stint bake --help"],
    [["bake", "x", "--heat", "hot"], "--heat: 'hot' isn't a number", "say 180"],
    [["bake", "x", "-n", "few"], "--pieces: must be a number, not 'few'", "stint bake --help"],
    [["bake", "x", "--pieces", "few"], "--pieces: must be a number, not 'few'", "stint bake --help"],
    [["bake", "x", "--kind", "pie"], "--kind: Allowed choices are bread, cake.", "stint bake --help"],
  ])("%p", async (argv, message, hint) => {
    expect(await refused(...argv)).toEqual({ exit: 2, message, hint });
    expect(ran).toEqual([]);
  });
});

describe("help", () => {
  const real = async (...argv: string[]) => {
    await using home = new Sandbox(source.source);
    const { code, out, err } = await home.run(argv);
    return { code, out, err };
  };

  test("is data on stdout, and exit code 0", async () => {
    const { code, out, err } = await real("--help");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toStartWith("Usage: stint");
    expect(out).toMatch(/completions <shell> +a completion script/);
    expect(out).not.toContain("__");
  });

  test("of a command has its examples", async () => {
    const { code, out } = await real("completions", "--help");
    expect(code).toBe(0);
    expect(out).toContain("Examples:\n  $ source <(stint completions bash)  complete in this shell\n");
  });

  test("of a command has its description, options and defaults", () => {
    const [bake] = buildProgram(root).commands;
    const help = bake?.helpInformation() ?? "";
    for (const part of [
      "Slowly.",
      "--heat <degrees>",
      '(choices: "bread", "cake", default: "bread")',
      "--profile <name>",
    ]) {
      expect(help).toContain(part);
    }
  });

  test.each([
    [[], "Usage: stint"],
    [["config"], "Usage: stint config"],
  ])("is what a group alone gets, as an error: %p", async (argv, usage) => {
    const { code, out, err } = await real(...argv);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toStartWith(usage);
  });
});

test("every command of stint has a summary, and its examples are its own", async () => {
  const { root: whole } = await import("../../src/cli.ts");
  const program = buildProgram(whole);
  const names = (spec: CommandSpec): string[] => [
    spec.summary === "" ? `${spec.usage} has no summary` : "",
    ...(spec.examples ?? []).map(({ line }) => (line.includes("stint ") ? "" : line)),
    ...(spec.commands ?? []).flatMap(names),
  ];
  expect(names(whole).filter(Boolean)).toEqual([]);
  expect(program.commands.map((command) => command.name())).toContain("sessions");
});
