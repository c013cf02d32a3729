/** The full screen in a real pseudo-terminal: `fixture.tsx` is the program. */
import { describe, expect, test } from "bun:test";
import { readlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Pty, type PtyOptions, pty } from "../../support/pty.ts";

const fixture = join(import.meta.dir, "fixture.tsx");
const run = (mode = "plain", options: PtyOptions = {}) => pty([process.execPath, fixture, mode], options);

function expectGivenBack(t: Pty) {
  expect(t.buffer()).toBe("normal");
  expect(t.cursorHidden).toBe(false);
  expect(t.cooked).toBe(true);
  expect(t.marksPaste).toBe(false);
  expect(t.screen()).toStartWith("before\n");
}

describe("a full screen", () => {
  test("takes the terminal and gives it back on the quit key", async () => {
    await using t = run();
    await t.until("body 78×21");
    expect(t.screen()).toMatch(/^ stint fixture plain +running · default · 14:05\n/);
    expect(t.screen()).toEndWith("\n restored from 13:52\n space pause   + add   ? help   q leave");
    expect(t.buffer()).toBe("alternate");
    expect(t.cursorHidden).toBe(true);
    expect(t.cooked).toBe(false);
    t.press("q");
    expect(await t.exited).toBe(0);
    expectGivenBack(t);
    expect(t.screen()).toBe("before\ndone: left");
  });

  test("does what its keys say, and Ctrl+C what the quit key does", async () => {
    await using t = run();
    await t.until("? help");
    t.press("+", "+", "space");
    await t.until("space resume   + add   s step   ? help");
    expect(t.screen()).toContain("presses  2");
    expect(t.screen()).toContain("paused · default");
    t.press("ctrl+c");
    expect(await t.exited).toBe(0);
    expectGivenBack(t);
  });

  test("follows resizes, down to too small and back", async () => {
    await using t = run();
    await t.until("body 78×21");
    t.press("+");
    for (const [columns, rows] of [
      [60, 16],
      [130, 45],
      [61, 40],
      [90, 20],
    ] as const) {
      t.resize(columns, rows);
      // The whole frame at that size, with nothing of the old one left.
      await t.until((screen) => {
        const lines = screen.split("\n");
        return (
          lines.length === rows &&
          lines[1] === ` body ${columns - 2}×${rows - 3}` &&
          lines[0]?.length === columns - 1 &&
          lines.slice(8, -2).every((line) => line === "") &&
          lines.at(-1) === " space pause   + add   ? help   q leave"
        );
      });
    }
    t.resize(50, 10);
    await t.until((screen) => screen === "too small (60×16 needed, now 50×10)");
    t.press("+");
    t.resize(80, 24);
    await t.until("presses  2");
    t.resize(20, 3);
    await t.until((screen) => screen.startsWith("too small (60×16"));
    t.press("q");
    expect(await t.exited).toBe(0);
    expectGivenBack(t);
  });

  test("isn't written over by talk, which comes once the terminal is given back", async () => {
    await using t = run("talk");
    await t.until("body");
    t.press("+");
    await t.until("presses  1");
    t.press("+");
    await t.until("presses  2");
    expect(t.output()).not.toContain("taken up");
    t.press("q");
    expect(await t.exited).toBe(0);
    expectGivenBack(t);
    expect(t.screen()).toBe("before\ntaken up where it was\ntaken up where it was\nsaid at the end");
  });

  test("is drawn in full on ctrl+l, whatever has been written over it", async () => {
    await using t = run();
    await t.until("? help");
    const drawn = t.screen();
    writeFileSync(readlinkSync(`/proc/${t.pid}/fd/1`), "\x1b[5;20Ha cron job\nsays so");
    await t.until("says so");
    t.press("ctrl+l");
    await t.until((screen) => screen === drawn);
    t.press("+");
    await t.until("presses  1");
  });

  test("is drawn in full when its size changes, whatever the terminal made of the old frame", async () => {
    await using t = run();
    await t.until("? help");
    writeFileSync(readlinkSync(`/proc/${t.pid}/fd/1`), "\x1b[12;20Hresidue\x1b[24;40H");
    await t.until("residue");
    t.resize(81, 25);
    await t.until((screen) => screen.includes("body 79×22") && !screen.includes("residue"));
    const lines = t.screen().split("\n");
    expect(lines).toHaveLength(25);
    expect(lines.slice(8, -2).filter((line) => line !== "")).toEqual([]);
  });

  test("lists its keys on ? until esc or ? closes it", async () => {
    await using t = run();
    for (const close of ["esc", "?"]) {
      await t.until("body");
      t.press("?");
      await t.until("esc close help");
      const lines = t.screen().split("\n");
      expect(lines.slice(1, lines.indexOf("", 1))).toEqual([
        " Keys",
        " space p  Pause or resume the run",
        " +        Add one",
        " s        One step (not now)",
        " ^r       Start again",
        " !        Throw in a key",
        " ?        Show this help",
        " q        Leave",
      ]);
      t.press(close);
    }
    await t.until("body");
  });

  test("takes pasted text for no key", async () => {
    await using t = run();
    await t.until(() => t.marksPaste);
    t.type("\x1b[200~q+q\x1b[201~");
    t.press("+");
    await t.until("presses  1");
  });

  test("takes a line that is typed, pasted and corrected, and what its answer throws ends it", async () => {
    await using t = run("entry");
    await t.until(() => t.marksPaste);
    t.press("n");
    await t.until("\n name: so▏\n enter ok   esc cancel   ^c leave");
    t.press("backspace", "left", "q", "right", "?");
    t.type("\x1b[200~ +\n\x1b[201~");
    await t.until("name: qs? +▏");
    t.press("enter");
    await t.until("named qs? +");
    t.press("n", "esc");
    await t.until("given up");
    t.type("n\x15bad\r");
    expect(await t.exited).toBe(70);
    expectGivenBack(t);
    expect(t.screen()).toBe("before\ninternal error: no such name");
  });

  test("is drawn without any colour when NO_COLOR is set, and with some when not", async () => {
    for (const [env, coloured] of [
      [{ NO_COLOR: "1" }, false],
      [{}, true],
    ] as const) {
      await using t = run("plain", { env });
      await t.until("? help");
      t.press("q");
      await t.exited;
      // What selects a graphic rendition: colours, bold, dim, inverse.
      expect(
        t
          .output()
          .split("\x1b[")
          .some((part) => /^[\d;]*m/.test(part)),
      ).toBe(coloured);
    }
  });

  test("is drawn where CI is set", async () => {
    await using t = run("plain", { env: { CI: "1" } });
    await t.until("body 78×21");
  });

  test("is shown, without keys, where stdin is no terminal", async () => {
    await using t = pty(["sh", "-c", `exec "${process.execPath}" "${fixture}" close </dev/null`]);
    await t.until("? help");
    expect(t.cooked).toBe(true);
    expect(await t.kill("SIGTERM")).toBe(0);
    expectGivenBack(t);
  });

  test("can be shown again after another, and loses no key in between", async () => {
    await using t = run("again");
    await t.until("body");
    t.press("+");
    await t.until("presses  1");
    t.press("q");
    await t.until("presses  0");
    t.press("+");
    await t.until("presses  1");
    t.press("q");
    expect(await t.exited).toBe(0);
    expectGivenBack(t);
    expect(t.screen()).toEndWith("done again: left");
  });

  test("leaves what is typed after it to whoever reads next", async () => {
    await using t = pty([
      "sh",
      "-c",
      `"${process.execPath}" "${fixture}" slow-end; read line; echo "got $line"`,
    ]);
    await t.until("body");
    t.press("q");
    await t.until("pid ");
    t.type("type-ahead\n");
    await t.until("type-ahead");
    process.kill(Number(/pid (\d+)/.exec(t.screen())?.[1]), "SIGTERM");
    await t.until("got type-ahead");
  });
});

describe("the terminal is given back", () => {
  test("when the screen is disposed, twice even", async () => {
    await using t = run("close");
    await t.until("body");
    expect(await t.kill("SIGTERM")).toBe(0);
    expectGivenBack(t);
    expect(t.screen()).toBe("before\ndone: undefined");
  });

  test.each([
    ["throw-first", "broken at first"],
    ["throw-string", "not an Error"],
    ["throw-effect", "broken in an effect"],
    ["twice", 'the key s is bound twice: "step" and "again"'],
  ])("when its first render breaks, with the error after it: %s", async (mode, error) => {
    await using t = run(mode);
    expect(await t.exited).toBe(70);
    expectGivenBack(t);
    expect(t.screen()).toBe(`before\ninternal error: ${error}`);
  });

  test.each([
    ["throw-later", "+", "broken later"],
    ["plain", "!", "broken by a key"],
  ])("when a later render or a key breaks, with the error after it: %s", async (mode, key, error) => {
    await using t = run(mode);
    await t.until("body");
    t.press(key);
    expect(await t.exited).toBe(70);
    expectGivenBack(t);
    expect(t.screen()).toBe(`before\ninternal error: ${error}`);
  });

  test("by the next start after kill -9, with the cursor where it was", async () => {
    const broken = "\\033[?1049h\\033[?25l\\033[?2004h\\033[?1003h\\033[?1004h\\033[2;1H";
    await using t = pty([
      "sh",
      "-c",
      `printf '${broken}'; "${process.execPath}" "${fixture}" reset; printf 'one\\ntwo'; "${process.execPath}" "${fixture}" reset; echo ' three'`,
    ]);
    expect(await t.exited).toBe(0);
    expect(t.buffer()).toBe("normal");
    expect(t.cursorHidden).toBe(false);
    expect(t.marksPaste).toBe(false);
    expect(t.screen()).toEndWith("one\ntwo three");
  });
});

test("a terminal that hangs up ends the screen without an error", async () => {
  await using t = run("ignore-hangup");
  await t.until("body");
  t.hangUp();
  expect(await t.exited).toBe(0);
});

test("without a terminal nothing is shown, and nothing written to undo it", async () => {
  const run = Bun.spawn([process.execPath, fixture, "plain"], { stdout: "pipe", stdin: "ignore" });
  expect(await new Response(run.stdout).text()).toBe(
    "before\ninternal error: a full screen needs a terminal\n",
  );
  const reset = Bun.spawn([process.execPath, fixture, "reset"], { stdout: "pipe" });
  expect(await new Response(reset.stdout).text()).toBe("");
});

test("nothing touches the terminal when the kit is loaded", async () => {
  const kit = join(dirname(fixture), "../../../src/kernel/tui");
  const imports = ["components", "screen", "show"].map((name) => `await import("${kit}/${name}.tsx");`);
  await using t = pty([process.execPath, "-e", imports.join("")]);
  expect(await t.exited).toBe(0);
  expect(t.output()).toBe("");
});
