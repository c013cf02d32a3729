import { expect, test } from "bun:test";
import { pty } from "../support/pty.ts";
import { Sandbox } from "../support/sandbox.ts";

test("the tour holds on a pipe, line by line", async () => {
  await using box = new Sandbox();
  const { code, lines } = await box.run(["demo"]);
  expect({ code, failed: lines.filter((line) => line["held"] === false) }).toEqual({ code: 0, failed: [] });
  const { held, failed, lacking } = lines.at(-1) ?? {};
  expect({ type: lines.at(-1)?.["type"], failed, played: Number(held) + Number(lacking) }).toEqual({
    type: "demo",
    failed: 0,
    played: lines.length - 1,
  });
});

test("the tour holds on a terminal, and touches nothing of the user's", async () => {
  await using box = new Sandbox();
  await using terminal = pty([...box.command, "demo"], { cwd: box.work, env: box.env, rows: 40 });
  expect(await terminal.exited).toBe(0);
  expect(terminal.screen()).toMatch(/\d+ held, 0 failed, \d+ not played/);
  expect((await box.run(["sessions"])).out).toBe("");
});
