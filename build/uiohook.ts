import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * Compiles uiohook-napi's addon for this machine from the C sources in its package. The one that is published asks for
 * libuv, which Bun hasn't, and ends its process at the first call (oven-sh/bun#18546): this one has the few functions
 * it needs of its own, in uiohook/uv.h.
 */

const root = dirname(import.meta.dir);
const sources = join(root, "node_modules/uiohook-napi");
const nodeApi = join(root, "node_modules/node-api-headers/include");
/** Git ignores it. What runs from source looks here too. */
const cache = join(root, "dist/native");

/** How its binding.gyp has it compiled, by the name of the system in Node's words. */
const systems: Readonly<Record<string, { folder: string; flags: readonly string[] } | undefined>> = {
  linux: {
    folder: "x11",
    flags: [
      ...["-D_GNU_SOURCE", "-DUSE_XRANDR", "-DUSE_EVDEV", "-DUSE_XT", "-s"],
      ...["-lX11", "-lXrandr", "-lXtst", "-lXt"],
    ],
  },
  darwin: {
    folder: "darwin",
    flags: [
      ...["-D__MACOSX_CORE__", "-DUSE_IOKIT", "-DUSE_APPLICATION_SERVICES", "-DUSE_OBJC"],
      ...["-undefined", "dynamic_lookup"],
      ...["IOKit", "Carbon", "ApplicationServices", "AppKit", "CoreFoundation"].flatMap((name) => [
        "-framework",
        name,
      ]),
    ],
  },
};

/** The addon's file, or why there is none. */
export type Compiled = { readonly path: string } | { readonly why: string; readonly hint?: string };

export type Compiler = {
  /** Undefined when there is none. By default `$CC`, cc or gcc. */
  readonly program?: string | undefined;
  readonly env?: Readonly<Record<string, string>>;
  readonly folder?: string;
};

/** Compiles it, unless that has been done with the same sources, flags and compiler. */
export async function compileUiohook(given: Compiler = {}): Promise<Compiled> {
  const { program, env = {}, folder = cache } = { program: findCompiler(), ...given };
  const system = systems[process.platform];
  if (!system) return { why: `it isn't compiled for ${process.platform}` };
  if (program === undefined) return { why: "there was no C compiler where stint was built", hint: HINT };
  const own = join(import.meta.dir, "uiohook");
  const headers = [own, nodeApi, ...["libuiohook/include", "libuiohook/src", "src/lib"].map(inSources)];
  const files = ["src/lib/*.c", "libuiohook/src/*.c", `libuiohook/src/${system.folder}/*.c`]
    .flatMap((glob) => [...new Bun.Glob(glob).scanSync(sources)].sort())
    .map(inSources);
  const flags = [
    ...["-shared", "-fPIC", "-O2", "-pthread", "-DNAPI_VERSION=8", "-DNODE_GYP_MODULE_NAME=uiohook_napi"],
    ...[...headers, inSources(`libuiohook/src/${system.folder}`)].map((header) => `-I${header}`),
    ...files,
    ...system.flags,
  ];

  const version = await run([program, "--version"], env);
  if (version.code !== 0) return { why: "the C compiler where stint was built doesn't work", hint: HINT };
  const hash = createHash("sha256").update([version.said, ...flags].join("\0").replaceAll(root, ""));
  for (const header of [...headers, join(sources, "libuiohook/src", system.folder)])
    for (const name of readdirSync(header)
      .filter((each) => /\.[ch]$/.test(each))
      .sort())
      hash.update(readFileSync(join(header, name)));
  const name = `uiohook-${hash.digest("hex").slice(0, 16)}.node`;
  const path = join(folder, name);
  if (existsSync(path)) return { path };

  mkdirSync(folder, { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const compiled = await run([program, ...flags, "-o", temporary], env);
    if (compiled.code !== 0) return { why: reason(compiled.said), hint: HINT };
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
  for (const old of readdirSync(folder))
    if (/^uiohook-\w+\.node$/.test(old) && old !== name) rmSync(join(folder, old), { force: true });
  return { path };
}

const HINT =
  process.platform === "linux"
    ? "build stint where gcc, libx11-dev, libxtst-dev, libxrandr-dev and libxt-dev are installed"
    : "build stint where Xcode's command line tools are installed";

const inSources = (path: string): string => join(sources, path);

function findCompiler(): string | undefined {
  const names = [process.env["CC"], "cc", "gcc"].filter((name) => name !== undefined && name !== "");
  return names.map((name) => Bun.which(name as string)).find((path) => path !== null) ?? undefined;
}

/** From what a compiler or linker said: which header or library it missed, else its first error. */
function reason(said: string): string {
  const missing =
    /fatal error: (\S+): No such file/.exec(said) ?? /cannot find (-l\w+)/.exec(said) ?? undefined;
  if (missing) return `${missing[1]} was missing where stint was built`;
  const error = said.split("\n").find((line) => /error/i.test(line)) ?? said.split("\n")[0] ?? "";
  return `it couldn't be compiled: ${error.replaceAll(root, "").trim()}`;
}

async function run(command: string[], env: Readonly<Record<string, string>>) {
  const child = Bun.spawn(command, {
    // In English, so that it is understood.
    env: { ...process.env, LC_ALL: "C", ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, said: out + errors };
}
