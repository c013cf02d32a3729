import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./sandbox.ts";

/** A folder for the programs of a test and what they write. */
export class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "stint-test-"));

  file(name: string): string {
    return join(this.path, name);
  }

  /** Writes a program of `sh`, that finds this folder in $HERE. */
  program(name: string, script: string): string {
    const path = this.file(name);
    writeFileSync(path, `#!/bin/sh\nHERE='${this.path}'\n${script}\n`);
    chmodSync(path, 0o755);
    return path;
  }

  /** The lines that programs have written to a file so far. */
  lines(name: string): string[] {
    try {
      return readFileSync(this.file(name), "utf8").split("\n").slice(0, -1);
    } catch {
      return [];
    }
  }

  /** The lines of a file once there are so many. */
  written(name: string, count = 1): Promise<string[]> {
    return until(
      () => this.lines(name),
      (lines) => lines.length >= count,
    );
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
