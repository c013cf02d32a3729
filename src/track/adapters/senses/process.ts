import { readFileSync } from "node:fs";

/** The name of a process, `comm` of proc(5); null when it has ended, or is in another namespace. */
export function processName(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trimEnd();
  } catch {
    return null;
  }
}
