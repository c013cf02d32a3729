import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { sound } from "../../src/pomo/adapters/notices/sound.ts";
import { Folder } from "../support/folder.ts";
import { enterHome } from "../support/home.ts";
import { KeptLog } from "../support/kept-log.ts";
import { until } from "../support/sandbox.ts";
import { isAlive, moment } from "./fixture-notices.ts";

let folder: Folder;
let log: KeptLog;
let ding: string;
beforeEach(() => {
  folder = new Folder();
  log = new KeptLog();
  ding = folder.file("ding.oga");
  writeFileSync(ding, "");
});
afterEach(() => folder[Symbol.dispose]());

const playing = (name: string) => folder.program(name, `echo "${name} $*" >> "$HERE/played"`);
/** A home whose PATH has the programs of the test, and those they need. */
const enter = () => enterHome({ PATH: folder.path });

test("the end of an interval is played, its start isn't", async () => {
  playing("pw-play");
  using _ = enter();
  const teller = sound({ sound: ding, hook_seconds: 10 }, log);
  for (const event of ["WORK_STARTED", "WORK_PAUSED", "WORK_INTERRUPTED", "SHORT_BREAK_STARTED"] as const) {
    teller.tell(event, moment);
  }
  teller.tell("WORK_COMPLETED", moment);
  await teller[Symbol.asyncDispose]();
  expect(folder.lines("played")).toEqual([`pw-play ${ding}`]);
  expect(log.lines).toEqual([]);
});

test.each([
  [["afplay", "ffplay", "paplay"], "ding.oga", "paplay $"],
  [["afplay", "ffplay"], "ding.oga", "ffplay -nodisp -autoexit -loglevel error $"],
  [["afplay"], "ding.oga", "afplay $"],
  [["aplay", "ffplay"], "ding.WAV", "aplay -q $"],
  // It would play it as noise.
  [["aplay", "ffplay"], "ding.oga", "ffplay -nodisp -autoexit -loglevel error $"],
])("of %p the first that can plays %s", async (players, name, command) => {
  for (const player of players) playing(player);
  writeFileSync(folder.file(name), "");
  using _ = enter();
  const teller = sound({ sound: folder.file(name), hook_seconds: 10 }, log);
  teller.tell("LONG_BREAK_COMPLETED", moment);
  await teller[Symbol.asyncDispose]();
  expect(folder.lines("played")).toEqual([command.replace("$", folder.file(name))]);
});

test("~ is the home", async () => {
  playing("pw-play");
  using home = enter();
  writeFileSync(`${home.path}/ding.wav`, "");
  const teller = sound({ sound: "~/ding.wav", hook_seconds: 10 }, log);
  teller.tell("WORK_COMPLETED", moment);
  await teller[Symbol.asyncDispose]();
  expect(folder.lines("played")).toEqual([`pw-play ${home.path}/ding.wav`]);
});

test.each(["bell", "off"])("%s plays nothing", async (setting) => {
  playing("pw-play");
  using _ = enter();
  const teller = sound({ sound: setting, hook_seconds: 10 }, log);
  teller.tell("WORK_COMPLETED", moment);
  await teller[Symbol.asyncDispose]();
  expect(folder.lines("played")).toEqual([]);
  expect(log.lines).toEqual([]);
});

describe("one warning at the start, and nothing is played:", () => {
  test("a file that isn't there", async () => {
    playing("pw-play");
    using _ = enter();
    const teller = sound({ sound: "/no/such.wav", hook_seconds: 10 }, log);
    expect(log.warnings).toEqual(["sound: there is no /no/such.wav"]);
    teller.tell("WORK_COMPLETED", moment);
    await teller[Symbol.asyncDispose]();
    expect(folder.lines("played")).toEqual([]);
    expect(log.lines.length).toBe(1);
  });

  test("no player", async () => {
    using _ = enter();
    const teller = sound({ sound: ding, hook_seconds: 10 }, log);
    teller.tell("WORK_COMPLETED", moment);
    await teller[Symbol.asyncDispose]();
    expect(log.warnings).toEqual([`sound: none of pw-play, paplay, ffplay, afplay is there to play ${ding}`]);
  });
});

test("a player that hangs is ended", async () => {
  folder.program("pw-play", 'echo $$ > "$HERE/pid"; exec /bin/sleep 600');
  using _ = enter();
  await using teller = sound({ sound: ding, hook_seconds: 0.2 }, log);
  teller.tell("WORK_COMPLETED", moment);
  await until(() => log.lines.length > 0);
  expect(log.warnings).toEqual([`sound: pw-play: not done after 0.2 s`]);
  expect(isAlive(Number(folder.lines("pid")[0]))).toBe(false);
});

test("what ends while it plays isn't played again", async () => {
  folder.program("pw-play", 'echo . >> "$HERE/played"; while [ ! -e "$HERE/go" ]; do /bin/sleep 0.02; done');
  using _ = enter();
  const teller = sound({ sound: ding, hook_seconds: 10 }, log);
  teller.tell("WORK_COMPLETED", moment);
  await folder.written("played");
  teller.tell("SHORT_BREAK_COMPLETED", moment);
  writeFileSync(folder.file("go"), "");
  await teller[Symbol.asyncDispose]();
  expect(folder.lines("played")).toEqual(["."]);
});
