import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { processStat } from "../../src/kernel/runtime.ts";
import { tied } from "../../src/kernel/tied.ts";
import { Folder } from "../support/folder.ts";
import { until } from "../support/sandbox.ts";

test("a program is what was started, with its pid, its arguments and its descriptors", async () => {
  const child = Bun.spawn([...tied(["sh", "-c", 'echo $$ "$1"; cat', "sh", "a  b"])], {
    stdin: new Blob(["given"]),
    stdout: "pipe",
  });
  expect(await child.stdout.text()).toBe(`${child.pid} a  b\ngiven`);
  expect(await child.exited).toBe(0);
});

test("it is killed with its parent, though it is stopped, and one whose parent has died isn't started", async () => {
  using folder = new Folder();
  const script = `
    import { tied } from ${JSON.stringify(`${import.meta.dir}/../../src/kernel/tied.ts`)};
    const child = Bun.spawn([...tied(["sleep", "60"])]);
    console.log(child.pid, JSON.stringify(tied(["touch", ${JSON.stringify(folder.file("late"))}])));
    await child.exited;`;
  const parent = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
  const { value } = await parent.stdout.getReader().read();
  const [, pid, late] = /^(\d+) (.*)\n$/.exec(new TextDecoder().decode(value)) ?? [];
  const child = Number(pid);
  await until(() => readFileSync(`/proc/${child}/comm`, "utf8") === "sleep\n");
  process.kill(child, "SIGSTOP");
  parent.kill("SIGKILL");
  await parent.exited;
  await until(() => processStat(child)?.zombie !== false);
  // Started now, its parent is another process than the one it is tied to.
  expect(await Bun.spawn(JSON.parse(late ?? "") as string[]).exited).not.toBe(0);
  expect(await Bun.file(folder.file("late")).exists()).toBe(false);
});
