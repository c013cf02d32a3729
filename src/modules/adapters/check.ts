import { accessSync, constants, statSync } from "node:fs";
import { resolve } from "node:path";
import type { Context, Options } from "../../kernel/command.ts";
import { oneLine } from "../../kernel/core/plain.ts";
import { errnoText } from "../../kernel/errno.ts";
import { Exit } from "../../kernel/errors.ts";
import type { Output } from "../../kernel/output.ts";
import { shownPath } from "../../kernel/paths.ts";
import { findProgram } from "../../kernel/programs.ts";
import { printTable } from "../../kernel/table.ts";
import type { ModuleConfig } from "../core/module.ts";
import { configOf, type ModuleProblem, readModules } from "./folder.ts";
import { settings } from "./settings.ts";

/** The folder of the modules, absolute: `--dir`, else the setting `modules.dir`, from the current folder. */
export async function dirOf(options: Options): Promise<string> {
  return resolve((options["dir"] as string | undefined) ?? (await settings()).modules.dir);
}

/**
 * `stint modules check`: what is wrong with the modules, and that their programs and folders are there. A module whose
 * program isn't there isn't broken, since it may be by the time it is started; as things are it can't be, which the last
 * line says of the broken ones and of it.
 * @returns 0, or 78 when there is a problem
 * @throws as {@link readModules} does
 */
export async function check({ output }: Context, options: Options): Promise<number> {
  const dir = await dirOf(options);
  const { modules, problems, broken, lineOf } = await readModules(dir);
  const missing = modules.flatMap((module): ModuleProblem[] => {
    const wrong = notThere(module);
    if (!wrong) return [];
    const { key, text } = wrong;
    const { name } = module;
    const line = lineOf(name, key);
    return [{ name, file: shownPath(configOf(dir, name)), line, text: `${key}: ${text}` }];
  });
  const all = [...problems, ...missing].sort((a, b) =>
    a.name === b.name ? (a.line ?? 0) - (b.line ?? 0) : a.name < b.name ? -1 : 1,
  );
  if (!output.json)
    list(
      output,
      modules.filter(({ name }) => !all.some((problem) => problem.name === name)),
    );
  for (const { name, file, line, text, hint } of all) {
    output.emit({ type: "problem", name, file, line: line ?? null, text, hint: hint ?? null }, () => {
      const place = output.paint(33, oneLine(line === undefined ? file : `${file}:${line}`));
      return `${place}: ${oneLine(text)}${hint === undefined ? "" : `\n  ${oneLine(hint)}`}`;
    });
  }
  const count = new Set([...modules.map(({ name }) => name), ...broken]).size;
  const unstartable = [...new Set([...broken, ...missing.map(({ name }) => name)])].sort();
  output.emit(
    { type: "modules_check", dir, modules: count, broken, unstartable, problems: all.length },
    () => {
      const what = all.length === 0 ? "no problem" : counted(all.length, "problem");
      const which = unstartable.length === 0 ? "" : `: ${unstartable.length} can't be started`;
      return `${counted(count, "module")}, ${what}${which}`;
    },
  );
  return all.length === 0 ? Exit.ok : Exit.config;
}

const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;

function list(output: Output, modules: readonly ModuleConfig[]): void {
  if (modules.length === 0) return;
  const rows = modules.map(({ name, enabled, command }) => ({
    cells: [name, enabled ? "yes" : "no", command.join(" ")],
  }));
  printTable(output, ["module", "enabled", "command"], rows, 2);
  output.text("\n");
}

/** What a module needs of the file system that isn't there. */
function notThere({ cwd, env, command: [program] }: ModuleConfig): { key: string; text: string } | undefined {
  try {
    if (!statSync(cwd).isDirectory()) return { key: "cwd", text: `${shownPath(cwd)}: not a directory` };
  } catch (error) {
    return { key: "cwd", text: `${shownPath(cwd)}: ${errnoText(error)}` };
  }
  if (!program.includes("/")) {
    // With a PATH of its own it is looked for elsewhere.
    if (env["PATH"] !== undefined || findProgram(program) !== undefined) return undefined;
    return { key: "command", text: `${program}: no such file or directory in the PATH` };
  }
  const path = resolve(cwd, program);
  try {
    accessSync(path, constants.X_OK);
    if (statSync(path).isFile()) return undefined;
    return { key: "command", text: `${shownPath(path)}: is a directory` };
  } catch (error) {
    return { key: "command", text: `${shownPath(path)}: ${errnoText(error)}` };
  }
}
