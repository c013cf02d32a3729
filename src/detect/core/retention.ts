import type { Retention } from "./installation.ts";

/** Of a file that is kept, what is decided by: when it was made, UTC ms, and what it takes. */
export type KeptFile = { readonly name: string; readonly at: number; readonly bytes: number };

export const DAY_MS = 86_400_000;
const MB = 1_000_000;

/**
 * Which files have to go: those that are too old, and of the others the oldest until the rest takes no more than it may.
 * One of the future (the clock was set back) is as good as new.
 * @param files the oldest first
 * @param now UTC ms
 */
export function expired(
  files: readonly KeptFile[],
  { days, megabytes }: Pick<Retention, "days" | "megabytes">,
  now: number,
): KeptFile[] {
  const oldest = now - days * DAY_MS;
  let bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return files.filter((file) => {
    const goes = file.at < oldest || bytes > megabytes * MB;
    if (goes) bytes -= file.bytes;
    return goes;
  });
}
