import { closeSync, constants, openSync, readSync, statSync } from "node:fs";
import type { Document } from "yaml";
import { Exit, Expected, errno, message } from "../errors.ts";
import { projectConfigPath, userConfigPath } from "../paths.ts";
import { type Path, problem } from "./problems.ts";

/** A file of the configuration, whether it is there or not. */
export interface ConfigFile {
  readonly layer: "project" | "user";
  readonly path: string;
  /** What messages call it. */
  readonly label: string;
}

/** The files, first the one that wins. */
export function configFiles(): ConfigFile[] {
  const user = { layer: "user", path: userConfigPath(), label: userConfigPath() } as const;
  try {
    return [{ layer: "project", path: projectConfigPath(), label: "stint.yaml" }, user];
  } catch {
    // The current folder is gone, and its project with it.
    return [user];
  }
}

/** More than anyone writes by hand, and so little that nothing in it keeps the parser busy for long. */
const LARGEST_KB = 64;

/** The text of a regular file of sane size, undefined when there is none. @throws Expected 78, or 74 */
export function readText(
  { path, label }: Pick<ConfigFile, "path" | "label">,
  largestKb = LARGEST_KB,
): string | undefined {
  const largest = largestKb << 10;
  let fd: number | undefined;
  try {
    // Looked at before it is opened, since opening is what some devices act on.
    if (!statSync(path).isFile()) throw problem(`${label} isn't a regular file`);
    fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const bytes = Buffer.alloc(largest + 1);
    let size = 0;
    for (let got = -1; got !== 0; size += got) got = readSync(fd, bytes, size, bytes.length - size, null);
    if (size > largest)
      throw problem(`${label} is larger than ${largestKb} KB`, "that isn't a configuration");
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, size));
  } catch (error) {
    if (error instanceof Expected) throw error;
    if (error instanceof TypeError) throw problem(`${label} isn't text in UTF-8`);
    const code = errno(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw problem(`${label} can't be read: ${code ?? message(error)}`, "check its permissions", Exit.io);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

interface Parsed {
  readonly doc: Document;
  /** What it says, by section; a heading whose settings are all commented out says nothing. */
  readonly values: Record<string, Record<string, unknown>>;
  /** The line of a key or an item, or of the nearest thing around it that is there. */
  lineOf(path: Path): number;
  /** Its line and column. */
  placeOf(path: Path): { line: number; col: number };
}

/** @throws Expected 78 for what isn't a map in YAML, or unfolds too far */
export async function parseText(text: string, label: string): Promise<Parsed> {
  const { LineCounter, isMap, isNode, isScalar, isSeq, parseDocument } = await import("yaml");
  const lineCounter = new LineCounter();
  const doc = parseDocument(text, { lineCounter, prettyErrors: false, stringKeys: true, logLevel: "error" });
  const [wrong] = [...doc.errors, ...doc.warnings];
  if (wrong) {
    const { line, col } = lineCounter.linePos(wrong.pos[0]);
    throw problem(`${label}:${line}:${col}: ${wrong.message}`);
  }
  let value: unknown;
  try {
    value = doc.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (error) {
    throw problem(`${label}: ${message(error)}`);
  }
  if (typeof value !== "object" || Array.isArray(value)) throw problem(`${label} isn't a map of settings`);
  const placeOf = (path: Path) => {
    let node: unknown = doc.contents;
    let offset = 0;
    for (const step of path) {
      const pair = isMap(node)
        ? node.items.find(({ key }) => isScalar(key) && key.value === step)
        : undefined;
      const found = pair ? pair.key : isSeq(node) && node.items[Number(step)];
      if (isNode(found) && found.range) offset = found.range[0];
      node = pair ? pair.value : found;
    }
    return lineCounter.linePos(offset);
  };
  const values = Object.fromEntries(Object.entries(value as object).filter(([, body]) => body !== null));
  return { doc, values, placeOf, lineOf: (path) => placeOf(path).line };
}
