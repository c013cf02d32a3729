import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { instrument } from "./instrument.ts";

interface FileCoverage {
  readonly file: string;
  /** The numbers of the lines that can be run, and whether each was. */
  readonly lines: ReadonlyMap<number, boolean>;
}

/**
 * Line coverage of every module below `src`, from the notes of `build/cover.ts` in a folder. A module that nothing
 * loaded has none: its lines count as missed.
 */
export function coverage(root: string, folder: string): FileCoverage[] {
  return [...new Bun.Glob("src/**/*.{ts,tsx}").scanSync(root)].sort().map((file) => {
    const { lines } = instrument(file, readFileSync(join(root, file), "utf8"), "counters");
    const path = join(folder, encodeURIComponent(file));
    const notes = existsSync(path) ? readFileSync(path) : undefined;
    return { file, lines: new Map(lines.map((line) => [line, notes?.[line] === 1])) };
  });
}

export const missed = ({ lines }: FileCoverage): number[] =>
  [...lines].flatMap(([line, hit]) => (hit ? [] : [line]));

/** The share of lines hit, in percent; of nothing, all is hit. */
export function percent(files: readonly FileCoverage[]): number {
  const lines = files.reduce((sum, file) => sum + file.lines.size, 0);
  const misses = files.reduce((sum, file) => sum + missed(file).length, 0);
  return lines === 0 ? 100 : (100 * (lines - misses)) / lines;
}

/** The same in lcov's format, for editors and reports. */
export const lcov = (files: readonly FileCoverage[]): string =>
  files
    .map((file) => {
      const data = [...file.lines].map(([line, hit]) => `DA:${line},${hit ? 1 : 0}\n`).join("");
      const hit = file.lines.size - missed(file).length;
      return `TN:\nSF:${file.file}\n${data}LF:${file.lines.size}\nLH:${hit}\nend_of_record\n`;
    })
    .join("");
