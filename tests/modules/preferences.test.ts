import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Preferences } from "../../src/modules/adapters/preferences.ts";
import { Folder } from "../support/folder.ts";
import { KeptLog } from "../support/kept-log.ts";
import { canMount, onSmallDisk } from "../support/small-disk.ts";

const TEXT = "# the camera\r\nenabled = Yes # since May\r\ncommand = x\r\n";
const OFF = TEXT.replace("Yes", "No");

let folder: Folder;
let log: KeptLog;
let preferences: Preferences;
beforeEach(() => {
  folder = new Folder();
  log = new KeptLog();
  preferences = new Preferences(folder.path, log);
  mkdirSync(folder.file("camera"));
  writeFileSync(config(), TEXT);
});
afterEach(() => folder[Symbol.dispose]());

const config = () => join(folder.file("camera"), "config.txt");
const text = () => readFileSync(config(), "utf8");

test("the wish is in the file, the rest of which is as it was, and so is its mode", async () => {
  chmodSync(config(), 0o640);
  await preferences.save("camera", false);
  expect(text()).toBe(OFF);
  expect(statSync(config()).mode & 0o777).toBe(0o640);
  expect(readdirSync(folder.file("camera"))).toEqual(["config.txt"]);
  await preferences.save("camera", true);
  expect(text()).toBe(TEXT);
  expect(log.lines.map(({ text, facts }) => [text, facts])).toEqual([
    ["enabled = false saved", { module: "camera" }],
    ["enabled = true saved", { module: "camera" }],
  ]);
});

test("a file that says so already isn't written", async () => {
  const before = statSync(config(), { bigint: true });
  await preferences.save("camera", true);
  const after = statSync(config(), { bigint: true });
  expect([after.ino, after.mtimeNs]).toEqual([before.ino, before.mtimeNs]);
  expect(log.lines).toEqual([]);
});

test("what was edited meanwhile isn't undone", async () => {
  await preferences.save("camera", false);
  writeFileSync(config(), "command = y\n");
  await preferences.save("camera", false);
  expect(text()).toBe("command = y\nenabled = false\n");
});

test("of many wishes at the same moment the last is what stays, and each module has its own", async () => {
  mkdirSync(folder.file("gps"));
  writeFileSync(folder.file("gps/config.txt"), "command = x\n");
  const saves = Array.from({ length: 21 }, (_, n) => preferences.save("camera", n % 2 === 1));
  await Promise.all([...saves, preferences.save("gps", false)]);
  expect(text()).toBe(OFF);
  expect(readFileSync(folder.file("gps/config.txt"), "utf8")).toBe("command = x\nenabled = false\n");
});

test("a failed save is the affair of who asked; the next one is made", async () => {
  rmSync(config());
  const failing = preferences.save("camera", false);
  const next = failing
    .catch(() => writeFileSync(config(), TEXT))
    .then(() => preferences.save("camera", false));
  await expect(failing).rejects.toMatchObject({
    exit: 74,
    message: `${config()} can't be read: no such file or directory`,
  });
  await next;
  expect(text()).toBe(OFF);
});

test("what no config can be is refused in the words of reading it, at once, and the next save is made", async () => {
  const refusal = async (words: string) => {
    const begun = performance.now();
    await expect(preferences.save("camera", false)).rejects.toMatchObject({
      exit: 74,
      message: `${config()} can't be read: ${words}`,
    });
    expect(performance.now() - begun).toBeLessThan(1000);
    rmSync(config());
  };
  rmSync(config());
  Bun.spawnSync(["mkfifo", config()]);
  await refusal("it isn't a regular file");
  symlinkSync("/dev/zero", config());
  await refusal("it isn't a regular file");
  writeFileSync(config(), "");
  truncateSync(config(), 60 << 20);
  await refusal("it is larger than 1 MiB");
  writeFileSync(config(), TEXT);
  await preferences.save("camera", false);
  expect(text()).toBe(OFF);
});

test("a link is followed and stays a link", async () => {
  using elsewhere = new Folder();
  writeFileSync(elsewhere.file("mine.txt"), TEXT);
  rmSync(config());
  symlinkSync(elsewhere.file("mine.txt"), config());
  await preferences.save("camera", false);
  expect(lstatSync(config()).isSymbolicLink()).toBe(true);
  expect(readFileSync(elsewhere.file("mine.txt"), "utf8")).toBe(OFF);
});

const saver = (dir: string) => [
  process.execPath,
  join(import.meta.dir, "fixture-preferences.ts"),
  dir,
  "camera",
  "false",
];
/** Another user may read nothing of what a test run is told to load. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => name !== "BUN_OPTIONS" && name !== "STINT_COVERAGE"),
);
const told = (command: string[]) => Bun.spawnSync(command, { env }).stdout.toString();

/** A module on a disk of its own, to which something is done; then its preference is saved, and its file shown. */
function savedOn(disk: string): string {
  const script = `mkdir "$0/camera" && printf 'command = x\\n' > "$0/camera/config.txt" && ${disk}; "$@"; cat "$0/camera/config.txt"; ls -A "$0/camera"`;
  return told(onSmallDisk(folder.path, ["sh", "-c", script, folder.path, ...saver(folder.path)]));
}

test.skipIf(!canMount)("a full disk is told of, and the file is there as it was", () => {
  expect(savedOn(`head -c 2m /dev/zero > "$0/filler" 2>/dev/null`)).toBe(
    `74 ${config()} can't be written: ENOSPC\ncommand = x\nconfig.txt\n`,
  );
});

test.skipIf(!canMount)("a read-only disk is told of", () => {
  expect(savedOn(`mount -o remount,ro "$0"`)).toBe(
    `74 ${config()} can't be written: read-only file system\ncommand = x\nconfig.txt\n`,
  );
});

/** Permissions don't hold root back. */
const asUser =
  process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];
const canBeUser = Bun.spawnSync([...asUser, "cat", join(import.meta.dir, "fixture-preferences.ts")]).success;

test.skipIf(!canBeUser)("a file that is read-only stays as it is, though its folder could be written", () => {
  chmodSync(folder.path, 0o755);
  chmodSync(folder.file("camera"), 0o777);
  chmodSync(config(), 0o444);
  expect(told([...asUser, ...saver(folder.path)])).toBe(
    `74 ${config()} can't be written: permission denied\n`,
  );
  expect(text()).toBe(TEXT);
});

test.skipIf(process.getuid?.() !== 0)(
  "a file of somebody else's stays theirs when root saves it",
  async () => {
    chownSync(config(), 65534, 65533);
    chmodSync(config(), 0o640);
    await preferences.save("camera", false);
    const { uid, gid, mode } = statSync(config());
    expect([uid, gid, mode & 0o777]).toEqual([65534, 65533, 0o640]);
    expect(text()).toBe(OFF);
  },
);

test.skipIf(!canBeUser || process.getuid?.() !== 0)("a file whose owner can't be kept stays as it is", () => {
  chmodSync(folder.path, 0o755);
  chmodSync(folder.file("camera"), 0o777);
  chmodSync(config(), 0o666);
  expect(told([...asUser, ...saver(folder.path)])).toBe(`74 ${config()} can't be written: EPERM\n`);
  expect(text()).toBe(TEXT);
  expect(statSync(config()).uid).toBe(0);
  expect(readdirSync(folder.file("camera"))).toEqual(["config.txt"]);
});
