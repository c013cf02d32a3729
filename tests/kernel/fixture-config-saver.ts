/** A process that saves without end, to be killed: `bun fixture-config-saver.ts USER_FILE`. Says each number it has saved. */
import { readFileSync, writeSync } from "node:fs";
import { parse } from "yaml";
import { logSection, setConfig } from "../../src/kernel/config.ts";

const user = process.argv[2] ?? "";
const saved = parse(readFileSync(user, "utf8")).log.max_bytes as number;
for (let next = saved + 1; ; next++) {
  await setConfig([logSection], "user", "log.max_bytes", next, { user, project: `${user}.none`, env: {} });
  writeSync(1, `${next}\n`);
}
