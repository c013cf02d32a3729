import { expect, test } from "bun:test";
import { pty } from "../support/pty.ts";
import { Sandbox } from "../support/sandbox.ts";

/** What a person at a terminal sees of the executable. */

test("a paused run is stepped, resumed and finished from the keyboard, and leaves its summary", async () => {
  await using box = new Sandbox();
  await using terminal = pty([...box.command, "backtest", "run", "--paused", "--pace", "20000"], {
    cwd: box.work,
    env: box.env,
    columns: 100,
    rows: 30,
  });
  await terminal.until("paused");
  expect(terminal.screen()).toContain("0 of 5,000");
  terminal.press(".");
  await terminal.until(" 1 of 5,000");
  terminal.press(">");
  await terminal.until("101 of 5,000");
  terminal.press("?");
  await terminal.until("Work a hundred bars and pause again");
  terminal.press("?");
  terminal.press("space");
  await terminal.until("running");
  expect(await terminal.exited).toBe(0);
  expect(terminal.buffer()).toBe("normal");
  const screen = terminal.screen();
  expect(screen).toContain("sma-cross EURUSD");
  expect(screen).toMatch(/final equity\s+10080\.42/);
  expect(screen).toMatch(/hash [0-9a-f]{64}/);
});

test("two terminals show the same run; leaving one leaves it running", async () => {
  await using box = new Sandbox();
  await box.run(["backtest", "run", "--paused", "--detach"]);
  const watch = () => pty([...box.command, "backtest", "watch"], { cwd: box.work, env: box.env });
  await using one = watch();
  await using two = watch();
  await Promise.all([one.until("paused"), two.until("paused")]);
  one.press(">");
  await Promise.all([one.until("100 of 5,000"), two.until("100 of 5,000")]);
  one.press("q");
  expect(await one.exited).toBe(0);
  expect(one.buffer()).toBe("normal");
  two.press(".");
  await two.until("101 of 5,000");
  await box.run(["backtest", "stop"]);
  expect(await two.exited).toBe(0);
});

test("kill -9 of a watching terminal never touches the host", async () => {
  await using box = new Sandbox();
  await box.run(["backtest", "run", "--paused", "--detach"]);
  await using watching = pty([...box.command, "backtest", "watch"], { cwd: box.work, env: box.env });
  await watching.until("paused");
  await watching.kill("SIGKILL");
  const { lines } = await box.run(["backtest", "step"]);
  expect(lines[0]).toMatchObject({ state: "paused", bar: 1 });
});

test("NO_COLOR and --no-color take the colours away, on the screen and in the summary", async () => {
  await using box = new Sandbox();
  const colours = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*3[1-7]m`);
  for (const [args, env] of [
    [["--no-color"], {}],
    [[], { NO_COLOR: "1" }],
  ] as const) {
    await using terminal = pty([...box.command, "backtest", "run", "--pace", "10000", ...args], {
      cwd: box.work,
      env: { ...box.env, ...env },
    });
    expect(await terminal.exited).toBe(0);
    expect(terminal.output()).not.toMatch(colours);
  }
  await using coloured = pty([...box.command, "backtest", "run", "--pace", "10000"], {
    cwd: box.work,
    env: box.env,
  });
  await coloured.exited;
  expect(coloured.output()).toMatch(colours);
});

test("stint alone and stint --help say what there is", async () => {
  await using box = new Sandbox();
  const alone = await box.run([]);
  expect({ code: alone.code, out: alone.out }).toEqual({ code: 2, out: "" });
  expect(alone.err).toContain("stint sessions");
  const help = await box.run(["--help"]);
  expect(help.code).toBe(0);
  expect(help.out).toContain("Examples:");
});

test("--version says version, commit and Bun's version", async () => {
  await using box = new Sandbox();
  const { out } = await box.run(["--version"]);
  expect(out).toMatch(/^stint \d+\.\d+\.\d+ \(([0-9a-f]{7,}(-dirty)?|unknown), bun \d+\.\d+\.\d+\)\n$/);
});

test("a reader that leaves ends a run quietly with 0", async () => {
  await using box = new Sandbox();
  const script = `"$0" backtest run --pace 500 | head -1; echo "\${PIPESTATUS[0]}"`;
  const child = Bun.spawn(["bash", "-c", script, ...box.command], {
    cwd: box.work,
    env: box.env,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  expect(out.trim().split("\n").at(-1)).toBe("0");
  expect(err).not.toContain("internal error");
  expect(await box.run(["sessions"])).toMatchObject({ code: 0, out: expect.stringContaining('"stopped"') });
});
