/** A process that changes the installation without end, to be killed. Says each number it has saved. */
import { writeSync } from "node:fs";
import { changeInstallation, loadInstallation } from "../../src/detect/adapters/installation.ts";

const { installation } = await loadInstallation("default");
for (let next = installation.retention.megabytes + 1; ; next++) {
  await changeInstallation("default", (raw) => {
    raw.retention = { ...raw.retention, megabytes: next };
  });
  writeSync(1, `${next}\n`);
}
