import { writeFileSync } from "node:fs";
import { Exit, Expected, errno, message } from "../../kernel/errors.ts";

/** Writes a file where the user says; a new one is only theirs to read. @param flag "wx" to refuse one that exists, with Expected 1 @throws Expected 74 */
export function writeOut(path: string, content: string | Uint8Array, flag: "w" | "wx" = "w"): void {
  try {
    writeFileSync(path, content, { flag, mode: 0o600 });
  } catch (error) {
    if (errno(error) === "EEXIST") throw new Expected(Exit.no, `${path} exists already`, "give another name");
    throw new Expected(Exit.io, `${path} can't be written: ${errno(error) ?? message(error)}`);
  }
}
