/**
 * All there is to pass: `bun build/test.ts [FILTER…]`. It builds the executable, checks types, style and dead code,
 * runs the tests and looks at their coverage, and ends with `N passed, N failed`. With filters (parts of the paths
 * of test files) only those tests are run.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { coverage, lcov, missed, percent } from "./coverage.ts";
import { install, machine, type Needed } from "./debian.ts";

/** What the tests call that neither npm nor a bare Debian brings. */
const needed: readonly Needed[] = [
  // The executable for linux-arm64 is run too.
  { command: "qemu-aarch64-static", package: "qemu-user-static" },
  // What sets the manual page.
  { command: "groff", package: "groff-base" },
  { command: "/usr/aarch64-linux-gnu/lib/libc.so.6", package: "libc6-arm64-cross" },
  // The page's browser.
  { command: "chromium", package: "chromium" },
  // A wall clock that can be set.
  { command: "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", package: "libfaketime" },
  // A desktop that shows notifications, and what sends them.
  { command: "notify-send", package: "libnotify-bin" },
  { command: "dunst", package: "dunst" },
  { command: "Xvfb", package: "xvfb" },
  { command: "dbus-daemon", package: "dbus" },
  { command: "dbus-send", package: "dbus" },
  { command: "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", package: "fonts-dejavu-core" },
  // What moves windows about, types and clicks on it.
  { command: "openbox", package: "openbox" },
  { command: "xdotool", package: "xdotool" },
  { command: "xterm", package: "xterm" },
  { command: "xprop", package: "x11-utils" },
  // A desktop under Wayland.
  { command: "sway", package: "sway" },
  { command: "foot", package: "foot" },
  { command: "grim", package: "grim" },
  { command: "wtype", package: "wtype" },
  // A program to supervise that has never heard of stint.
  { command: "ffmpeg", package: "ffmpeg" },
  // Cameras: a real RTSP server and a video of people to stream.
  { command: "/usr/bin/python3", package: "python3" },
  { command: "/usr/lib/python3/dist-packages/gi", package: "python3-gi" },
  {
    command: "/usr/lib/x86_64-linux-gnu/girepository-1.0/GstRtspServer-1.0.typelib",
    package: "gir1.2-gst-rtsp-server-1.0",
  },
  {
    command: "/usr/lib/x86_64-linux-gnu/gstreamer-1.0/libgstrtp.so",
    package: "gstreamer1.0-plugins-good",
  },
  {
    command: "/usr/lib/x86_64-linux-gnu/gstreamer-1.0/libgstvideoparsersbad.so",
    package: "gstreamer1.0-plugins-bad",
  },
  { command: "/usr/share/doc/opencv-doc/examples/data/vtest.avi", package: "opencv-doc" },
  // What the driver of relay boards is linked to.
  { command: "/usr/lib/x86_64-linux-gnu/libusb-1.0.so.0", package: "libusb-1.0-0" },
  // What uiohook-napi is compiled with.
  { command: "gcc", package: "gcc" },
  { command: "/usr/include/stdlib.h", package: "libc6-dev" },
  { command: "/usr/include/X11/Xlib.h", package: "libx11-dev" },
  { command: "/usr/include/X11/extensions/record.h", package: "libxtst-dev" },
  { command: "/usr/include/X11/extensions/Xrandr.h", package: "libxrandr-dev" },
  { command: "/usr/include/X11/Intrinsic.h", package: "libxt-dev" },
  // Readers of what is exported.
  { command: "jq", package: "jq" },
  { command: "/usr/lib/python3/dist-packages/icalendar", package: "python3-icalendar" },
  { command: "timew", package: "timewarrior" },
];

/** Percent of the lines of src. */
const wantedCoverage = 90;
/** A test that takes longer has failed, ms; and so has a whole run of them that hangs. */
const limits = { integration: 30_000, e2e: 60_000, run: 9 * 60_000 };

const root = dirname(import.meta.dir);
const scratch = mkdtempSync(join(tmpdir(), "stint-test-"));
const notes = join(scratch, "coverage");
const filters = Bun.argv.slice(2);
const total = { passed: 0, failed: 0, skipped: 0 };

try {
  process.exitCode = await main();
} catch (error) {
  step("test run", false, Bun.inspect(error));
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);

async function main(): Promise<number> {
  const { missing, command } = install(needed, machine);
  if (missing.length > 0) {
    console.log(`The tests need Debian's ${missing.join(", ")}, which could not be installed here.`);
    console.log(`Install with: ${command}`);
    // What can be tested without them still is.
    total.failed += missing.length;
  }

  const files = [...new Bun.Glob("tests/**/*.test.{ts,tsx}").scanSync(root)]
    .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
    .sort();
  const isE2e = (file: string) => file.startsWith("tests/e2e/");
  if (files.length === 0) step("find tests", false, `no test file has ${filters.join(" or ")} in its path`);

  const built = await Promise.all([
    tool("build", ["bun", "build/build.ts"]),
    tool("build with faults", ["bun", "build/build.ts", "--faults"]),
  ]);
  if (filters.length === 0) {
    await Promise.all([
      tool("types", ["tsc", "--noEmit", "-p", "."]),
      tool("style", ["biome", "check", "--error-on-warnings"]),
    ]);
    await tool("dead code", ["knip"]);
  }

  // Side by side: they mostly wait, for processes, displays and deadlines.
  const others = files.filter((file) => !isE2e(file));
  const isSecond = (file: string) => /^tests\/(track|pomo|backtest)\//.test(file);
  await Promise.all([
    tests(
      "unit and integration: kernel, modules, detect",
      others.filter((file) => !isSecond(file)),
      limits.integration,
    ),
    tests("unit and integration: track, pomo, backtest", others.filter(isSecond), limits.integration),
  ]);
  if (filters.length === 0) checkCoverage();
  const e2e = files.filter(isE2e);
  if (built.every(Boolean)) await tests("e2e", e2e, limits.e2e);
  else if (e2e.length > 0) step("e2e", false, "there is no executable to test");
  return total.failed === 0 ? 0 : 1;
}

/** Counts a step and says how it ended; what it had to say is shown when it failed. */
function step(name: string, passed: boolean, output: string, since = performance.now()): boolean {
  total[passed ? "passed" : "failed"]++;
  console.log(`${passed ? "ok  " : "FAIL"} ${name} (${((performance.now() - since) / 1000).toFixed(1)} s)`);
  if (!passed && output !== "") console.log(output);
  return passed;
}

/** Runs one of node_modules/.bin, quietly. */
async function tool(name: string, [program = "", ...args]: string[]): Promise<boolean> {
  const since = performance.now();
  const child = Bun.spawn([join(root, "node_modules/.bin", program), ...args], {
    cwd: root,
    env: environment(),
    stdout: "pipe",
    stderr: "pipe",
    timeout: limits.run,
  });
  const [out, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return step(name, code === 0, (out + errors).trim(), since);
}

/** Runs test files in one go and counts each test. */
async function tests(name: string, files: readonly string[], limit: number): Promise<void> {
  if (files.length === 0) return;
  const report = join(scratch, `${name.replaceAll(/\W+/g, "-")}.xml`);
  console.log(`${name}: ${files.length} files`);
  // Every bun below inherits these, so that what the tests start is covered too.
  const covering =
    filters.length === 0 && name !== "e2e"
      ? { STINT_COVERAGE: notes, BUN_OPTIONS: `--preload=${join(import.meta.dir, "cover.ts")}` }
      : {};
  const child = Bun.spawn(
    [
      process.execPath,
      "test",
      "--only-failures",
      `--timeout=${limit}`,
      "--reporter=junit",
      `--reporter-outfile=${report}`,
      ...files.map((file) => `./${file}`),
    ],
    {
      cwd: root,
      env: { ...environment(), ...covering },
      stdin: "ignore",
      stdout: "inherit",
      stderr: "inherit",
      timeout: limits.run,
      killSignal: "SIGKILL",
    },
  );
  const code = await child.exited;

  const cases = existsSync(report) ? testCases(readFileSync(report, "utf8")) : [];
  const failed = cases.filter((test) => test.outcome === "failed").length;
  total.failed += failed;
  for (const test of cases) {
    if (test.outcome === "skipped") {
      // Named and counted apart: what a machine can't show must not look as if it had.
      total.skipped++;
      console.log(`skip ${test.file}: ${test.name}`);
    } else if (test.outcome === "passed" && test.seconds * 1000 > limit) {
      step(`${test.file}: ${test.name}`, false, `it took ${test.seconds.toFixed(1)} s`);
    } else if (test.outcome === "passed") total.passed++;
  }
  // A file that doesn't load, a crash of bun and a hang leave no failed test behind.
  if (code !== 0 && failed === 0) step(name, false, `bun test ended with ${child.signalCode ?? code}`);
}

interface TestCase {
  readonly file: string;
  readonly name: string;
  readonly seconds: number;
  readonly outcome: "passed" | "failed" | "skipped";
}

/** From bun's JUnit report: `<testcase name="…" time="0.1" file="…" />`, or with the outcome inside. */
function testCases(xml: string): TestCase[] {
  const found = xml.matchAll(/<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g);
  return [...found].map(([, attributes = "", inside = ""]) => {
    const attribute = (name: string) => new RegExp(`(?:^| )${name}="([^"]*)"`).exec(attributes)?.[1] ?? "";
    return {
      file: attribute("file"),
      name: attribute("name"),
      seconds: Number(attribute("time")),
      outcome: /<(failure|error)/.test(inside)
        ? "failed"
        : inside.includes("<skipped")
          ? "skipped"
          : "passed",
    };
  });
}

function checkCoverage(): void {
  const files = coverage(root, notes);
  mkdirSync(join(root, "coverage"), { recursive: true });
  writeFileSync(join(root, "coverage/lcov.info"), lcov(files));
  const worst = files
    .map((file) => ({ ...file, missed: missed(file) }))
    .sort((a, b) => b.missed.length - a.missed.length)
    .filter((file) => file.missed.length > 0)
    .slice(0, 15)
    .map(
      (file) =>
        `  ${file.file}: no test runs ${file.missed.length} of its ${file.lines.size} lines: ${ranges(file.missed)}`,
    );
  const share = percent(files);
  const name = `line coverage of src: ${share.toFixed(1)} %, more than ${wantedCoverage} % wanted`;
  step(name, share > wantedCoverage, [...worst, "  (all of it in coverage/lcov.info)"].join("\n"));
}

/** `3-5 9`, and no more than fits a line. */
function ranges(lines: readonly number[]): string {
  const runs: [first: number, last: number][] = [];
  for (const line of lines) {
    const last = runs.at(-1);
    // Lines that hold no statement lie between those of one block.
    if (last && line - last[1] <= 2) last[1] = line;
    else runs.push([line, line]);
  }
  const shown = runs.slice(0, 8).map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
  return shown.join(" ") + (runs.length > shown.length ? " …" : "");
}

/** The tests' environment: the same at a desk and on a build machine, and with nothing of the user's in reach. */
function environment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    // Under CI Ink draws nothing until it ends. The rest would change what stint does.
    ([name]) =>
      !/^(CI|CI_.*|CONTINUOUS_INTEGRATION|STINT_.*|BUN_OPTIONS|NO_COLOR|FORCE_COLOR|DEV)$/.test(name),
  );
  const own = ["DATA_HOME", "STATE_HOME", "CONFIG_HOME", "CACHE_HOME", "RUNTIME_DIR"].map((name) => {
    const folder = join(scratch, "xdg", name.toLowerCase());
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return [`XDG_${name}`, folder] as const;
  });
  return Object.fromEntries([...kept, ...own]) as Record<string, string>;
}
