import { getSystemErrorMap } from "node:util";
import { errno, message } from "./errors.ts";

/** What a system call that failed says of it: `permission denied`. As strerror(3), where there are words for it. */
export function errnoText(error: unknown): string {
  const code = errno(error);
  const known = [...getSystemErrorMap().values()].find(([name]) => name === code);
  return known?.[1] ?? message(error);
}
