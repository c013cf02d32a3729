/** The supervisor as a person at a terminal sees it. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { alive, ModulesBox } from "../support/modules.ts";
import { pty } from "../support/pty.ts";
import { until } from "../support/sandbox.ts";

const screen = (box: ModulesBox, ...args: string[]) =>
  pty([...box.command, "modules", ...args], { cwd: box.work, env: box.env, columns: 110, rows: 30 });

test("up is full screen: a toggle shows at once and settles on what became true; Ctrl+C is down", async () => {
  await using box = new ModulesBox();
  box.plain("camera", "echo the lens is open; sleep 1000");
  const folder = box.plain("lamp", "sleep 1000", { enabled: "false", ready: "1s" });
  box.module("wrong", "enabled = false\ncommand = ./nothing-here\n");
  await using terminal = screen(box, "up");
  await terminal.until("the lens is open");
  await terminal.until((text) => /camera +on +IDLE/.test(text) && /lamp +off +DISABLED/.test(text));
  const { pid } = await box.row("camera");
  terminal.press("down", "space");
  await terminal.until((text) => /lamp .*(starting…|STARTING)/.test(text), 900);
  await terminal.until((text) => /lamp +on +IDLE/.test(text));
  expect(readFileSync(join(folder, "config.txt"), "utf8")).toContain("enabled = true");
  terminal.press("down", "space");
  await terminal.until(
    (text) => /wrong +off +ERROR/.test(text) && text.includes("no such file or directory"),
  );
  terminal.press("ctrl+c");
  expect(await terminal.exited).toBe(130);
  expect(terminal.buffer()).toBe("normal");
  expect(alive(pid)).toBe(false);
  expect(box.host).toBe(0);
});

test("q leaves an attached screen, and the modules running; two screens see the same; kill -9 of one is nothing to it", async () => {
  await using box = new ModulesBox();
  box.tiny("camera");
  await box.up();
  const { pid } = await box.until("camera", ({ actual }) => actual === "IDLE");
  const { host } = box;
  await using one = screen(box, "watch");
  // Where a supervisor runs already, up shows it.
  await using two = screen(box, "up");
  await one.until((text) => /camera +on +IDLE/.test(text));
  await two.until((text) => /camera +on +IDLE/.test(text));
  one.press("r");
  await two.until((text) => /camera +on +● ?RECORDING|camera +on +RECORDING/.test(text));
  two.press("r");
  await one.until((text) => /camera +on +IDLE/.test(text));
  one.press("q");
  expect(await one.exited).toBe(0);
  await two.kill("SIGKILL");
  expect(box.host).toBe(host);
  expect(alive(pid)).toBe(true);
  await using three = screen(box, "watch");
  await three.until((text) => /camera +on +IDLE/.test(text));
  three.press("x", "y");
  await until(() => box.host === 0);
  expect(alive(pid)).toBe(false);
});

test("a screen stays through kill -9 of its supervisor, says so, and shows the next one", async () => {
  await using box = new ModulesBox();
  box.tiny("camera");
  await box.up();
  const { pid } = await box.until("camera", ({ actual }) => actual === "IDLE");
  await using terminal = screen(box, "watch");
  await terminal.until((text) => /camera +on +IDLE/.test(text));
  await box.kill();
  await terminal.until("stint modules up");
  await box.up();
  await terminal.until((text) => /camera +on +IDLE/.test(text) && !text.includes("stint modules up"));
  expect(await box.row("camera")).toMatchObject({ pid, adopted: true });
});

test("a closed terminal stops the modules of a supervisor that runs in it", async () => {
  await using box = new ModulesBox();
  box.tiny("camera");
  await using terminal = screen(box, "up");
  await terminal.until((text) => /camera +on +IDLE/.test(text));
  const { pid } = await box.row("camera");
  terminal.hangUp();
  await until(() => !alive(pid));
  await until(() => box.host === 0);
});
