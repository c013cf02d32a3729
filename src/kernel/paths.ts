import { chmodSync, lstatSync, mkdirSync, statSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { isAbsolute, join, relative } from "node:path";
import { Exit, Expected, errno } from "./errors.ts";

/** Where stint keeps things: the XDG base directories. Nothing is made until it is asked for. */

function base(variable: string, fallback: string): string {
  const value = process.env[variable];
  // The specification says to ignore relative paths.
  return value?.startsWith("/") || (value && /^[A-Za-z]:[\\/]/.test(value))
    ? value
    : join(homedir(), fallback);
}

/**
 * A private folder of ours, made when missing.
 * @throws Expected 74 when it can't be made, 78 when it is somebody else's
 */
export function privateFolder(path: string, variable: string): string {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Expected(
      Exit.io,
      `the folder ${path} can't be made: ${errno(error)}`,
      `set ${variable} to a folder that can be written`,
    );
  }
  const stat = statSync(path);
  const uid = process.getuid?.();
  // A link to a folder elsewhere is fine if we made it; another user's may lead anywhere.
  const foreign = uid !== undefined && (stat.uid !== uid || lstatSync(path).uid !== uid);
  if (!stat.isDirectory() || foreign) {
    throw new Expected(Exit.config, `${path} isn't a folder of yours`, `set ${variable} to one that is`);
  }
  // A restored backup may have left it open: what is in it is private.
  if (uid !== undefined && (stat.mode & 0o077) !== 0) chmodSync(path, 0o700);
  return path;
}

/** The store and what belongs to the user's history. */
export const dataFolder = (): string => privateFolder(dataPath(), "XDG_DATA_HOME");
/** Where {@link dataFolder} is or would be. */
export const dataPath = (): string => join(base("XDG_DATA_HOME", ".local/share"), "stint");

/** Logs, and the lock and address of each host. */
export const stateFolder = (): string => privateFolder(statePath(), "XDG_STATE_HOME");
/** Where {@link stateFolder} is or would be. */
export const statePath = (): string => join(base("XDG_STATE_HOME", ".local/state"), "stint");

/** The user's configuration file; it may be missing. */
export const userConfigPath = (): string => join(base("XDG_CONFIG_HOME", ".config"), "stint", "config.yaml");
/** The configuration file of a project: looked for in the current folder alone; it may be missing. */
export const projectConfigPath = (): string => join(process.cwd(), "stint.yaml");

/** A path as one would type it here. */
export function shownPath(path: string): string {
  let from: string;
  try {
    from = relative(process.cwd(), path);
  } catch {
    return path; // the current folder is gone
  }
  return from === "" || from === ".." || from.startsWith("../") || isAbsolute(from) ? path : from;
}

/** sun_path holds 104 bytes on macOS, 108 on Linux, with a final zero. */
const LONGEST_SOCKET_PATH = 103;

/** FNV-1a, 64 bits: to tell names apart, not to keep secrets (and loading node:crypto takes 9 ms). */
function fingerprint(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(36);
}

/**
 * The path of the control socket of the host with this seat, in the run folder: short, and another one for each state
 * folder, so that two hosts that may live side by side never want the same. `ws+unix:` addresses and many programs
 * stumble over anything but plain ASCII: a run folder that isn't, or that belongs to somebody else (left in the
 * environment by `su`), is left for one in the temporary folder.
 */
export function socketPath(seat: string): string {
  const file = `${seat.split(".")[0]}-${fingerprint(`${statePath()}\0${seat}`)}.sock`;
  const uid = process.getuid?.();
  const runtime = process.env["XDG_RUNTIME_DIR"] ?? "";
  const path = join(runtime, "stint", file);
  const plain = /^\/[\w./@%+,=~-]+$/.test(path) && Buffer.byteLength(path) <= LONGEST_SOCKET_PATH;
  if (plain && uid !== undefined && statSync(runtime, { throwIfNoEntry: false })?.uid === uid) {
    return join(privateFolder(join(runtime, "stint"), "XDG_RUNTIME_DIR"), file);
  }
  const folder = uid === undefined ? join(tmpdir(), "stint") : `/tmp/stint-${uid}`;
  return join(privateFolder(folder, "XDG_RUNTIME_DIR"), file);
}
