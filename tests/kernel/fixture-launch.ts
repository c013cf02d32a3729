/**
 * `launch WHAT [NAME=VALUE]` starts itself as a background host that does `WHAT`, with this in its environment, and says
 * as JSON what came of it.
 */
import { readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { isatty } from "node:tty";
import { Expected } from "../../src/kernel/errors.ts";
import { inBackground, launch, sayFailed, sayReady } from "../../src/kernel/launch.ts";

const [role, what = "", given = ""] = process.argv.slice(2);
const forever = () => setInterval(() => {}, 1000);

if (role === "launch") {
  if (what === "missing") process.execPath = "/nonexistent/stint";
  if (what === "removed") rmdirSync(process.cwd());
  try {
    const [name = "", value = ""] = given.split("=");
    const host = await launch(["host", what], name === "" ? {} : { [name]: value });
    console.log(JSON.stringify({ ...host, ours: process.env[name] ?? null }));
  } catch (error) {
    const { name, message, hint, exit } = error as Expected;
    console.log(JSON.stringify({ name, message, hint, exit }));
  }
} else {
  switch (what) {
    case "ready":
      sayReady("its-session");
      forever();
      break;
    case "report": {
      const before = inBackground();
      sayReady("its-session");
      // Said already: nothing comes of it.
      sayReady("another");
      sayFailed(new Error("too late"));
      const report = {
        cwd: process.cwd(),
        flavour: process.env["FLAVOUR"],
        sid: Number(readFileSync("/proc/self/stat", "utf8").replace(/.*\) /, "").split(" ")[3]),
        terminal: [0, 1, 2].some((fd) => isatty(fd)),
        ready: process.env["STINT_READY_FD"] ?? null,
        background: [before, inBackground()],
        argv: process.argv.slice(2),
      };
      writeFileSync("report.json", JSON.stringify(report));
      break;
    }
    case "fail":
      sayFailed(new Expected(69, "no cämera", "plug one in"));
      process.exit(69);
      break;
    case "bug":
      sayFailed(new Error("oh no"));
      process.exit(70);
      break;
    case "exit":
      process.stderr.write("its last words\n");
      process.exit(7);
      break;
    case "kill":
      process.kill(process.pid, "SIGKILL");
      break;
    case "orphan":
      Bun.spawn(["sleep", "30"], { stdio: ["ignore", "ignore", "ignore"] }).unref();
      process.exit(7);
      break;
  }
}
