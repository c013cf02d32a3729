import { lstat, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { didYouMean } from "../../kernel/core/nearest.ts";
import { errnoText } from "../../kernel/errno.ts";
import { Exit, Expected, errno } from "../../kernel/errors.ts";
import { shownPath } from "../../kernel/paths.ts";
import { type Problem, parseConfig } from "../core/config.ts";
import { isModuleName, type ModuleConfig } from "../core/module.ts";
import { findCycles } from "../core/order.ts";

/** Something wrong with a module. `file` is its `config.txt` as a person here would type it. */
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
};

/** More than anyone writes by hand. */
const LARGEST = 1 << 20;

/** Where a module's config is. */
export const configOf = (dir: string, name: string): string => join(dir, name, "config.txt");

/**
 * Reads every module of a folder. What is wrong with one is told in `problems`, and the others are there.
 * @param dir absolute
 * @throws Expected 78 when there is no such folder, or no module in it; 74 when it can't be read
 */
export async function readModules(dir: string): Promise<Folder> {
  const found = (await Promise.all((await namesIn(dir)).map((name) => readModule(dir, name)))).flat();
  if (found.length === 0) throw new Expected(Exit.config, `there is no module in ${shownPath(dir)}`, HINT);
  const modules = found.flatMap(({ config }) => config ?? []);
  const lines = new Map(found.map((each) => [each.name, each.lines]));
  const problems = found.flatMap(({ problems }) => problems);
  const broken = new Set(found.flatMap(({ name, problems }) => (problems.length > 0 ? [name] : [])));
  const among = (name: string, text: string, hint?: string) => {
    const line = lines.get(name)?.get("depends_on");
    problems.push(problemOf(dir, name, { line, text, ...(hint === undefined ? {} : { hint }) }));
    broken.add(name);
  };
  const names = [...lines.keys()].filter(isModuleName);
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
    lineOf: (name, key) => lines.get(name)?.get(key),
  };
}

const HINT = `mkdir -p modules/camera && echo 'command = ffmpeg -i /dev/video0 out.mkv' > modules/camera/config.txt`;

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
    if (code === "ENOENT") throw new Expected(Exit.config, `there is no folder ${shownPath(dir)}`, HINT);
    if (code === "ENOTDIR") throw new Expected(Exit.config, `${shownPath(dir)} isn't a folder`, HINT);
    throw new Expected(Exit.io, `${shownPath(dir)} can't be read: ${errnoText(error)}`);
  }
}

type Read = {
  name: string;
  config?: ModuleConfig;
  problems: ModuleProblem[];
  lines: ReadonlyMap<string, number>;
};

/** @returns undefined for a folder without a `config.txt`, which is none of ours */
async function readModule(dir: string, name: string): Promise<Read | []> {
  const failed = (text: string, hint?: string): Read => {
    const problem = { line: undefined, text, ...(hint === undefined ? {} : { hint }) };
    return { name, problems: [problemOf(dir, name, problem)], lines: new Map() };
  };
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
    return failed("the folder's name can't be a module's", "letters, digits and _ . @ + -, at most 64");
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

/** @throws Expected for what isn't text, or the system's error */
async function readText(path: string): Promise<string> {
  // Looked at before it is opened, since opening is what some devices act on.
  const found = await stat(path);
  if (!found.isFile()) throw new Expected(Exit.config, "it isn't a regular file");
  if (found.size > LARGEST) throw new Expected(Exit.config, "it is larger than 1 MiB");
  const bytes = await readFile(path);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Expected(Exit.config, "it isn't text in UTF-8");
  }
}

const problemOf = (dir: string, name: string, problem: Problem): ModuleProblem => ({
  name,
  file: shownPath(configOf(dir, name)),
  ...problem,
});
