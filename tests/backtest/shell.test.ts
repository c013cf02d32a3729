import { expect, test } from "bun:test";
import { Sandbox, stint } from "../support/sandbox.ts";

test("the shell takes lines as they are pasted, and for a word that it doesn't have hints its own help", async () => {
  await using box = new Sandbox(stint.source);
  const input = "stint backtest help list\nbogus\nlst\nrun\n";
  const { code, out, err } = await box.run(["backtest", "shell"], { input });
  expect(out).toContain("backtest list");
  expect(err).toContain("there is no command 'bogus'\n  help\n");
  expect(err).toContain("did you mean list?");
  expect(err).toContain("run isn't for the shell");
  expect(code).toBe(2);
});
