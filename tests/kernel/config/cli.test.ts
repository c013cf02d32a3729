import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { readFileSync } from "node:fs";
import {
  configCheck,
  configPath,
  configSet,
  configShow,
  configUnset,
  printConfigSchema,
} from "../../../src/kernel/config/cli.ts";
import { logSection, section } from "../../../src/kernel/config/section.ts";
import { Exit, type Expected } from "../../../src/kernel/errors.ts";
import { Output } from "../../../src/kernel/output.ts";
import { Scene } from "./scene.ts";

const pomo = section("pomo", (z) =>
  z.strictObject({
    work: z.int().min(1).default(25).describe("minutes of work"),
    names: z.array(z.string()).default([]).describe("what was worked on"),
  }),
);
const sections = [pomo, logSection];

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene[Symbol.dispose]());

/** What a command wrote, to either side, and its exit code. */
async function run(json: boolean, command: (output: Output) => number | Promise<number>) {
  const output = new Output({ json, colour: false });
  const written = { out: "", talk: "" };
  const spies = [
    spyOn(output, "text").mockImplementation((text) => {
      written.out += text;
    }),
    spyOn(output, "note").mockImplementation((text) => {
      written.talk += `${text}\n`;
    }),
    spyOn(output, "failure").mockImplementation((error) => {
      const { message, hint } = error as Expected;
      written.talk += `${message}\n${hint ? `  ${hint}\n` : ""}`;
    }),
  ];
  try {
    return { exit: await command(output), ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
const lines = (out: string): unknown[] =>
  out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("config show", () => {
  test("is a table of key, value and where from for a person", async () => {
    scene.write("project", "pomo:\n  work: 50\n");
    scene.env("STINT_LOG_LEVEL", "debug");
    const { exit, out } = await run(false, (output) => configShow(output, sections));
    expect(exit).toBe(Exit.ok);
    expect(out).toBe(`pomo.work      50       stint.yaml:2
pomo.names     []       default
log.level      "debug"  STINT_LOG_LEVEL
log.max_bytes  8388608  default
log.keep       3        default
`);
  });

  test("is a line of NDJSON for each key on a pipe", async () => {
    scene.env("STINT_POMO_WORK", "50");
    const { out } = await run(true, (output) => configShow(output, sections, { key: "pomo" }));
    expect(lines(out)).toEqual([
      { v: 1, type: "setting", key: "pomo.work", value: 50, from: "STINT_POMO_WORK", default: 25 },
      { v: 1, type: "setting", key: "pomo.names", value: [], from: "default", default: [] },
    ]);
    const names = ["x".repeat(100)];
    scene.write("user", JSON.stringify({ pomo: { names } }));
    const one = { key: "pomo.names" };
    expect(lines((await run(true, (output) => configShow(output, sections, one))).out)).toMatchObject([
      { value: names },
    ]);
    const row = (await run(false, (output) => configShow(output, sections, one))).out;
    expect(row).toBe(`pomo.names  ["${"x".repeat(45)}…  ${scene.user}:1\n`);
  });

  test("of a key that isn't there names the nearest", async () => {
    const shown = run(true, (output) => configShow(output, sections, { key: "pomo.wrk" }));
    expect(shown).rejects.toMatchObject({
      exit: Exit.usage,
      message: "pomo.wrk isn't a setting",
      hint: "did you mean pomo.work?",
    });
  });
});

test("config path names the files, the one that wins first", async () => {
  scene.write("user", "");
  expect(lines((await run(true, (output) => configPath(output))).out)).toEqual([
    { v: 1, type: "config_file", layer: "project", path: scene.project, exists: false },
    { v: 1, type: "config_file", layer: "user", path: scene.user, exists: true },
  ]);
  const { out } = await run(false, (output) => configPath(output));
  expect(out).toBe(`project  ${scene.project}  (not there)\nuser     ${scene.user}\n`);
});

test("config check says ok, or all that is wrong", async () => {
  const check = (json: boolean) => run(json, (output) => configCheck(output, sections));
  expect(await check(false)).toEqual({ exit: Exit.ok, out: "ok\n", talk: "" });
  expect(lines((await check(true)).out)).toEqual([{ v: 1, type: "config_check", ok: true }]);

  scene.write("project", "pomo:\n  wrok: 50\nlgo: {}\n");
  const talk = `stint.yaml:2: pomo.wrok isn't a setting
  did you mean pomo.work?
stint.yaml:3: lgo isn't a section
  did you mean log?
`;
  expect(await check(false)).toEqual({ exit: Exit.config, out: "", talk });
  const piped = await check(true);
  expect(lines(piped.out)).toEqual([
    {
      v: 1,
      type: "config_problem",
      message: "stint.yaml:2: pomo.wrok isn't a setting",
      hint: "did you mean pomo.work?",
    },
    { v: 1, type: "config_problem", message: "stint.yaml:3: lgo isn't a section", hint: "did you mean log?" },
  ]);
});

test("config schema is JSON Schema, on a pipe too", async () => {
  const { out } = await run(true, (output) => printConfigSchema(output, sections));
  expect(JSON.parse(out).properties.pomo.properties.work).toMatchObject({
    type: "integer",
    description: "minutes of work",
  });
});

test("config set and unset change the user's file, or the project's", async () => {
  const said = await run(false, (output) => configSet(output, sections, "pomo.work", "50"));
  expect(said).toEqual({ exit: Exit.ok, out: "", talk: `pomo.work set in ${scene.user}\n` });
  await run(false, (output) => configSet(output, sections, "pomo.work", "40", { inProject: true }));
  expect(readFileSync(scene.user, "utf8")).toBe("pomo:\n  work: 50\n");
  expect(readFileSync(scene.project, "utf8")).toBe("pomo:\n  work: 40\n");
  const unset = () => run(false, (output) => configUnset(output, sections, "pomo.work"));
  expect((await unset()).talk).toBe(`pomo.work taken out of ${scene.user}\n`);
  expect((await unset()).talk).toBe(`pomo.work isn't set in ${scene.user}\n`);
});
