/**
 * The relays, hardware in the loop: `bun build/hil.ts [--stint FILE]`. Boots Debian's own kernel in QEMU with relay boards
 * made through /dev/uhid, and has the executable switch them through hidraw, with Debian's usbrelay for a second opinion.
 * Ends with `hil: N passed, N failed`. The processor is emulated: no KVM is needed, and times are longer than real ones.
 */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { install, machine, type Needed } from "./debian.ts";
import { LINE } from "./hil/line.ts";

const libraries = "/usr/lib/x86_64-linux-gnu";
const needed: readonly Needed[] = [
  { command: "qemu-system-x86_64", package: "qemu-system-x86" },
  { command: "/bin/busybox", package: "busybox-static" },
  { command: "cpio", package: "cpio" },
  { command: "usbrelay", package: "usbrelay" },
  { command: "xz", package: "xz-utils" },
  // What node-hid is linked to.
  { command: join(libraries, "libudev.so.1"), package: "libudev1" },
  { command: join(libraries, "libusb-1.0.so.0"), package: "libusb-1.0-0" },
  { command: join(libraries, "libstdc++.so.6"), package: "libstdc++6" },
];

const root = dirname(import.meta.dir);
/** Where the kernel is kept: a package of 70 MB. */
const cache = join(root, "dist/hil");
const MODULES = ["hid", "uhid", "hid-generic"];
/** So long the machine may run, boot and all, ms. */
const LIMIT_MS = 4 * 60_000;

/** Something is missing here that the scenarios need. */
class NotRun extends Error {}

const total = { passed: 0, failed: 0 };
const scratch = mkdtempSync(join(tmpdir(), "stint-hil-"));
try {
  const { stint } = parseArgs({ options: { stint: { type: "string", default: "dist/stint" } } }).values;
  await main(resolve(root, stint));
} catch (error) {
  total.failed++;
  console.log(error instanceof NotRun ? `hil: not run: ${error.message}` : Bun.inspect(error));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(`hil: ${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;

async function main(stint: string): Promise<void> {
  if (process.platform !== "linux" || process.arch !== "x64") throw new NotRun("it needs Linux on x64");
  if (!existsSync(stint)) throw new NotRun(`there is no ${stint}: npm run build`);
  const { missing, command } = install(needed, machine);
  if (missing.length > 0) {
    throw new NotRun(`Debian's ${missing.join(", ")} could not be installed here: ${command}`);
  }
  const kernel = fetchKernel();
  const guest = join(scratch, "guest");
  await Bun.build({
    entrypoints: [join(import.meta.dir, "hil/guest.ts")],
    compile: { outfile: guest },
    target: "bun",
  });
  await boot(kernel, initramfs(kernel, { stint, guest, usbrelay: Bun.which("usbrelay") ?? "" }));
}

/** Runs a command to its end. @returns its stdout @throws when it fails */
function run(command: string[], cwd = scratch): string {
  const { success, stdout, stderr } = Bun.spawnSync(command, { cwd });
  if (success) return stdout.toString();
  throw new NotRun(`\`${command.join(" ")}\` failed: ${stderr.toString().trim().slice(-2000)}`);
}

/**
 * The folder with a kernel of Debian's and the modules, taken out of its package: it isn't installed.
 * (The one for clouds lacks uhid.)
 */
function fetchKernel(): string {
  const kept = join(cache, "kernel");
  if (existsSync(kept)) return kept;
  const download = () => {
    const depends = /Depends: (linux-image-\S+)/.exec(
      run(["apt-cache", "depends", "linux-image-amd64"]),
    )?.[1];
    if (depends === undefined) throw new NotRun("apt knows no package linux-image-amd64");
    run(["apt-get", "download", depends]);
  };
  try {
    download();
  } catch {
    // The lists of a fresh machine or image are old or empty.
    run(["apt-get", "update"]);
    download();
  }
  const unpacked = join(scratch, "unpacked");
  const [debian = ""] = new Bun.Glob("linux-image-*.deb").scanSync(scratch);
  run(["dpkg-deb", "-x", debian, unpacked]);
  const made = join(scratch, "kernel");
  mkdirSync(made);
  const take = (glob: string, name: string) => {
    const [found] = new Bun.Glob(glob).scanSync(unpacked);
    if (found === undefined) throw new NotRun(`${debian} has no ${glob}`);
    const to = join(made, name + (found.endsWith(".xz") ? ".xz" : ""));
    renameSync(join(unpacked, found), to);
    if (to.endsWith(".xz")) run(["xz", "-d", to]);
  };
  take("boot/vmlinuz-*", "vmlinuz");
  for (const name of MODULES) take(`**/kernel/drivers/hid/${name}.ko*`, `${name}.ko`);
  mkdirSync(cache, { recursive: true });
  rmSync(`${kept}.new`, { recursive: true, force: true });
  run(["cp", "-r", made, `${kept}.new`]);
  renameSync(`${kept}.new`, kept);
  return kept;
}

type Programs = { readonly stint: string; readonly guest: string; readonly usbrelay: string };

/** The native addons that `detect run` loads, as they are embedded: what they are linked to no program is linked to. */
function addons(): string[] {
  const modules = join(root, "node_modules");
  return [
    "node-hid/prebuilds/HID_hidraw-linux-x64/*.node",
    "onnxruntime-node/bin/napi-v*/linux/x64/*.node",
    "@img/sharp-linux-x64/lib/*.node",
  ].map((glob) => {
    const [found] = new Bun.Glob(glob).scanSync(modules);
    if (found === undefined) throw new NotRun(`there is no ${glob}: npm ci`);
    return join(modules, found);
  });
}

/** What the machine boots into: busybox, the programs and their libraries. @returns its file */
function initramfs(kernel: string, programs: Programs): string {
  const tree = join(scratch, "tree");
  const put = (file: string, at: string) => {
    mkdirSync(dirname(join(tree, at)), { recursive: true });
    if (!existsSync(join(tree, at))) symlinkSync(file, join(tree, at));
  };
  for (const folder of ["proc", "sys", "dev", "tmp"]) mkdirSync(join(tree, folder), { recursive: true });
  put("/bin/busybox", "bin/busybox");
  for (const name of MODULES) put(join(kernel, `${name}.ko`), `modules/${name}.ko`);
  for (const [name, file] of Object.entries(programs)) put(file, `bin/${name}`);
  for (const file of [...Object.values(programs), ...addons()]) {
    for (const [library] of run(["ldd", file]).matchAll(/\/\S+/g)) {
      // What an addon brings along is in the executable.
      if (library.startsWith(root)) continue;
      const isLoader = basename(library).startsWith("ld-");
      put(library, isLoader ? library : join("lib/x86_64-linux-gnu", basename(library)));
    }
  }
  const script = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/tmp NO_COLOR=1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
chmod 1777 /tmp
echo 1 > /proc/sys/kernel/printk
${MODULES.map((name) => `insmod /modules/${name}.ko`).join("\n")}
ip link set lo up
timeout ${LIMIT_MS / 1000 - 20} guest
poweroff -f
`;
  writeFileSync(join(tree, "init"), script, { mode: 0o755 });
  const image = join(scratch, "initramfs");
  // Not packed: to unpack it would take the machine longer than this one to read it.
  run(["sh", "-c", `find . | cpio --quiet -L -o -H newc > ${image}`], tree);
  return image;
}

async function boot(kernel: string, image: string): Promise<void> {
  const started = performance.now();
  const vm = Bun.spawn(
    [
      "qemu-system-x86_64",
      ...["-machine", "pc", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "2048"],
      ...["-display", "none", "-serial", "stdio", "-monitor", "none", "-nic", "none", "-no-reboot"],
      ...["-kernel", join(kernel, "vmlinuz"), "-initrd", image],
      ...["-append", "console=ttyS0 panic=-1 quiet mitigations=off tsc=reliable random.trust_cpu=on"],
    ],
    { stdin: "ignore", stdout: "pipe", stderr: "inherit", timeout: LIMIT_MS, killSignal: "SIGKILL" },
  );
  let ended = false;
  const others: string[] = [];
  const take = (line: string) => {
    if (line === LINE.end) ended = true;
    else if (line.startsWith(LINE.ok)) total.passed++;
    else if (line.startsWith(LINE.failed)) total.failed++;
    if (line.startsWith(LINE.ok) || line.startsWith(LINE.failed)) console.log(line);
    else others.push(line);
  };
  const text = vm.stdout.pipeThrough(new TextDecoderStream());
  let rest = "";
  for await (const piece of text) {
    const lines = (rest + piece).split(/\r*\n/);
    rest = lines.pop() ?? "";
    lines.forEach(take);
  }
  await vm.exited;
  if (!ended) {
    total.failed++;
    console.log(`${LINE.failed}the machine ended before the scenarios did (${vm.signalCode ?? vm.exitCode})`);
  }
  if (total.failed > 0) console.log(others.join("\n"));
  console.log(`hil: ${((performance.now() - started) / 1000).toFixed(0)} s in the machine`);
}
