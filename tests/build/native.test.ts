import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { compile } from "../../build/compile.ts";
import { Expected } from "../../src/kernel/errors.ts";
import { type NativeAddon, native, notInThisBuild, unpack } from "../../src/kernel/native.ts";

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "stint-native-"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const root = process.getuid?.() === 0;
const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

describe("sharp in an executable", () => {
  let home: string;
  let probe: string;

  beforeAll(async () => {
    const made = await compile({
      entry: join(import.meta.dir, "probes/sharp/sharp.ts"),
      outfile: join(scratch, "made/probe"),
    });
    // Alone: nothing of this checkout is reachable from where it runs but by an absolute path.
    mkdirSync(join(scratch, "alone"));
    probe = join(scratch, "alone/probe");
    renameSync(made, probe);
  }, 30_000);

  beforeEach(() => {
    home = mkdtempSync(join(scratch, "home-"));
  });

  interface Report {
    width?: number;
    height?: number;
    format?: string;
    maps: string[];
  }

  async function run(argument = "", environment: Record<string, string> = {}) {
    const child = Bun.spawn([probe, argument], {
      cwd: dirname(probe),
      env: { HOME: home, ...environment },
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    return { code, errors, report: code === 0 ? (JSON.parse(out) as Report) : { maps: [] } };
  }

  const cache = (): string => join(home, ".cache/stint/native");
  const library = (): string =>
    filesIn(cache()).find((file) => file.includes("libvips-cpp")) ?? "libvips is not in the cache";

  test("makes a PNG of an SVG, alone in an empty folder", async () => {
    const { code, report, errors } = await run("load");
    expect({ errors, code }).toEqual({ errors: "", code: 0 });
    expect(report).toMatchObject({ width: 60, height: 40, format: "png" });
  });

  test("comes from the cache, not from the machine it was built on", async () => {
    const { report } = await run("load");
    const own = report.maps.filter((path) => !/^\/(usr\/)?lib/.test(path));
    expect(own).toHaveLength(2);
    for (const path of own) expect(path).toStartWith(cache());
  });

  test("is neither unpacked nor loaded before it is needed", async () => {
    const { report } = await run();
    expect(report.maps.filter((path) => /vips|sharp/.test(path))).toEqual([]);
    expect(existsSync(join(home, ".cache"))).toBe(false);
  });

  test("goes to the home folder when XDG_CACHE_HOME is relative, which is no path", async () => {
    expect((await run("load", { XDG_CACHE_HOME: "here" })).report.format).toBe("png");
    expect(filesIn(cache())).toHaveLength(2);
    expect(readdirSync(dirname(probe))).toEqual(["probe"]);
  });

  test("is unpacked once", async () => {
    await run("load");
    const before = filesIn(cache()).map((file) => [file, statSync(file).ino, statSync(file).mtimeMs]);
    await run("load");
    expect(filesIn(cache()).map((file) => [file, statSync(file).ino, statSync(file).mtimeMs])).toEqual(
      before,
    );
  });

  test("a changed file in the cache isn't loaded but replaced", async () => {
    await run("load");
    const good = readFileSync(library());
    const bad = Buffer.from(good);
    bad[bad.length >> 1] = (bad[bad.length >> 1] ?? 0) ^ 1;
    writeFileSync(library(), bad);
    const { code, report } = await run("load");
    expect({ code, format: report.format }).toEqual({ code: 0, format: "png" });
    expect(readFileSync(library()).equals(good)).toBe(true);
  });

  test("four processes at once, none of which finds it unpacked", async () => {
    const runs = await Promise.all([run("load"), run("load"), run("load"), run("load")]);
    expect(runs.map(({ code, errors, report }) => [code, errors, report.format])).toEqual(
      Array(4).fill([0, "", "png"]),
    );
    expect(filesIn(cache())).toHaveLength(2);
  });
});

describe("unpacking", () => {
  let cache: string;
  let addon: NativeAddon;
  const before = process.env["XDG_CACHE_HOME"];

  beforeEach(() => {
    cache = mkdtempSync(join(scratch, "cache-"));
    process.env["XDG_CACHE_HOME"] = cache;
    const file = (path: string, content: string) => {
      const from = join(cache, `${path.replaceAll("/", "-")}.embedded`);
      writeFileSync(from, content);
      return { path, from, sha256: createHash("sha256").update(content).digest("hex") };
    };
    addon = {
      name: "@scope/addon",
      version: "1.2.3",
      files: [file("addon/lib/addon.node", "the addon"), file("libs/lib/lib.so.1", "the library")],
    };
  });
  afterAll(() => {
    if (before === undefined) delete process.env["XDG_CACHE_HOME"];
    else process.env["XDG_CACHE_HOME"] = before;
  });

  const refusal = (): Expected => {
    try {
      unpack(addon);
    } catch (error) {
      if (error instanceof Expected) return error;
      throw error;
    }
    throw new Error("it was unpacked");
  };

  test("keeps the layout, and keeps it private", () => {
    const path = unpack(addon);
    expect(path).toMatch(/stint\/native\/@scope\+addon-1\.2\.3-[0-9a-f]{16}\/addon\/lib\/addon\.node$/);
    expect(readFileSync(path, "utf8")).toBe("the addon");
    const library = join(dirname(path), "../../libs/lib/lib.so.1");
    expect(readFileSync(library, "utf8")).toBe("the library");
    expect(statSync(library).mode & 0o777).toBe(0o600);
    for (let folder = dirname(path); folder !== cache; folder = dirname(folder)) {
      expect(statSync(folder).mode & 0o777).toBe(0o700);
    }
  });

  test("another content of the same version gets a folder of its own", () => {
    const first = unpack(addon);
    const content = "another addon";
    const [head, ...rest] = addon.files;
    writeFileSync(head.from, content);
    const sha256 = createHash("sha256").update(content).digest("hex");
    const second = unpack({ ...addon, files: [{ ...head, sha256 }, ...rest] });
    expect(second).not.toBe(first);
    expect([readFileSync(first, "utf8"), readFileSync(second, "utf8")]).toEqual(["the addon", content]);
  });

  test("replaces a file that is a symbolic link, even to the right content", () => {
    const path = unpack(addon);
    const elsewhere = join(cache, "elsewhere");
    renameSync(path, elsewhere);
    symlinkSync(elsewhere, path);
    unpack(addon);
    expect(lstatSync(path).isSymbolicLink()).toBe(false);
    expect(existsSync(elsewhere)).toBe(true);
  });

  test("replaces a file that others may write", () => {
    const path = unpack(addon);
    chmodSync(path, 0o666);
    unpack(addon);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("a FIFO in a file's place doesn't hang it", () => {
    const path = unpack(addon);
    rmSync(path);
    Bun.spawnSync(["mkfifo", path]);
    unpack(addon);
    expect(readFileSync(path, "utf8")).toBe("the addon");
  });

  test("takes back a folder of ours that others may write", () => {
    const folder = dirname(unpack(addon));
    chmodSync(folder, 0o777);
    unpack(addon);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  test("follows a symbolic link of ours to a folder of ours, and refuses anybody else's", () => {
    mkdirSync(join(cache, "stint"), { mode: 0o700 });
    mkdirSync(join(cache, "elsewhere"), { mode: 0o700 });
    symlinkSync(join(cache, "elsewhere"), join(cache, "stint/native"));
    expect(readFileSync(unpack(addon), "utf8")).toBe("the addon");
    if (!root) return; // only root can make a link that is another user's
    rmSync(join(cache, "elsewhere"), { recursive: true });
    mkdirSync(join(cache, "elsewhere"), { mode: 0o700 });
    lchownSync(join(cache, "stint/native"), 12345, 12345);
    expect(refusal().message).toContain(join(cache, "stint/native"));
    expect(readdirSync(join(cache, "elsewhere"))).toEqual([]);
  });

  test("refuses a cache in which anyone may exchange files, unless it is like /tmp", () => {
    chmodSync(cache, 0o777);
    expect(refusal().message).toContain("anyone can exchange files");
    chmodSync(cache, 0o1777);
    expect(readFileSync(unpack(addon), "utf8")).toBe("the addon");
  });

  test("refuses a cache, and a folder in it, of another user", () => {
    if (!root) {
      // Only root can give files away; for anyone else the file system's root is a folder of another user.
      process.env["XDG_CACHE_HOME"] = "/";
      expect(refusal().exit).toBe(74);
      return;
    }
    mkdirSync(join(cache, "stint/native"), { recursive: true, mode: 0o700 });
    chownSync(join(cache, "stint/native"), 12_345, 12_345);
    expect(refusal().message).toContain(join(cache, "stint/native"));
    chownSync(cache, 12_345, 12_345);
    expect(refusal().message).toContain("belongs to another user");
  });

  test("a cache that can't be made is one line with a way out", () => {
    writeFileSync(join(cache, "file"), "");
    process.env["XDG_CACHE_HOME"] = join(cache, "file/below");
    const { exit, message, hint } = refusal();
    expect({ exit, hint }).toEqual({ exit: 74, hint: "set XDG_CACHE_HOME to a folder of your own" });
    expect(message).toContain("can't unpack @scope/addon");
  });

  test("a folder in a file's place is refused", () => {
    const path = unpack(addon);
    rmSync(path);
    mkdirSync(path);
    expect(refusal().exit).toBe(74);
    expect(readdirSync(dirname(path))).toEqual(["addon.node"]);
  });

  test("a damaged executable is found out", () => {
    writeFileSync(addon.files[0].from, "not the addon");
    expect(refusal().message).toContain("damaged");
  });

  test("what was unpacked is loaded", () => {
    const modules = join(import.meta.dir, "../../node_modules");
    const packages = `@img/sharp{,-libvips}-${process.platform}-${process.arch}`;
    const glob = new Bun.Glob(`${packages}/lib/{*.node,libvips-cpp.*}`);
    const [library, head] = [...glob.scanSync(modules)].sort().map((path) => {
      const from = join(modules, path);
      return { path, from, sha256: createHash("sha256").update(readFileSync(from)).digest("hex") };
    });
    if (!head || !library) throw new Error("sharp isn't installed");
    expect(native({ name: "sharp", version: "1.2.3", files: [head, library] })).toHaveProperty("metadata");
  });

  test("what isn't a library can't be loaded, and says so", () => {
    expect(() => native(addon)).toThrow(/^can't load @scope\/addon: /);
  });

  test("an addon the platform lacks says so when it is needed", () => {
    expect(() => notInThisBuild("sharp", "darwin-arm64")).toThrow(
      "sharp is not in this build of stint (darwin-arm64)",
    );
  });
});
