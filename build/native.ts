import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { BunPlugin } from "bun";

const root = dirname(import.meta.dir);
const modules = join(root, "node_modules");

/** An npm package with native code, and how it gets into the executable. To add one, add it here. */
interface Addon {
  readonly name: string;
  /** The package's own module that looks for its `.node` file at run time; the build replaces it. */
  readonly loader: RegExp;
  /**
   * Globs below node_modules for a platform (`linux-x64`): first the `.node` file, then the libraries it is linked
   * to. The system's own libraries don't belong here. The layout is kept, because their RPATH counts on it.
   */
  files(platform: string): readonly string[];
  /** The text of the module that takes the loader's place, given an expression for what the `.node` file exports. */
  module(native: string): string;
}

const addons: readonly Addon[] = [
  {
    name: "sharp",
    loader: /[\\/]node_modules[\\/]sharp[\\/]dist[\\/]sharp\.mjs$/,
    files: (platform) => [
      `@img/sharp-${platform}/lib/*.node`,
      `@img/sharp-libvips-${platform}/lib/libvips-cpp.*`,
    ],
    module: (native) => `export default ${native};`,
  },
];

/** Puts the native addons of a platform (`linux-x64`, in Node's words) into the bundle. */
export function nativeAddons(platform: string): BunPlugin {
  return {
    name: "native-addons",
    setup(build) {
      for (const addon of addons) {
        build.onLoad({ filter: addon.loader }, () => ({
          loader: "ts",
          contents: replacement(addon, platform),
        }));
      }
    },
  };
}

function replacement(addon: Addon, platform: string): string {
  const runtime = quote(join(root, "src/kernel/native.ts"));
  const found = addon.files(platform).map((glob) => {
    // A glob's fixed beginning may be a package that isn't installed, which a scan takes for an error.
    const folder = join(modules, dirname(glob));
    return existsSync(folder) ? [...new Bun.Glob(glob).scanSync(modules)].sort() : [];
  });
  if (found.some((files) => files.length === 0)) {
    if (platform === `${process.platform}-${process.arch}`) {
      throw new Error(`the files of ${addon.name} for ${platform} are not installed: run \`npm ci\``);
    }
    // npm installs this machine's files only: the build for another goes without.
    return `import { notInThisBuild } from ${runtime};
${addon.module(`notInThisBuild(${quote(addon.name)}, ${quote(platform)})`)}`;
  }
  const files = found.flat().map((path) => path.replaceAll("\\", "/"));
  const imports = files.map(
    (path, i) => `import f${i} from ${quote(join(modules, path))} with { type: "file" };`,
  );
  const list = files.map((path, i) => {
    const sha256 = createHash("sha256")
      .update(readFileSync(join(modules, path)))
      .digest("hex");
    return `{ path: ${quote(path)}, from: f${i}, sha256: ${quote(sha256)} }`;
  });
  const { version } = JSON.parse(readFileSync(join(modules, addon.name, "package.json"), "utf8")) as {
    version: string;
  };
  return `import { native } from ${runtime};
${imports.join("\n")}
${addon.module(`native({ name: ${quote(addon.name)}, version: ${quote(version)}, files: [${list.join(", ")}] })`)}`;
}

const quote = (text: string): string => JSON.stringify(text);
