import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { Exit, Expected, message } from "./errors.ts";
import { privateFolder } from "./paths.ts";

/** A file that a native addon is made of, as the build embedded it in the executable. */
interface NativeFile {
  /** Where it goes below the addon's own folder: its RPATH expects the layout of node_modules. */
  readonly path: string;
  /** Where it lies inside the executable. */
  readonly from: string;
  /** Of its content, in hex, taken at build time. */
  readonly sha256: string;
}

/** A native addon in the executable: `build/native.ts` writes these into the bundle. */
export interface NativeAddon {
  readonly name: string;
  readonly version: string;
  /** The `.node` file comes first, then the libraries it is linked to. */
  readonly files: readonly [NativeFile, ...NativeFile[]];
}

/**
 * Loads an addon and returns what it exports. The dynamic linker only opens real files, so they are unpacked into the
 * user's cache, once.
 *
 * @throws Expected when the cache can't be written or trusted, or the machine can't load the addon
 */
export function native(addon: NativeAddon): unknown {
  const path = unpack(addon);
  const module = { exports: {} };
  try {
    process.dlopen(module, path);
  } catch (error) {
    throw new Expected(
      Exit.unavailable,
      `can't load ${addon.name}: ${message(error)}`,
      "if its folder is mounted noexec, set XDG_CACHE_HOME to one that isn't",
    );
  }
  return module.exports;
}

/** What the build puts in an addon's place when it has no files for the platform it builds for. */
export function notInThisBuild(name: string, platform: string): never {
  throw new Expected(Exit.unavailable, `${name} is not in this build of stint (${platform})`);
}

/**
 * Puts an addon's files under `$XDG_CACHE_HOME/stint/native/` and returns the path of its `.node` file.
 *
 * Whoever can write there runs code as us, so nothing found there is believed: every folder must be ours alone, and
 * every file is hashed on every call, and replaced unless it is what was built in. Between the check and its use
 * only this user could change a file, and that user needs no trick to run code here.
 */
export function unpack(addon: NativeAddon): string {
  const cache = cacheHome();
  const hash = createHash("sha256");
  for (const file of addon.files) hash.update(`${file.path}\0${file.sha256}\n`);
  const folder = `${addon.name.replaceAll("/", "+")}-${addon.version}-${hash.digest("hex").slice(0, 16)}`;
  try {
    trustBase(cache);
    const root = privateFolders(cache, ["stint", "native", folder]);
    for (const file of addon.files) {
      privateFolders(root, dirname(file.path).split("/"));
      const path = join(root, file.path);
      if (!isIntact(path, file.sha256)) put(file, path);
    }
    return join(root, addon.files[0].path);
  } catch (error) {
    if (error instanceof Expected) throw error;
    throw new Expected(Exit.io, `can't unpack ${addon.name} to ${cache}: ${message(error)}`, elsewhere);
  }
}

const elsewhere = "set XDG_CACHE_HOME to a folder of your own";

/** The mode bit of a folder, such as /tmp, in which only its owner may rename or remove a file. */
const sticky = 0o1000;

/** Nobody but root and we may be able to exchange what we make in it. */
function trustBase(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const found = statSync(path);
  const uid = process.getuid?.();
  if (uid === undefined) return; // Windows: a user's folders are closed to others by their ACL, and modes mean nothing
  if (found.uid !== uid && found.uid !== 0) {
    throw new Expected(Exit.config, `the cache folder ${path} belongs to another user`, elsewhere);
  }
  if (found.mode & 0o002 && !(found.mode & sticky)) {
    throw new Expected(Exit.config, `anyone can exchange files in the cache folder ${path}`, elsewhere);
  }
}

/** Makes one folder in the other, from the top, each private to us; returns the last. */
const privateFolders = (base: string, names: readonly string[]): string =>
  names.reduce((path, name) => privateFolder(join(path, name), "XDG_CACHE_HOME"), base);

/** Whether the file is ours alone and holds what was built in. */
function isIntact(path: string, sha256: string): boolean {
  let fd: number;
  try {
    // Neither following a link nor waiting for the other end of a FIFO.
    fd = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch {
    return false;
  }
  try {
    const found = fstatSync(fd);
    const uid = process.getuid?.();
    if (!found.isFile()) return false;
    if (uid !== undefined && (found.uid !== uid || found.mode & 0o022)) return false;
    return sha256Of(readFileSync(fd)) === sha256;
  } finally {
    closeSync(fd);
  }
}

/** Under a name of its own first: other processes see no file or the whole file, and one in use stays as it is. */
function put(file: NativeFile, path: string): void {
  const content = readFileSync(file.from);
  if (sha256Of(content) !== file.sha256) throw new Error(`${file.path} is damaged inside the executable`);
  const temporary = `${path}.${randomBytes(8).toString("hex")}.tmp`;
  try {
    writeFileSync(temporary, content, { flag: "wx", mode: 0o600 });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

const sha256Of = (content: Uint8Array): string => createHash("sha256").update(content).digest("hex");

/** As the XDG specification has it: a relative path is no path. */
function cacheHome(): string {
  const path = process.env["XDG_CACHE_HOME"];
  return path !== undefined && isAbsolute(path) ? path : join(homedir(), ".cache");
}
