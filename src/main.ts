import { constants } from "node:os";
import { Exit } from "./kernel/errors.ts";
import { Life } from "./kernel/life.ts";
import { Output } from "./kernel/output.ts";

/** From the command line to the exit code: signals and crashes are heard here, and nowhere else is left from. */

const output = new Output({ json: false });
const life = new Life((code) => process.exit(code));

for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(name, () => life.signal(name, constants.signals[name]));
}

function crashed(error: unknown): void {
  if (life.crash(error)) return;
  output.failure(error);
  process.exit(Exit.internal);
}
process.on("uncaughtException", crashed);
process.on("unhandledRejection", crashed);

function leave(code: number): void {
  const { cause } = life;
  if (cause?.kind === "crash") output.failure(cause.error);
  // Everything was written synchronously: nothing is cut off here, and nothing that was left behind holds us.
  process.exit(cause === undefined ? code : cause.kind === "crash" ? Exit.internal : 128 + cause.number);
}

// Not awaited at the top: while a top-level await is pending Bun prints an uncaught error and goes on.
void import("./cli.ts")
  .then(({ cli }) => cli(process.argv.slice(2), life))
  .then(leave, (error: unknown) => {
    output.failure(error);
    const { exit } = error as { exit?: unknown };
    leave(typeof exit === "number" ? exit : Exit.internal);
  });
