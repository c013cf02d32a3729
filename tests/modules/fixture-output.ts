/** Takes in a module's output until it is killed: `bun fixture-output.ts RAW LOG`. Says on stdout what has happened. */
import { rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { openOutput } from "../../src/modules/adapters/output.ts";
import { fill } from "../support/small-disk.ts";

const [raw = "", log = ""] = process.argv.slice(2);
const say = (text: string) => process.stdout.write(`${text}\n`);

const output = await openOutput({
  raw,
  log,
  maxBytes: 1 << 30,
  keep: 1,
  line: (text) => {
    if (text.startsWith("say ")) say(text);
  },
  failed: (error) => say(`failed ${(error as { code?: string }).code}`),
});
say("open");
for await (const line of createInterface({ input: process.stdin })) {
  const [what, path = ""] = line.split(" ");
  if (what === "fill") fill(path);
  if (what === "remove") rmSync(path);
  if (what === "drain") await output.drain();
  say(`done ${what}`);
}
