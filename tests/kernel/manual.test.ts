import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../../src/cli.ts";
import type { CommandSpec } from "../../src/kernel/command.ts";
import { manual } from "../../src/kernel/manual.ts";
import { Sandbox, stint } from "../support/sandbox.ts";

const run = async () => 0;
const awkward: CommandSpec = {
  usage: "stint",
  summary: "a tool",
  description: "First.\n\nSecond.\n.TH looks like a request\n'so does this",
  commands: [
    {
      usage: "do [ID]",
      summary: `it's "quoted" \\ back ~ ^ \` – é`,
      options: [{ flags: "--two-words <n>", help: ".dotted" }],
      examples: [
        { line: `stint do --two-words 1 > ~/'a b'`, what: "" },
        { line: "stint do", what: "again" },
      ],
      run,
    },
    { usage: "group", summary: "of two", commands: [{ usage: "one", summary: "the one", run }] },
    { usage: "__hidden", summary: "unseen", hidden: true, run },
  ],
};

describe("the manual page", () => {
  const page = manual(awkward, "1.0-beta");

  test("escapes what roff would take for something else", () => {
    expect(page).toContain("it\\(aqs \\(dqquoted\\(dq \\e back \\(ti \\(ha \\(ga \\[u2013] \\[u00E9]");
    expect(page).toContain(".B \\-\\-two\\-words <n>\n\\&.dotted");
    expect(page).toContain("First.\n.PP\nSecond.\n\\&.TH looks like a request\n\\(aqso does this");
    expect(page).toContain(".B stint do \\-\\-two\\-words 1 > \\(ti/\\(aqa b\\(aq\n.IP");
  });

  test("has every command by its whole name, but those for stint's own use", () => {
    expect(page).toContain(".SS do [ID]");
    expect(page).toContain(".SS group one");
    expect(page).not.toContain("unseen");
  });

  test("has the options of all, the files and the exit codes", () => {
    for (const part of ["\\-\\-no\\-color", "stint.db", ".B 128+n", ".SH EXIT STATUS"])
      expect(page).toContain(part);
  });

  test("of stint itself has no empty line, no tab and no character but ASCII", () => {
    expect(manual(root, "0 (x, y)")).toMatch(/^([\x20-\x7e]+\n)+$/);
  });

  test("is set by groff without a complaint, and reads as it was written", () => {
    const folder = mkdtempSync(join(tmpdir(), "stint-man-"));
    for (const [name, text] of [
      ["awkward", page],
      ["stint", manual(root, "0")],
    ] as const) {
      const file = join(folder, `${name}.1`);
      writeFileSync(file, text);
      const { stderr, stdout } = Bun.spawnSync(["groff", "-man", "-ww", "-Tutf8", "-P-cbou", file]);
      expect(String(stderr)).toBe("");
      if (name === "awkward") {
        expect(String(stdout)).toContain(`it's "quoted" \\ back ~ ^ \` – é`);
        expect(String(stdout)).toContain(`stint do --two-words 1 > ~/'a b'`);
      }
    }
    rmSync(folder, { recursive: true });
  });
});

describe("completions", () => {
  test.each(["bash", "zsh", "fish"])("there is a script for %s, that asks stint itself", async (shell) => {
    await using home = new Sandbox(stint.source);
    const { code, out, err } = await home.run(["completions", shell]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/stint complete --/);
    if (shell === "bash") expect(Bun.spawnSync(["bash", "-n", "-c", out]).exitCode).toBe(0);
  });

  test("there is none for another shell", async () => {
    await using home = new Sandbox(stint.source);
    const { code, out, err } = await home.run(["completions", "tcsh"]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toBe("stint: there are no completions for 'tcsh'\n  one of bash, zsh, fish\n");
  });

  test.each([
    [["ba"], "backtest"],
    [["backtest", "pa"], "pause"],
    [["backtest", "run", "--str"], "--strategy"],
  ])("for %p it suggests %s", async (words, suggestion) => {
    await using home = new Sandbox(stint.source);
    const { code, out } = await home.run(["complete", "--", ...words]);
    const names = out.split("\n").map((line) => line.split("\t")[0]);
    expect(code).toBe(0);
    expect(names).toContain(suggestion);
    expect(out).not.toContain("__");
  });

  test("each candidate is one line, a name and no more than its summary, in every group", async () => {
    const groupsOf = ({ commands = [] }: CommandSpec, words: string[]): string[][] =>
      commands.length === 0
        ? []
        : [words, ...commands.flatMap((sub) => groupsOf(sub, [...words, sub.usage.split(" ")[0] ?? ""]))];
    const groups = groupsOf(root, []);
    expect(groups).toContainEqual(["detect", "relay"]);
    await using home = new Sandbox(stint.source);
    const outs = await Promise.all(groups.map((words) => home.run(["complete", "--", ...words, ""])));
    for (const { out } of outs) {
      const [last, ...candidates] = out.trimEnd().split("\n").reverse();
      expect(last).toMatch(/^:\d+$/);
      expect(candidates).not.toEqual([]);
      for (const candidate of candidates) expect(candidate).toMatch(/^[a-z][a-z-]*(\t.+)?$/);
    }
  });

  test("what is for stint's own use isn't suggested", async () => {
    await using home = new Sandbox(stint.source);
    const { out } = await home.run(["complete", "--", ""]);
    expect(out).toContain("sessions");
    expect(out).not.toContain("__check");
  });
});

test("a TAB in bash completes, and runs nothing of what stands on the line", async () => {
  await using home = new Sandbox(stint.executable);
  const driver = `
    source <("$0" completions bash) && source <("$0" completions bash)
    stint() { command "$STINT" "$@"; }
    complete_line() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _stint; echo "\${COMPREPLY[*]}"; }
    complete_line stint backtest re
    complete_line stint backtest run --data '$(touch ran)' --st
    ls`;
  const [executable = ""] = home.command;
  const child = Bun.spawn(["bash", "-c", driver, executable], {
    cwd: home.work,
    env: { ...home.env, STINT: executable },
    stderr: "pipe",
  });
  expect(await child.stdout.text()).toBe("resume report\n--strategy --stamp\n");
  expect(await child.stderr.text()).toBe("");
});
