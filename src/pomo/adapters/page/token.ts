import { randomBytes } from "node:crypto";
import {
  closeSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Exit, Expected, errno } from "../../../kernel/errors.ts";
import { stateFolder } from "../../../kernel/paths.ts";

/** 32 random bytes in base64url. */
const FORM = /^[\w-]{43}$/;

/**
 * The token that the page of a profile is opened with, from `$XDG_STATE_HOME/stint/pomo.PROFILE.token`; made on first
 * use, for its owner's eyes only. Of two processes that make it at once, both get the same.
 * @param warn told when others could have read it
 * @throws Expected 74 when it can't be read or made, 78 when the file holds something else
 */
export function pageToken(profile: string, warn: (text: string) => void): string {
  const path = join(stateFolder(), `pomo.${profile}.token`);
  try {
    return read(path, warn) ?? make(path) ?? pageToken(profile, warn);
  } catch (error) {
    if (error instanceof Expected) throw error;
    throw new Expected(Exit.io, `${path} can't be read or made: ${errno(error)}`, "is its folder writable?");
  }
}

/** @returns undefined when there is none */
function read(path: string, warn: (text: string) => void): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    if (errno(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    // On Windows the mode says nothing: the folder is the user's own.
    if (process.platform !== "win32" && (fstatSync(fd).mode & 0o077) !== 0) {
      fchmodSync(fd, 0o600);
      warn(`${path} was open to others and isn't any more; remove it for a new token`);
    }
    const token = readFileSync(fd, "utf8").trim();
    if (FORM.test(token)) return token;
    throw new Expected(Exit.config, `${path} holds no token`, "remove it: a new one is made");
  } finally {
    closeSync(fd);
  }
}

/** @returns undefined when another process was first */
function make(path: string): string | undefined {
  const token = randomBytes(32).toString("base64url");
  // Whole before it has its name: nobody reads half of one.
  const fresh = `${path}.${randomBytes(8).toString("hex")}`;
  const fd = openSync(fresh, "wx", 0o600);
  try {
    writeFileSync(fd, `${token}\n`);
    fsyncSync(fd);
    linkSync(fresh, path);
    return token;
  } catch (error) {
    if (errno(error) === "EEXIST") return undefined;
    throw error;
  } finally {
    closeSync(fd);
    rmSync(fresh, { force: true });
  }
}
