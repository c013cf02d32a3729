import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { Exit, Expected, errno } from "../../kernel/errors.ts";
import { builtins } from "../core/strategies.ts";
import type { StrategySource } from "./protocol.ts";

/** A strategy to run: where it is, what it is called, and the hash of everything of the user's that it is made of. */
export type FoundStrategy = { source: StrategySource; name: string; hash: string };

/**
 * Finds a strategy by the name of a built-in one or the path of a TypeScript or JavaScript file.
 * @throws Expected 74 when there is no such file, 2 when it is neither
 */
export function findStrategy(given: string): FoundStrategy {
  if (Object.hasOwn(builtins, given)) return { source: { builtin: given }, name: given, hash: "builtin" };
  if (!/\.[cm]?[jt]sx?$/.test(given)) {
    const hint = `built in: ${Object.keys(builtins).join(", ")}; or the path of a .ts file (stint backtest init NAME makes one)`;
    throw new Expected(Exit.usage, `there is no strategy '${given}'`, hint);
  }
  const file = resolve(given);
  return { source: { file }, name: basename(given).replace(/\.\w+$/, ""), hash: hashSources(file, given) };
}

/** SHA-256 of a file and of the files it imports by relative path, so that an edit of any is noticed. */
function hashSources(entry: string, given: string): string {
  const hash = createHash("sha256");
  const seen = new Set<string>();
  const add = (path: string, from?: string) => {
    if (seen.has(path)) return;
    seen.add(path);
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch (error) {
      // What an import can't find the loading will report, in its own words.
      if (from !== undefined) return;
      const why = errno(error) === "ENOENT" ? "there is no such file" : `${errno(error)}`;
      throw new Expected(Exit.io, `strategy ${given} can't be read: ${why}`);
    }
    hash.update(`${text.length}:${text}`);
    for (const [, specifier] of text.matchAll(/(?:from|import)\s*\(?\s*["'](\.[^"']+)["']/g)) {
      const target = found(resolve(dirname(path), specifier ?? ""));
      if (target) add(target, path);
    }
  };
  add(entry);
  return hash.digest("hex");
}

/** The file that an import means; extensions may be left out. */
function found(path: string): string | undefined {
  return ["", ".ts", ".tsx", ".js", ".json", "/index.ts", "/index.js"]
    .map((extension) => path + extension)
    .find((candidate) => statSync(candidate, { throwIfNoEntry: false })?.isFile());
}
