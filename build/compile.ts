import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import type { BunPlugin } from "bun";
import { nanodetModel } from "./nanodet.ts";
import { nativeAddons } from "./native.ts";

const root = dirname(import.meta.dir);

/** The platforms stint is built for, in Node's words, and what Bun calls them. */
export const targets = {
  "linux-x64": "bun-linux-x64",
  "linux-arm64": "bun-linux-arm64",
  "darwin-x64": "bun-darwin-x64",
  "darwin-arm64": "bun-darwin-arm64",
  "win32-x64": "bun-windows-x64",
} as const satisfies Record<string, Bun.Build.CompileTarget>;

export type Platform = keyof typeof targets;

export interface Compile {
  /** The module it starts with; the workers are looked for in its folder and below. */
  readonly entry: string;
  /** The executable; `.exe` is added for Windows. */
  readonly outfile: string;
  /** This machine's when absent. */
  readonly platform?: Platform;
  /** With the code that fails on request, for the tests of shutdown. */
  readonly faults?: boolean;
}

/** What went wrong with a build, a line each: `src/x.ts:3:7: Could not resolve: "./y.ts"`. */
export class BuildFailed extends Error {
  override readonly name = "BuildFailed";
}

/**
 * Makes one executable of the sources, with their workers and native addons inside, and returns its path. It takes
 * its place in one step, so one that is running is left alone.
 *
 * @throws BuildFailed
 */
export async function compile({ entry, outfile, platform, faults = false }: Compile): Promise<string> {
  const host = `${process.platform}-${process.arch}`;
  mkdirSync(dirname(resolve(outfile)), { recursive: true });
  // In the same folder as the result, so that moving it there is a rename. Bun leaves source maps beside what it
  // builds, though they are also inside: they go with the folder.
  const scratch = mkdtempSync(join(dirname(resolve(outfile)), ".build-"));
  try {
    const built = await Bun.build({
      entrypoints: [resolve(entry), ...workers(dirname(resolve(entry)))],
      compile: {
        // With this machine's own target Bun would fetch from npm what it already is.
        ...(platform !== undefined && platform !== host ? { target: targets[platform] } : {}),
        outfile: join(scratch, basename(outfile)),
        // Nothing in the folder it is started in may run in it: by default Bun would take a `preload` from a
        // bunfig.toml there and variables from a `.env`.
        autoloadBunfig: false,
        autoloadDotenv: false,
        autoloadPackageJson: false,
        autoloadTsconfig: false,
      },
      format: "esm",
      bytecode: true,
      minify: true,
      // Without splitting a lazy `import()` is parsed at every start all the same.
      splitting: true,
      sourcemap: "inline",
      naming: { entry: "[name].[ext]" }, // flat: see workers()
      define: {
        "process.env.NODE_ENV": '"production"',
        STINT_VERSION: JSON.stringify(version()),
        STINT_COMMIT: JSON.stringify(commit()),
        STINT_FAULTS: String(faults),
      },
      plugins: [cursorLeftToInk, nativeAddons(platform ?? host), nanodetModel, inkWithoutDevtools],
    });
    const made = built.outputs.find((output) => output.kind === "entry-point");
    if (!made) throw new BuildFailed("Bun made no executable and gave no reason");
    const result = join(dirname(resolve(outfile)), basename(made.path));
    renameSync(made.path, result);
    return result;
  } catch (error) {
    throw error instanceof BuildFailed ? error : new BuildFailed(reasons(error).join("\n"));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/**
 * With DEV=true in the environment, which many a developer has, Ink loads `react-devtools-core`: from the
 * node_modules of the folder stint is started in, since it isn't in the executable. So that whole mode is left out.
 */
const inkWithoutDevtools: BunPlugin = {
  name: "ink-without-devtools",
  setup(build) {
    build.onLoad({ filter: /[\\/]node_modules[\\/]ink[\\/]build[\\/](ink|reconciler)\.js$/ }, ({ path }) => {
      const source = readFileSync(path, "utf8");
      const contents = source.replaceAll("process.env['DEV'] === 'true'", "false");
      if (contents === source) throw new Error("Ink no longer asks for DEV this way: see build/compile.ts");
      return { loader: "js", contents };
    });
  },
};

/**
 * Ink shows the cursor again by itself when its screen is closed. This package does so once more as the process exits, on
 * stderr, and waits there for ever where nobody reads the terminal.
 */
const cursorLeftToInk: BunPlugin = {
  name: "cursor-left-to-ink",
  setup(build) {
    build.onLoad({ filter: /[\\/]node_modules[\\/]restore-cursor[\\/]index\.js$/ }, () => ({
      loader: "js",
      contents: "export default () => {};",
    }));
  },
};

/**
 * The modules below a folder that run in a Worker of their own. The rule for making one is
 *
 *     new Worker(new URL("./engine.worker.ts", import.meta.url).href)
 *
 * in a module of the same folder: under `bun run` the address is that of the file beside it. In the executable all
 * modules of a kind are merged into chunks that lie flat in `/$bunfs/root/`, and `import.meta.url` is the chunk's, so
 * the workers have to lie there too, under their own name, whatever folder they came from. Hence their names must
 * be unique. (Bun finds the built `.js` when asked for the `.ts`.)
 */
function workers(sources: string): string[] {
  const files = [...new Bun.Glob("**/*.worker.ts").scanSync(sources)].sort();
  const seen = new Map<string, string>();
  for (const file of files) {
    const name = basename(file);
    const other = seen.get(name);
    if (other !== undefined)
      throw new BuildFailed(`${file}: a worker's name must be unique, and ${other} has it too`);
    seen.set(name, file);
  }
  return files.map((file) => join(sources, file));
}

function version(): string {
  return (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string }).version;
}

/** `1a2b3c4`, `1a2b3c4-dirty`, or `unknown` when these sources are no git checkout (or lie inside another's). */
function commit(): string {
  const top = git("rev-parse", "--show-prefix");
  const hash = git("rev-parse", "--short", "HEAD");
  if (top !== "" || hash === undefined) return "unknown";
  return git("status", "--porcelain") === "" ? hash : `${hash}-dirty`;
}

function git(...args: string[]): string | undefined {
  try {
    const ran = Bun.spawnSync(["git", ...args], { cwd: root, stderr: "ignore" });
    return ran.success ? ran.stdout.toString().trim() : undefined;
  } catch {
    return undefined; // no git on this machine
  }
}

function reasons(error: unknown): string[] {
  if (error instanceof AggregateError) return error.errors.flatMap(reasons);
  const { message, position } = error as BuildMessage;
  const download = /^Failed to download '(.+)': (.+)$/.exec(message);
  if (download) {
    return [
      `can't fetch ${download[1]} from the npm registry (${download[2]}): another platform's Bun is needed`,
    ];
  }
  if (!position?.file) return [message];
  const { file, line, column } = position;
  return [`${relative(process.cwd(), file)}:${line}:${column}: ${message}`];
}
