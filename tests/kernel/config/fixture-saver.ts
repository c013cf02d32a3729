/** A process that saves the user's file without end, to be killed. Says each number it has saved. */
import { readFileSync, writeSync } from "node:fs";
import { parse } from "yaml";
import { setConfig } from "../../../src/kernel/config/save.ts";
import { logSection } from "../../../src/kernel/config/section.ts";
import { userConfigPath } from "../../../src/kernel/paths.ts";

const saved = parse(readFileSync(userConfigPath(), "utf8")).log.max_bytes as number;
for (let next = saved + 1; ; next++) {
  await setConfig([logSection], "user", "log.max_bytes", String(next));
  writeSync(1, `${next}\n`);
}
