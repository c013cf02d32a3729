import { expect, test } from "bun:test";
import { PomoBox } from "../support/pomo.ts";
import { type Line, until } from "../support/sandbox.ts";

/** What is known of a session by its acknowledged answers. */
type Known = { interval: number; duration: number; running: boolean };

const WORK_MS = 3_600_000;
const REST_MS = 1_800_000;

const knownOf = (line: Line): Known => ({
  interval: Number(line["interval"]),
  duration: Number(line["duration_ms"]),
  running: line["state"] === "running",
});

/** What a command makes of it. */
function after(known: Known, command: string): Known {
  if (command === "pause") return { ...known, running: false };
  if (command === "resume") return { ...known, running: true };
  if (command === "extend") return { ...known, duration: known.duration + 1_000 };
  const interval = known.interval + 1;
  return { interval, duration: interval % 2 === 1 ? WORK_MS : REST_MS, running: true };
}

const COMMANDS = ["pause", "resume", "extend", "skip", "finish"];

/** Reproducible: mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

test("killed 100 times at any moment, no acknowledged change is lost and no row of history is doubled", async () => {
  await using box = new PomoBox({ STINT_POMO_AUTO_START_WORK: "true" });
  const random = randomOf(22);
  const lengths = ["--work", "1h", "--break", "30m", "--long-break", "30m", "--rounds", "100"];
  let known = knownOf(await box.pomo("start", "it", ...lengths, "--detach"));
  for (let kills = 0; kills < 100; kills++) {
    const pid = await until(() => box.host);
    const killed = Bun.sleep(random() * 40).then(() => box.kill(pid));
    let asked: string | undefined;
    let dead = false;
    void killed.then(() => {
      dead = true;
    });
    // Commands go on until the host is dead; the last one may or may not have got through.
    while (!dead) {
      asked = COMMANDS[Math.floor(random() * COMMANDS.length)] ?? "pause";
      const { code, lines } = await box.run(["pomo", asked, ...(asked === "extend" ? ["1s"] : [])]);
      if (code === 0 && lines[0]) {
        known = knownOf(lines[0]);
        asked = undefined;
      }
    }
    await killed;
    const found = knownOf(await box.pomo("status"));
    const possible =
      asked === undefined ? [known] : [known, after(known, asked), after({ ...known, running: true }, asked)];
    expect(possible).toContainEqual(found);
    // A paused one that is resumed runs; what ran is running.
    known = knownOf(await box.pomo("resume"));
    expect(known).toEqual({ ...found, running: true });
  }
  await box.pomo("stop");
  const rows = await box.history();
  expect(rows).toHaveLength(known.interval);
  expect(rows.map(({ session_type }) => session_type === "WORK")).toEqual(rows.map((_, at) => at % 2 === 0));
  using db = box.db;
  expect(db.query("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
});
