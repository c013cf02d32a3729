import { randomBytes } from "node:crypto";
import { link, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Exit, Expected, errno, message } from "./errors.ts";

/** Names of files that a killed save left behind end so. */
const UNFINISHED = /^\.(.+)\.[0-9a-f]{16}\.stint-save$/;

/**
 * Writes a whole file: whoever reads sees the old one or the new, whenever we are killed, and once it resolves the new
 * one survives power loss. It keeps the owner and the mode of the one that was there, else it is ours and private. One save
 * of a file at a time: a second would take the first one's temporary file for what a killed one left.
 * @param previous the name under which the one that was there is kept, in place of the one kept before
 * @throws Expected 74 when it can't be written; then the old one is there as it was
 */
export async function saveFile(path: string, content: string | Uint8Array, previous?: string): Promise<void> {
  const folder = dirname(path);
  const unfinished = () => join(folder, `.${basename(path)}.${randomBytes(8).toString("hex")}.stint-save`);
  const temporary = unfinished();
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const name of await readdir(folder)) {
      if (UNFINISHED.exec(name)?.[1] === basename(path)) await rm(join(folder, name), { force: true });
    }
    const before = await stat(path).catch(() => undefined);
    // Private until it is complete, whatever the file itself may be; O_EXCL follows no link that waits there.
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(content);
      const { uid, gid } = await file.stat();
      if (before && (before.uid !== uid || before.gid !== gid)) await file.chown(before.uid, before.gid);
      await file.chmod(before ? before.mode & 0o777 : 0o600);
      await file.sync();
    } finally {
      await file.close();
    }
    if (before && previous !== undefined) {
      const second = unfinished();
      await link(path, second);
      await rename(second, previous);
    }
    await rename(temporary, path);
    await syncFolder(folder);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw new Expected(Exit.io, `${path} can't be written: ${errno(error) ?? message(error)}`);
  }
}

/** Makes the names in a folder survive power loss. Windows opens no folders, and needs it not. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
