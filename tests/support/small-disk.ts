/** A disk that is full: a file system so small that it can be filled. */
import { closeSync, openSync, writeSync } from "node:fs";

/** What mounts one needs the right to: root, or a user namespace. */
const mounting = [
  ["unshare", "-m"],
  ["unshare", "-rm"],
].find((by) => Bun.spawnSync([...by, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/mnt"]).success);

/** Whether this machine lets us have one. */
export const canMount = mounting !== undefined;

/** A command in a name space of its own in which a folder is on such a disk, of so many MB. */
export function onSmallDisk(folder: string, command: readonly string[], megabytes = 1): string[] {
  const script = `mount -t tmpfs -o size=${megabytes}m tmpfs "$0" && exec "$@"`;
  return [...(mounting ?? []), "sh", "-c", script, folder, ...command];
}

/** Writes a file until nothing more fits. */
export function fill(path: string): void {
  const fd = openSync(path, "w");
  try {
    for (;;) writeSync(fd, Buffer.alloc(4096));
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOSPC") throw error;
  } finally {
    // While it is open its space isn't free again.
    closeSync(fd);
  }
}
