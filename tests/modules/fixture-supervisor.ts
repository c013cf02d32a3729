/**
 * A supervisor to be killed: `bun fixture-supervisor.ts FOLDER RUN SCRIPT [--in CGROUP]` starts a module, says its record
 * as a line of JSON, and waits. With --in it joins that cgroup first.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { spawnModule } from "../../src/modules/adapters/process.ts";

const [folder = "", run = "", script = "", , cgroup] = process.argv.slice(2);
if (cgroup !== undefined) writeFileSync(join(cgroup, "cgroup.procs"), String(process.pid));
const module = await spawnModule({
  name: "camera",
  command: ["/bin/sh", "-c", script],
  cwd: folder,
  env: {},
  run,
  owner: "the tests",
  raw: join(folder, "raw"),
  stdin: join(folder, "stdin"),
});
process.stdout.write(`${JSON.stringify(module.record)}\n`);
setInterval(() => {}, 1 << 30);
