import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { BunPlugin } from "bun";
import { compileUiohook } from "./uiohook.ts";

const root = dirname(import.meta.dir);
const modules = join(root, "node_modules");

/** An npm package with native code, and how it gets into the executable. To add one, add it here. */
interface Addon {
  readonly name: string;
  /** The module that looks for its `.node` file at run time, the package's own or ours; the build replaces it. */
  readonly loader: RegExp;
  /** Its files for a platform (`linux-x64`): the `.node` file, then the libraries that come with it. */
  files(platform: string): Promise<Found>;
  /**
   * The text of the module that takes the loader's place, given an expression for what the `.node` file exports, and
   * why it never comes to that.
   */
  module(native: string, missing: Missing | undefined): string;
}

/** A file: where it goes below the addon's own folder, and where it is now. */
type Found = readonly { readonly path: string; readonly from: string }[] | Missing;
type Missing = { readonly why: string; readonly hint?: string };

const addons: readonly Addon[] = [
  {
    name: "sharp",
    loader: /[\\/]node_modules[\\/]sharp[\\/]dist[\\/]sharp\.mjs$/,
    files: async (platform) =>
      installed("sharp", platform, [
        `@img/sharp-${platform}/lib/*.node`,
        `@img/sharp-libvips-${platform}/lib/libvips-cpp.*`,
      ]),
    module: (native) => `export default ${native};`,
  },
  {
    name: "uiohook-napi",
    loader: /[\\/]src[\\/]track[\\/]adapters[\\/]senses[\\/]uiohook[\\/]addon\.ts$/,
    files: uiohook,
    module: (native, missing) => `
export const uiohookThere = () => (${JSON.stringify(missing ? { there: false, ...missing } : { there: true })});
export const loadUiohook = () => ${native};`,
  },
  {
    name: "onnxruntime-node",
    loader: /[\\/]node_modules[\\/]onnxruntime-node[\\/]dist[\\/]binding\.js$/,
    files: async (platform) =>
      shipped(
        "onnxruntime-node",
        platform,
        `onnxruntime-node/bin/napi-v6/${platform.replace("-", "/")}`,
        "*.{so.*,dylib,dll}",
      ),
    // As the package's own has it, but silent: it would say on stderr that there is no graphics card.
    module: (native) => `import { Tensor } from "onnxruntime-common";
export const binding = ${native};
let begun = false;
export function initOrt() {
  if (!begun) binding.initOrtOnce(4, Tensor);
  begun = true;
}`,
  },
  {
    name: "node-hid",
    loader: /[\\/]node_modules[\\/]node-hid[\\/]nodehid\.js$/,
    files: async (platform) =>
      // Through the kernel's own driver, where there are two: the other, through libusb, takes the board from it.
      shipped(
        "node-hid",
        platform,
        `node-hid/prebuilds/HID${platform.startsWith("linux-") ? "_hidraw" : ""}-${platform}`,
      ),
    // All of it is in this module, which looks for the file when it is first asked for a device.
    module: (native) => {
      const source = readFileSync(join(modules, "node-hid/nodehid.js"), "utf8");
      const lookup =
        /const options = require[\s\S]*require\("pkg-prebuilds\/bindings"\)\(__dirname, options\)/;
      const contents = source.replace(lookup, () => `binding = ${native}`);
      if (contents === source) throw new Error("node-hid is no longer loaded this way: see build/native.ts");
      return `const exports = {};
${contents}
export default exports;
export { HID, HIDAsync, showdevices as devices, showdevicesAsync as devicesAsync, setDriverType, getHidapiVersion };`;
    },
  },
];

/** Puts the native addons of a platform (`linux-x64`, in Node's words) into the bundle. */
export function nativeAddons(platform: string): BunPlugin {
  return {
    name: "native-addons",
    setup(build) {
      for (const addon of addons) {
        build.onLoad({ filter: addon.loader }, async () => ({
          loader: "ts",
          contents: await replacement(addon, platform),
        }));
      }
    },
  };
}

const host = `${process.platform}-${process.arch}`;

/**
 * What `npm ci` brought for a platform.
 * @param globs below node_modules: first the `.node` file, then the libraries it is linked to. The system's own
 * libraries don't belong here. The layout is kept, because their RPATH counts on it.
 */
function installed(name: string, platform: string, globs: readonly string[]): Found {
  const found = globs.map((glob) => {
    // A glob's fixed beginning may be a package that isn't installed, which a scan takes for an error.
    const folder = join(modules, dirname(glob));
    return existsSync(folder) ? [...new Bun.Glob(glob).scanSync(modules)].sort() : [];
  });
  if (found.every((files) => files.length > 0)) {
    return found.flat().map((path) => ({ path: path.replaceAll("\\", "/"), from: join(modules, path) }));
  }
  if (platform === host)
    throw new Error(`the files of ${name} for ${platform} are not installed: run \`npm ci\``);
  // npm installs this machine's files only: the build for another goes without.
  return { why: `it isn't in a build for ${platform} that was made on ${host}` };
}

/**
 * What a package has for each platform, whatever machine it is installed on.
 * @param folder the platform's, below node_modules: its `.node` file
 * @param libraries and those it is linked to, a glob
 */
function shipped(name: string, platform: string, folder: string, libraries?: string): Found {
  if (!existsSync(join(modules, name))) throw new Error(`${name} is not installed: run \`npm ci\``);
  const found = ["*.node", ...(libraries === undefined ? [] : [libraries])].flatMap((glob) =>
    existsSync(join(modules, folder)) ? [...new Bun.Glob(glob).scanSync(join(modules, folder))].sort() : [],
  );
  if (found.length === 0) return { why: `${name} has no files for ${platform}` };
  return found.map((path) => ({ path, from: join(modules, folder, path) }));
}

/** Of those in the package Windows' works; the others are compiled, on the machine they are for. */
async function uiohook(platform: string): Promise<Found> {
  const published = join(modules, `uiohook-napi/prebuilds/${platform}/uiohook-napi.node`);
  if (platform.startsWith("win32-") && existsSync(published)) {
    return [{ path: "uiohook-napi.node", from: published }];
  }
  if (platform !== host) {
    return {
      why: `it isn't in a build for ${platform} that was made on ${host}`,
      hint: "build stint on the machine it is for",
    };
  }
  const compiled = await compileUiohook();
  if ("path" in compiled) return [{ path: "uiohook.node", from: compiled.path }];
  console.error(`built without uiohook-napi: ${compiled.why}`);
  return compiled;
}

async function replacement(addon: Addon, platform: string): Promise<string> {
  const runtime = quote(join(root, "src/kernel/native.ts"));
  const files = await addon.files(platform);
  if ("why" in files) {
    return `import { notInThisBuild } from ${runtime};
${addon.module(`notInThisBuild(${quote(addon.name)}, ${quote(platform)})`, files)}`;
  }
  const imports = files.map(({ from }, i) => `import f${i} from ${quote(from)} with { type: "file" };`);
  const list = files.map(({ path, from }, i) => {
    const sha256 = createHash("sha256").update(readFileSync(from)).digest("hex");
    return `{ path: ${quote(path)}, from: f${i}, sha256: ${quote(sha256)} }`;
  });
  const { version } = JSON.parse(readFileSync(join(modules, addon.name, "package.json"), "utf8")) as {
    version: string;
  };
  const expression = `native({ name: ${quote(addon.name)}, version: ${quote(version)}, files: [${list.join(", ")}] })`;
  return `import { native } from ${runtime};
${imports.join("\n")}
${addon.module(expression, undefined)}`;
}

const quote = (text: string): string => JSON.stringify(text);
