import { writeFileSync } from "node:fs";
import { Exit, Expected, errno, message } from "../../kernel/errors.ts";

/** Writes a file where the user says. @throws Expected 74 */
export function writeOut(path: string, content: string | Uint8Array): void {
  try {
    writeFileSync(path, content);
  } catch (error) {
    throw new Expected(Exit.io, `${path} can't be written: ${errno(error) ?? message(error)}`);
  }
}
