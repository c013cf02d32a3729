import { constants, lstat, open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { didYouMean } from "../../kernel/core/nearest.ts";
import { errnoText } from "../../kernel/errno.ts";
import { Exit, Expected, errno } from "../../kernel/errors.ts";
import { shownPath } from "../../kernel/paths.ts";
import { type Parsed, type Problem, parseConfig } from "../core/config.ts";
import { isModuleName, type ModuleConfig } from "../core/module.ts";
import { findCycles } from "../core/order.ts";

/**
 * Something wrong with a module. `file` is its `config.txt` as a person here would type it. Where it is the folder of
 * them all that is wrong, `name` is empty and `file` is that folder.
 */
export type ModuleProblem = Problem & { readonly name: string; readonly file: string };

/** What a folder of modules says. */
export type Folder = {
  /** Those whose file could be read, by name; the ones in `broken` among them can't run all the same. */
  readonly modules: ModuleConfig[];
  readonly problems: ModuleProblem[];
  /** The names of those that can't run as it is, each with a problem that says why. */
  readonly broken: string[];
  /** Where a key stands in a module's file; undefined when it isn't there. */
  lineOf(name: string, key: string): number | undefined;
  /** Whether a module's file, a broken one's too, says that a fresh start runs it; undefined where that can't be read. */
  enabledOf(name: string): boolean | undefined;
};

/** More than anyone writes by hand. */
const LARGEST = 1 << 20;
/** How much of it is read at a time. */
const AT_ONCE = 1 << 14;

/** Where a module's config is. */
export const configOf = (dir: string, name: string): string => join(dir, name, "config.txt");

/**
 * Reads every module of a folder. What is wrong with one is told in `problems`, and the others are there.
 * @param dir absolute
 * @param mayBeEmpty whether a folder that is missing or has no module in it is a problem among the others: so it has to
 *   be for whoever runs modules already, and is to end them then
 * @throws Expected 78 when there is no such folder, or no module in it; 74 when it can't be read
 */
export async function readModules(dir: string, { mayBeEmpty = false } = {}): Promise<Folder> {
  const problems: ModuleProblem[] = [];
  let found: Read[] = [];
  try {
    found = (await Promise.all((await namesIn(dir)).map((name) => readModule(dir, name)))).flat();
    if (found.length === 0) {
      throw new Expected(Exit.config, `there is no module in ${shownPath(dir)}`, beginning(dir));
    }
  } catch (error) {
    if (!mayBeEmpty || !(error instanceof Expected) || error.exit !== Exit.config) throw error;
    const { message: text, hint } = error;
    const file = shownPath(dir);
    problems.push({ name: "", file, line: undefined, text, ...(hint === undefined ? {} : { hint }) });
  }
  const modules = found.flatMap(({ config }) => config ?? []);
  const read = new Map(found.map((each) => [each.name, each]));
  const lineOf = (name: string, key: string) => read.get(name)?.lines.get(key);
  problems.push(...found.flatMap(({ problems }) => problems));
  const broken = new Set(found.flatMap(({ name, problems }) => (problems.length > 0 ? [name] : [])));
  const among = (name: string, text: string, hint?: string) => {
    const line = lineOf(name, "depends_on");
    problems.push(problemOf(dir, name, { line, text, ...(hint === undefined ? {} : { hint }) }));
    broken.add(name);
  };
  const names = [...read.keys()].filter(isModuleName);
  for (const { name, dependsOn } of modules) {
    for (const on of dependsOn.filter((on) => !names.includes(on))) {
      among(name, `depends_on: there is no module ${on}`, didYouMean(on, names));
    }
  }
  const circles = findCycles(modules);
  for (const { name } of modules) {
    const circle = circles.find((names) => names.includes(name));
    if (!circle) continue;
    const at = circle.indexOf(name);
    const way = [...circle.slice(at), ...circle.slice(0, at), name].join(" → ");
    among(name, `depends_on: they wait for each other: ${way}`);
  }
  return {
    modules,
    problems,
    broken: [...broken].filter(isModuleName),
    lineOf,
    enabledOf: (name) => read.get(name)?.enabled,
  };
}

/** How to make a first module, that needs nothing but a shell. */
function beginning(dir: string): string {
  const path = join(shownPath(dir), "clock");
  const folder = /^[\w./@%+,:-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
  const config = String.raw`command = sh -c "while date; do sleep 1; done"\nready = 1s\n`;
  return `mkdir -p ${folder} && printf '${config}' > ${folder}/config.txt`;
}

/** What may be modules: folders and links, sorted. */
async function namesIn(dir: string): Promise<string[]> {
  try {
    const entries = await readdir(dir, { withFileTypes: true });
    return entries
      .filter((entry) => !entry.name.startsWith(".") && (entry.isDirectory() || entry.isSymbolicLink()))
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    const code = errno(error);
    if (code === "ENOENT")
      throw new Expected(Exit.config, `there is no folder ${shownPath(dir)}`, beginning(dir));
    if (code === "ENOTDIR") {
      const hint = "--dir, or the setting modules.dir, says where the modules are";
      throw new Expected(Exit.config, `${shownPath(dir)} isn't a folder`, hint);
    }
    throw new Expected(Exit.io, `${shownPath(dir)} can't be read: ${errnoText(error)}`);
  }
}

type Read = Omit<Parsed, "problems"> & { readonly name: string; readonly problems: readonly ModuleProblem[] };

/** Beside the modules stint keeps files of its own, whose names begin so. */
const OWN = ["events.log", "running_modules"];
/** What stands for each byte of a name that isn't UTF-8. */
const UNREADABLE = "\ufffd";

/** @returns undefined for a folder without a `config.txt`, which is none of ours */
async function readModule(dir: string, name: string): Promise<Read | []> {
  const failed = (text: string, hint?: string): Read => {
    const problem = { line: undefined, text, ...(hint === undefined ? {} : { hint }) };
    return { name, problems: [problemOf(dir, name, problem)], enabled: undefined, lines: new Map() };
  };
  // Nothing in it can be looked for by that name.
  if (name.includes(UNREADABLE)) return failed("the folder's name isn't text in UTF-8");
  let text: string;
  try {
    text = await readText(configOf(dir, name));
  } catch (error) {
    if (error instanceof Expected) return failed(error.message, error.hint);
    const code = errno(error);
    if ((code === "ENOENT" || code === "ENOTDIR") && !(await leadsNowhere(dir, name))) return [];
    return failed(`it can't be read: ${errnoText(error)}`);
  }
  if (!isModuleName(name)) {
    const own = OWN.find((beginning) => name.startsWith(beginning));
    const hint = own && `stint keeps files whose names begin with ${own}`;
    return failed(
      "the folder's name can't be a module's",
      hint ?? "letters, digits and _ . @ + -, at most 64",
    );
  }
  const { problems, ...read } = parseConfig(text, { name, folder: join(dir, name) });
  return { name, ...read, problems: problems.map((problem) => problemOf(dir, name, problem)) };
}

/** Whether there is a link, for the folder or the file, whose end is gone. */
async function leadsNowhere(dir: string, name: string): Promise<boolean> {
  for (const path of [join(dir, name), configOf(dir, name)]) {
    const link = await lstat(path).catch(() => undefined);
    if (link?.isSymbolicLink() && !(await stat(path).catch(() => undefined))) return true;
  }
  return false;
}

/** @throws Expected for what isn't text, else as {@link readConfig} does */
async function readText(path: string): Promise<string> {
  const bytes = await readConfig(path);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Expected(Exit.config, "it isn't text in UTF-8");
  }
}

/**
 * A `config.txt` as it is. Whatever a module's folder holds in its place, nothing is waited for.
 * @throws Expected 78 for what isn't a regular file, or too large for a config; the system's error
 */
export async function readConfig(path: string): Promise<Uint8Array> {
  // Looked at before it is opened, since opening is what some devices act on.
  if (!(await stat(path)).isFile()) throw new Expected(Exit.config, "it isn't a regular file");
  // It may be another by now: a pipe isn't waited for, and of what has no end no more is read.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const parts: Uint8Array[] = [];
    for (let size = 0; size <= LARGEST; ) {
      const { bytesRead, buffer } = await file.read({ buffer: Buffer.alloc(AT_ONCE) });
      if (bytesRead === 0) return Buffer.concat(parts);
      parts.push(buffer.subarray(0, bytesRead));
      size += bytesRead;
    }
    throw new Expected(Exit.config, "it is larger than 1 MiB");
  } finally {
    await file.close();
  }
}

const problemOf = (dir: string, name: string, problem: Problem): ModuleProblem => ({
  name,
  file: shownPath(configOf(dir, name)),
  ...problem,
});
