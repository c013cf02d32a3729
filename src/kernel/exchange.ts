import { randomBytes } from "node:crypto";
import {
  closeSync,
  createReadStream,
  existsSync,
  fchmodSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { isatty } from "node:tty";
import { printable } from "./config/problems.ts";
import { Exit, Expected, errno, message } from "./errors.ts";
import type { Output } from "./output.ts";

/** Texts for other programs, and theirs for us: into and out of files, stdout and stdin. */

/** What a file may have at most, unless a feature says otherwise, MB. */
const LARGEST_MB = 64;
/** Text is written in pieces of about so many characters: a history may be long. */
const PIECE = 64 * 1024;

/**
 * The format that was asked for, else the one a file's name tells.
 * @param known.names formats by extension in small letters (`.csv`), or by a file's whole name
 * @param known.choices all there are, in words
 * @throws Expected 2
 */
export function formatFor<Name extends string>(
  asked: unknown,
  path: string | undefined,
  { names, choices }: { names: Readonly<Record<string, Name>>; choices: string },
): Name {
  if (asked !== undefined) return asked as Name;
  const name = basename(path ?? "");
  const known = [extname(name).toLowerCase(), name].find((each) => Object.hasOwn(names, each));
  const guess = known === undefined ? undefined : names[known];
  if (guess) return guess;
  throw new Expected(Exit.usage, "which format?", `--format ${choices}`);
}

/**
 * Writes a text that comes piece by piece.
 * @param path a file; undefined or `-` for stdout, where it ends early when the reader leaves
 * @returns whether it went into a file, so that stdout is free to tell of it
 * @throws Expected 74 when it can't be written
 */
export function writeText(output: Output, path: string | undefined, texts: Iterable<string>): path is string {
  const pieces = inPieces(texts);
  if (path !== undefined && path !== "-") {
    writeFile(path, pieces);
    return true;
  }
  for (const piece of pieces) {
    output.text(piece);
    if (output.closed) break;
  }
  return false;
}

function* inPieces(texts: Iterable<string>): Generator<string> {
  let piece = "";
  for (const text of texts) {
    piece += text;
    if (piece.length < PIECE) continue;
    yield piece;
    piece = "";
  }
  if (piece !== "") yield piece;
}

/** What a system call that failed says of a file, in words. */
const WORDS: Readonly<Record<string, string>> = {
  EISDIR: "it is a folder",
  ENOTDIR: "a part of its path is no folder",
  EACCES: "that isn't allowed",
  EPERM: "that isn't allowed",
  EROFS: "its disk is read-only",
  ENOSPC: "its disk is full",
  EDQUOT: "its disk's quota is used up",
};

/** Whoever reads the file sees the old one or the new one; a device or a pipe is written to as it stands. */
function writeFile(path: string, pieces: Iterable<string>): void {
  let temporary: string | undefined;
  try {
    const old = statSync(path, { throwIfNoEntry: false });
    const target = old ? realpathSync(path) : path;
    if (!old || old.isFile()) {
      temporary = join(dirname(target), `.${basename(target)}.${randomBytes(8).toString("hex")}`);
    }
    const fd = temporary === undefined ? openSync(path, "w") : openSync(temporary, "wx", 0o600);
    try {
      for (const piece of pieces) writeAll(fd, piece);
      if (temporary !== undefined) {
        if (old) fchmodSync(fd, old.mode & 0o777);
        fsyncSync(fd);
      }
    } finally {
      closeSync(fd);
    }
    if (temporary !== undefined) renameSync(temporary, target);
  } catch (error) {
    if (temporary !== undefined && existsSync(temporary)) rmSync(temporary);
    if (errno(error) === undefined) throw error;
    const code = errno(error) ?? "";
    const why = code === "ENOENT" ? "its folder isn't there" : (WORDS[code] ?? code);
    throw new Expected(Exit.io, `${path} can't be written: ${why}`, "name a file that can be written");
  }
}

function writeAll(fd: number, text: string): void {
  let bytes = Buffer.from(text);
  while (bytes.length > 0) bytes = bytes.subarray(writeSync(fd, bytes));
}

/** Where a text is read from: a file or, without a path, stdin. `label` is what it is called. */
export type Source = { readonly path: string | undefined; readonly label: string };

/**
 * @param file a file; undefined or `-` for stdin
 * @param command what was called, for the hint: `stint pomo import`
 * @throws Expected 2 when it would be typed
 */
export function sourceOf(file: string | undefined, command: string): Source {
  if (file === undefined && isatty(0)) {
    throw new Expected(Exit.usage, "which file?", `${command} FILE, or its text on stdin`);
  }
  const path = file === "-" ? undefined : file;
  return { path, label: path ?? "stdin" };
}

/**
 * All of it.
 * @param largestMb what it may have at most
 * @throws Expected 74 when it can't be read, is too large or no UTF-8
 */
export async function readText({ path, label }: Source, largestMb = LARGEST_MB): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of path === undefined ? process.stdin : createReadStream(path)) {
      chunks.push(chunk as Uint8Array);
      size += (chunk as Uint8Array).length;
      if (size > largestMb * 2 ** 20) break;
    }
  } catch (error) {
    const code = errno(error) ?? "";
    const why = code === "ENOENT" ? "there is no such file" : (WORDS[code] ?? (code || message(error)));
    throw new Expected(Exit.io, `${label} can't be read: ${why}`, "name a file that can be read");
  }
  if (size > largestMb * 2 ** 20) {
    throw new Expected(Exit.io, `${label} is larger than ${largestMb} MB`, "import it in parts");
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new Expected(Exit.io, `${label} isn't UTF-8 text`, "save it as UTF-8");
  }
}

/** A line of a file, from 1, that isn't what it should be. */
export class Wrong extends Error {
  readonly line: number;

  constructor(line: number, what: string) {
    super(what);
    this.line = line;
  }
}

/** What the user is told of a failure to read: of {@link Wrong} which file and line it is; else it as it is. */
export const wrongIn = ({ label }: Source, error: unknown): unknown =>
  error instanceof Wrong
    ? new Expected(Exit.io, printable(`${label}:${error.line}: ${error.message}`), "nothing was imported")
    : error;

/** The lines of a text that aren't blank, counted from 1. */
export function* lines(text: string): Generator<[line: number, text: string]> {
  let line = 0;
  for (const each of text.split("\n")) {
    line++;
    if (each.trim() !== "") yield [line, each.trim()];
  }
}

/** The objects of NDJSON, each with its line. @throws Wrong */
export function* objects(text: string): Generator<[line: number, object: Record<string, unknown>]> {
  for (const [line, each] of lines(text)) yield [line, objectOf(each, line)];
}

function objectOf(text: string, line: number): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new Wrong(line, "it isn't a JSON object");
}

/** Tells what came of an import. @param done.skipped how many were left out, by why, in the plural */
export function tellImport(
  output: Output,
  { added, known, skipped }: { added: number; known: number; skipped: ReadonlyMap<string, number> },
): void {
  const left = [...skipped.values()].reduce((sum, n) => sum + n, 0);
  output.emit(
    { type: "import", added, known, skipped: left },
    () => `${added} added, ${known} known already, ${left} skipped`,
  );
  for (const [why, n] of skipped) output.note(`skipped ${n}: ${why}`);
}
