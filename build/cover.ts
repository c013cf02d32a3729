/**
 * Preloaded into every bun that a test run starts (`BUN_OPTIONS=--preload=build/cover.ts`): notes which lines of src
 * are run, in the tests' own process, in the processes they start and in the Workers of those. bun's own `--coverage`
 * sees the first alone.
 *
 * The notes are bytes of files in `$STINT_COVERAGE`, one file a module and one byte a line, mapped into memory: all
 * processes write to the same bytes, and what they have written outlives a kill -9.
 */
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { plugin } from "bun";

const root = dirname(import.meta.dir);
const folder = process.env["STINT_COVERAGE"];

// An executable among the processes inherits the preload too: it has no src to load, and no node_modules.
if (folder !== undefined && !Bun.isStandaloneExecutable) {
  const { instrument } = await import("./instrument.ts");
  mkdirSync(folder, { recursive: true });
  const globals = globalThis as Record<string, unknown>;
  let modules = 0;

  plugin({
    name: "coverage",
    setup(build) {
      // Resolved paths only: the probes of the tests have a src of their own.
      build.onLoad({ filter: new RegExp(`^${RegExp.escape(join(root, "src"))}/.*\\.tsx?$`) }, ({ path }) => {
        const source = readFileSync(path, "utf8");
        // A module of types alone is only ever loaded for its text (`with { type: "text" }`), which the runtime doesn't
        // tell a plugin.
        if (isOfTypes(path, source)) return { exports: { default: source }, loader: "object" };
        const counters = `__stint_lines_${modules++}`;
        const { code } = instrument(path, source, counters);
        globals[counters] = notes(relative(root, path), source.split("\n").length + 1);
        return { contents: code, loader: path.endsWith("x") ? "tsx" : "ts" };
      });
    },
  });

  // A Worker takes no notice of its process' preloads.
  globalThis.Worker = class extends Worker {
    constructor(url: string | URL, options: WorkerOptions = {}) {
      super(url, { ...options, preload: [import.meta.path, ...[options.preload ?? []].flat()] });
    }
  };

  function isOfTypes(path: string, source: string): boolean {
    const loader = path.endsWith("x") ? "tsx" : "ts";
    return /^(export \{\s*\};?)?$/.test(new Bun.Transpiler({ loader }).transformSync(source).trim());
  }

  function notes(file: string, size: number): Uint8Array {
    const path = join(folder as string, encodeURIComponent(file));
    const fd = openSync(path, "a", 0o600);
    ftruncateSync(fd, size);
    closeSync(fd);
    return Bun.mmap(path, { shared: true });
  }
}
