/**
 * A host with a guard: fixture-host.ts source|executable BOARD=SOCKET… Says a line of JSON when it is ready and for what it is told of, and
 * does what it is told on stdin, a line each: `on BOARD CHANNEL`, `off BOARD CHANNEL`, `stuck MS`, `end`.
 */
import { createInterface } from "node:readline";
import { Guard } from "../../../src/detect/adapters/guard/client.ts";
import { systemClock } from "../../../src/kernel/clock.ts";
import { message } from "../../../src/kernel/errors.ts";
import { simulated } from "../../support/board.ts";
import { KeptLog } from "../../support/kept-log.ts";
import { stint } from "../../support/sandbox.ts";

const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
const [which, ...words] = process.argv.slice(2);
const boards = words.map((word) => {
  const [name = "", socket = ""] = word.split("=");
  return simulated(name, socket);
});
const guard = await Guard.open(
  boards,
  {
    log: new KeptLog(),
    // The backoff is meant for guards that die at once: fifty that are killed would take minutes.
    clock: { ...systemClock, sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 100), signal) },
    command: [...(which === "executable" ? stint.executable : stint.source)] as [string, ...string[]],
    events: {
      fired: (why) => say({ event: "fired", why }),
      dead: (why) => say({ event: "dead", why }),
      ready: (pid) => say({ event: "ready", pid }),
      board: (name, present) => say({ event: "board", name, present }),
    },
  },
  new AbortController().signal,
);
say({ event: "open", guard: guard.pid });

for await (const line of createInterface({ input: process.stdin })) {
  const [verb, word = "", channel] = line.split(" ");
  if (verb === "stuck") Bun.sleepSync(Number(word));
  if (verb === "end") break;
  if (verb !== "on" && verb !== "off") continue;
  await guard.set(word, Number(channel), verb === "on").then(
    () => say({ did: line }),
    (error) => say({ failed: message(error) }),
  );
}
await guard[Symbol.asyncDispose]();
say({ event: "ended" });
