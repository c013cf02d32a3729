import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Exit, Expected, errno } from "../../../kernel/errors.ts";
import { builtins } from "../../core/engine/strategies.ts";
import type { StrategySource } from "../../core/run.ts";

/** A strategy to run: where it is, and the SHA-256 of each of the user's files that it is made of, by their paths. */
export type FoundStrategy = { source: StrategySource; files: Record<string, string> };

/** Whether it is the name of a built-in strategy. */
export const isBuiltin = (given: string): boolean => Object.hasOwn(builtins, given);
/** Whether it is the path of a file that could be a strategy, by its ending. */
export const isStrategyFile = (given: string): boolean => /\.[cm]?[jt]sx?$/.test(given);
/** What can be given, for one who has given something else. */
export const WHICH_STRATEGY = `built in: ${Object.keys(builtins).join(", ")}; or the path of a .ts file (stint backtest init NAME makes one)`;

/**
 * Finds a strategy by the name of a built-in one or the path of a TypeScript or JavaScript file.
 * @throws Expected 74 when there is no such file, 2 when it is neither
 */
export function findStrategy(given: string): FoundStrategy {
  if (isBuiltin(given)) return { source: { builtin: given }, files: {} };
  if (!isStrategyFile(given)) {
    throw new Expected(Exit.usage, `there is no strategy '${given}'`, WHICH_STRATEGY);
  }
  const file = resolve(given);
  return { source: { file }, files: hashSources(file, given) };
}

/** The file of a strategy that isn't as it was, if there is one. */
export function changedFile(before: FoundStrategy["files"], now: FoundStrategy["files"]): string | undefined {
  return Object.keys({ ...before, ...now }).find((path) => before[path] !== now[path]);
}

/** What a module asks for by a relative path: import, export … from, import(), require(). */
const RELATIVE = /(?:from|import|require)\s*\(?\s*["'`](\.[^"'`]+)["'`]/g;

/** The hashes of a file and of the files it imports by relative path, and so on, so that an edit of any is noticed. */
function hashSources(entry: string, given: string): Record<string, string> {
  const hashes: Record<string, string> = {};
  const add = (path: string, imported: boolean) => {
    if (hashes[path] !== undefined) return;
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch (error) {
      // What an import can't find the loading will report, in its own words.
      if (imported) return;
      const why = errno(error) === "ENOENT" ? "there is no such file" : `${errno(error)}`;
      throw new Expected(Exit.io, `strategy ${given} can't be read: ${why}`);
    }
    hashes[path] = createHash("sha256").update(text).digest("hex");
    for (const [, specifier = ""] of text.matchAll(RELATIVE)) {
      const target = found(resolve(dirname(path), specifier));
      if (target) add(target, true);
    }
  };
  add(entry, false);
  return hashes;
}

/** The file that an import means; extensions may be left out. */
function found(path: string): string | undefined {
  return ["", ".ts", ".tsx", ".js", ".mjs", ".cjs", ".json", "/index.ts", "/index.js"]
    .map((extension) => path + extension)
    .find((candidate) => statSync(candidate, { throwIfNoEntry: false })?.isFile());
}
