/**
 * Makes the executable: `bun build/build.ts [--target linux-arm64] [--outfile FILE] [--faults]`.
 *
 * Bun fetches another platform's runtime from the npm registry once and keeps it; native addons are only built in for
 * the platform `npm ci` ran on.
 */
import { renameSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { BuildFailed, compile, type Platform, targets } from "./compile.ts";

const root = dirname(import.meta.dir);
const platforms = Object.keys(targets) as Platform[];

process.exitCode = await main();

async function main(): Promise<number> {
  let options: { target?: string; outfile?: string; faults?: boolean };
  try {
    options = parseArgs({
      options: { target: { type: "string" }, outfile: { type: "string" }, faults: { type: "boolean" } },
    }).values;
  } catch (error) {
    return fail((error as Error).message, 2);
  }
  // Both what Bun says and what Node says: bun-windows-x64, windows-x64, win32-x64.
  const platform = platforms.find(
    (p) => p === options.target?.replace(/^bun-/, "").replace(/^windows-/, "win32-"),
  );
  if (options.target !== undefined && platform === undefined) {
    return fail(`no such target: ${options.target} (there are ${Object.values(targets).join(", ")})`, 2);
  }
  const foreign = platform !== undefined && platform !== `${process.platform}-${process.arch}`;
  const name = `stint${foreign ? `-${platform}` : ""}${options.faults ? "-faults" : ""}`;
  const started = performance.now();
  try {
    const made = await compile({
      entry: join(root, "src/main.ts"),
      outfile: options.outfile ?? join(root, "dist", name),
      ...(platform === undefined ? {} : { platform }),
      ...(options.faults === undefined ? {} : { faults: options.faults }),
    });
    if (!foreign && !options.faults) manual(made);
    const megabytes = Math.round(Bun.file(made).size / 1e6);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.error(`${relative(process.cwd(), made)}: ${megabytes} MB in ${seconds} s`);
    return 0;
  } catch (error) {
    if (error instanceof BuildFailed) return fail(error.message, 1);
    throw error;
  }
}

/** The man page is made by the executable itself, from its command tree, and lies beside it. */
function manual(executable: string): void {
  const ran = Bun.spawnSync([executable, "man"], { stderr: "pipe" });
  if (!ran.success) {
    throw new BuildFailed(
      `\`${relative(process.cwd(), executable)} man\` failed: ${ran.stderr.toString().trim()}`,
    );
  }
  const page = join(dirname(resolve(executable)), "stint.1");
  writeFileSync(`${page}.tmp`, ran.stdout);
  renameSync(`${page}.tmp`, page);
}

function fail(message: string, code: number): number {
  console.error(message.replace(/^/gm, "build: "));
  return code;
}
