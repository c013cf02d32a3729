import { writeSync } from "node:fs";
import { isatty } from "node:tty";
import { Exit, Expected, errno } from "../../kernel/errors.ts";
import { sleepThread } from "../../kernel/runtime.ts";
import { saveFile } from "../../kernel/save.ts";

/** Pictures for people and programs: where `--png` puts them. */

/** @param to a file, or `-` for stdout @throws Expected 2 when a terminal would get it */
export function checkPngTarget(to: string): void {
  if (to === "-" && isatty(1)) {
    throw new Expected(Exit.usage, "a picture isn't written to a terminal", "name a file, or pipe it on");
  }
}

/** @param to a file, or `-` for stdout, where it ends early when the reader leaves @throws Expected 74 */
export async function writePng(to: string, png: Uint8Array): Promise<void> {
  if (to !== "-") return saveFile(to, png);
  let left = png;
  while (left.length > 0) {
    try {
      left = left.subarray(writeSync(1, left));
    } catch (error) {
      if (errno(error) === "EPIPE") return;
      // A pipe that somebody made non-blocking is full: nothing waits for that but asking again.
      if (errno(error) !== "EAGAIN") {
        throw new Expected(Exit.io, `stdout can't be written: ${errno(error)}`);
      }
      sleepThread(1);
    }
  }
}
