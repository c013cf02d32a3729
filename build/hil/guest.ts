/**
 * What runs in the machine: `guest` plays the scenarios and prints a line for each, `guest board SERIAL CHANNELS` is a
 * board: it takes `plug` and `unplug` on its stdin, and tells each write as a line of JSON on its stdout.
 */
import { LINE } from "./line.ts";
import { UhidBoard } from "./uhid.ts";

const [what, serial = "", channels = ""] = process.argv.slice(2);
process.exit(what === "board" ? await board() : await play());

async function board(): Promise<number> {
  const made = new UhidBoard(serial, Number(channels), (write) => console.log(JSON.stringify(write)));
  for await (const line of console) {
    if (line === "plug") made.plug();
    if (line === "unplug") made.unplug();
  }
  return 0;
}

async function play(): Promise<number> {
  // Late: it plugs a board in.
  const { scenarios } = await import("./scenarios.ts");
  for (const [name, scenario] of Object.entries(scenarios)) {
    try {
      const detail = await scenario();
      console.log(`${LINE.ok}${name}${detail === undefined ? "" : ` (${detail})`}`);
    } catch (error) {
      console.log(`${LINE.failed}${name}: ${error instanceof Error ? error.message : error}`);
      console.log(error instanceof Error ? error.stack : "");
    }
  }
  console.log(LINE.end);
  return 0;
}
