/** `stint detect` as its users run it: the executable, real cameras as files or over RTSP, a board that is a process. */
import { expect, test } from "bun:test";
import { closeSync, constants, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { makeFifo } from "../../src/kernel/runtime.ts";
import { type Config, camera, comesAndGoes, DetectBox } from "../support/detect.ts";
import { alive } from "../support/modules.ts";
import { RtspServer, STREET } from "../support/rtsp.ts";
import type { Line } from "../support/sandbox.ts";
import { stint, until } from "../support/sandbox.ts";

/** Each has a detector, which is at work all the time: more at once than this would only wait for each other. */
const AT_ONCE = 4;
let running = 0;
const waiting: (() => void)[] = [];

async function turn(): Promise<() => void> {
  if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  running++;
  return () => {
    running--;
    waiting.shift()?.();
  };
}

/** A board with a lamp (1) and a permit (2). */
async function boxed(
  cameras: Config[],
  more: Config = {},
  command: readonly string[] = stint.executable,
  env: Record<string, string> = {},
) {
  const done = await turn();
  const box = new DetectBox(command, env);
  const board = await box.board();
  box.install({
    cameras,
    boards: [{ name: "main", kind: "simulator", socket: board.socket }],
    relays: [
      { id: "lamp", channel: 1, max_on: "never" },
      { id: "machine", channel: 2 },
    ],
    ...more,
  });
  const dispose = async () => {
    await box[Symbol.asyncDispose]();
    done();
  };
  return { box, board, [Symbol.asyncDispose]: dispose };
}

const LAMP = 1;
const MACHINE = 2;
const alarm: Config = { relays: ["lamp"] };
const permit: Config = { relays: ["machine"], mode: "permit" };
const corner = [
  [0, 0],
  [0.05, 0],
  [0.05, 0.05],
  [0, 0.05],
];

/** A place where somebody always is, and a corner of the sky. */
const street = (): Config => ({
  ...camera("street", `file://${STREET}`, alarm),
  zones: [
    {
      name: "all",
      points: camera("", "", {})["zones"] && [
        [0, 0],
        [1, 0],
        [1, 1],
        [0, 1],
      ],
      ...alarm,
    },
    { name: "sky", points: corner, ...permit },
  ],
});

const named = (events: readonly Line[], name: string) => events.filter(({ event }) => event === name);

test.concurrent("who comes in switches a relay on, who leaves off, and the permit the other way round", async () => {
  const video = await comesAndGoes();
  await using at = await boxed([
    camera("hall", video, { ...alarm, hold: "500ms" }),
    camera("yard", video, { ...permit, hold: "500ms" }),
  ]);
  const { box, board } = at;
  await box.do("run", "--detach");
  await box.until(({ zones, relays }) => zones[0]?.occupied === true && relays[0]?.state === "on");
  await until(() => (board.bits & LAMP) !== 0);
  await box.until(({ relays }) => relays[0]?.state === "off" && relays[1]?.state === "on");
  expect(board.bits).toBe(MACHINE);
  await box.until(({ zones, relays }) => zones[1]?.occupied === true && relays[1]?.state === "off");
  expect(await box.do("stop")).toMatchObject({ state: "stopped" });
  expect(board.bits).toBe(0);
  const events = await box.events();
  for (const [name, zone] of [
    ["hall", "all"],
    ["yard", "all"],
  ]) {
    expect(named(events, "entered")).toContainEqual(expect.objectContaining({ camera: name, zone }));
    expect(named(events, "left")).toContainEqual(expect.objectContaining({ camera: name, zone }));
  }
  const trips = named(events, "tripped").filter(({ latency_ms }) => latency_ms !== null);
  expect(trips.length).toBeGreaterThan(0);
  await until(() => Object.values(box.parts).flat().length === 0);
});

test.concurrent("kill -9 of the host switches all off, leaves nothing behind, and the next run goes on under its session", async () => {
  await using at = await boxed([street()]);
  const { box, board } = at;
  await box.do("run", "--detach");
  await box.until(({ relays }) => relays.every(({ state }) => state === "on"));
  expect(board.bits).toBe(LAMP | MACHINE);
  await box.do("disarm", "street/all");
  await box.until(({ relays }) => relays[0]?.state === "off");
  await box.do("arm");
  await box.until(({ relays }) => relays[0]?.state === "on");
  await box.do("disarm", "street/sky");
  // What is disarmed stays so, also when it is stopped and begun anew.
  await box.do("stop");
  await box.do("run", "--detach");
  const begun = await box.until(({ relays }) => relays[0]?.state === "on");
  expect(begun).toMatchObject({ zones: [{ armed: true }, { armed: false }], relays: [{}, { state: "off" }] });
  const { session_id } = begun;
  const parts = box.parts;
  expect([parts.guard.length, parts.ffmpeg.length]).toEqual([1, 1]);
  await box.kill();
  await until(() => board.bits === 0, Boolean, 2_000);
  await until(() => box.parts.ffmpeg.length + box.parts.guard.length === 0, Boolean, 2_000);
  await box.do("run", "--detach");
  const again = await box.until(({ relays }) => relays[0]?.state === "on");
  expect(again["session_id"]).toBe(session_id as string);
  expect(again.zones).toMatchObject([{ armed: true }, { armed: false }]);
  expect(again.relays[1]?.state).toBe("off");
  expect(named(await box.events(), "session").map(({ is }) => is)).toEqual([
    "started",
    "stopped",
    "started",
    "taken_up",
  ]);
  await box.do("stop");
});

test.concurrent("a guard that is killed is off at once, told of, and replaced before anything is on again", async () => {
  await using at = await boxed([street()], { hooks: { guard_dead: ["/bin/sh", "-c", "cat >> guard.txt"] } });
  const { box, board } = at;
  await box.do("run", "--detach");
  const { guard } = await box.until(({ relays }) => relays.every(({ state }) => state === "on"));
  const writes = board.writes.length;
  process.kill(guard.pid as number, "SIGKILL");
  await until(() => board.writes.slice(writes).some(({ bits }) => bits === 0));
  const after = await box.until(
    ({ guard: now, relays }) =>
      now.pid !== guard.pid && now.state === "ok" && relays.every(({ state }) => state === "on"),
  );
  expect(after.guard.pid).not.toBe(guard.pid);
  const events = await box.events();
  expect(named(events, "guard_dead")).toHaveLength(1);
  expect(named(events, "guard_ready")).toHaveLength(1);
  const log = readFileSync(`${box.work}/guard.txt`, "utf8");
  expect(JSON.parse(log)).toMatchObject({ type: "event", event: "guard_dead" });
  await box.do("stop");
});

test.concurrent("a host that hangs is switched off by its guard, and goes on when it is back", async () => {
  await using at = await boxed([street()]);
  const { box, board } = at;
  await box.do("run", "--detach");
  await box.until(({ relays }) => relays.every(({ state }) => state === "on"));
  const host = box.host;
  process.kill(host, "SIGSTOP");
  await until(() => board.bits === 0, Boolean, 3_000);
  process.kill(host, "SIGCONT");
  await box.until(({ guard, relays }) => guard.state === "ok" && relays.every(({ state }) => state === "on"));
  await box.do("stop");
  expect(board.bits).toBe(0);
});

test.concurrent("a camera that is lost is no empty zone: it trips, and is back by itself", async () => {
  await using server = await RtspServer.start({ login: ["user", "s3cret"] });
  await using at = await boxed([
    {
      name: "hall",
      url: server.url,
      zones: [
        { name: "sky", points: corner, ...alarm },
        { name: "floor", points: corner, ...permit },
      ],
    },
  ]);
  const { box, board } = at;
  await box.do("run", "--detach");
  await box.until(({ relays }) => relays[0]?.state === "off" && relays[1]?.state === "on");
  await server.kill();
  const lost = await box.until(
    ({ cameras, relays }) =>
      cameras[0]?.state === "lost" && relays[0]?.state === "on" && relays[1]?.state === "off",
  );
  expect(lost.zones.map(({ occupied }) => occupied)).toEqual([null, null]);
  expect(board.bits).toBe(LAMP);
  await server.restart();
  const back = await box.until(
    ({ relays }) => relays[0]?.state === "off" && relays[1]?.state === "on",
    20_000,
  );
  expect(back.cameras[0]?.reconnects).toBeGreaterThan(0);
  // The password is told nowhere.
  const texts = [
    JSON.stringify(back),
    JSON.stringify(await box.events()),
    JSON.stringify(box.log("detect.default")),
  ];
  texts.push((await box.run(["detect", "cameras", "list"])).out, (await box.run(["detect", "check"])).out);
  for (const pid of [...box.parts.host, ...box.parts.ffmpeg])
    texts.push(readFileSync(`/proc/${pid}/cmdline`, "utf8"));
  for (const text of texts) expect(text).not.toContain("s3cret");
  await box.do("stop");
});

test.concurrent("pause closes all of it with every relay off, resume opens it again under the same session", async () => {
  await using at = await boxed([street()]);
  const { box, board } = at;
  await box.do("run", "--detach");
  const { session_id } = await box.until(({ relays }) => relays.every(({ state }) => state === "on"));
  expect(await box.do("pause")).toMatchObject({ state: "paused" });
  expect(board.bits).toBe(0);
  expect(box.parts).toMatchObject({ guard: [], ffmpeg: [] });
  const { code } = await box.run(["detect", "health"]);
  expect(code).toBe(1);
  // Somebody may count on it being paused.
  await box.kill();
  expect(await box.do("run", "--detach")).toMatchObject({ state: "paused", session_id });
  expect(await box.do("resume")).toMatchObject({ state: "running", session_id });
  await box.until(({ relays }) => relays.every(({ state }) => state === "on"));
  await box.do("stop");
});

test.concurrent("a dry run decides all and switches nothing, and tells each trip's latency", async () => {
  await using at = await boxed([street()]);
  const { box, board } = at;
  const child = box.start(["detect", "run", "--dry-run", "--json"]);
  let text = "";
  for await (const chunk of child.stdout) {
    text += new TextDecoder().decode(chunk);
    if (/"event":"tripped".*"person".*\n/.test(text)) break;
  }
  const trip = text
    .split("\n")
    .filter((line) => /"tripped".*"person"/.test(line))
    .map((line) => JSON.parse(line) as Line)[0];
  expect(trip).toMatchObject({ camera: "street", zone: "all", cause: "person", dry_run: true });
  expect(Number(trip?.["latency_ms"])).toBeGreaterThan(0);
  child.kill("SIGINT");
  expect(await child.exited).toBe(130);
  expect(board.writes).toEqual([]);
});

test.concurrent("what is installed is changed while it runs; what is wrong is refused, and all goes on as it was", async () => {
  await using at = await boxed([street()]);
  const { box, board } = at;
  await box.do("run", "--detach");
  await box.until(({ relays }) => relays[0]?.state === "on");
  const video = await comesAndGoes();
  await box.do("cameras", "add", "second", `file://${video}`);
  const two = await box.until(
    ({ cameras }) => cameras.length === 2 && cameras.every(({ state }) => state === "live"),
  );
  expect(two.state).toBe("running");
  const refused = await box.run(["detect", "cameras", "add", "second", `file://${video}`]);
  expect(refused.code).not.toBe(0);
  await box.do("cameras", "remove", "second");
  await box.until(({ cameras, relays }) => cameras.length === 1 && relays[0]?.state === "on");
  // By hand too; a mistake is told, and nothing else comes of it.
  const text = readFileSync(box.file, "utf8");
  writeFileSync(box.file, text.replace("mode: permit", "mode: permitt"));
  const ill = await until(
    async () => (await box.run(["detect", "health"])).lines[0],
    (line) => line?.["ok"] === false,
  );
  expect(JSON.stringify(ill?.["problems"])).toContain("isn't taken in");
  expect((await box.state()) as object).toMatchObject({
    state: "running",
    relays: [{ state: "on" }, { state: "on" }],
  });
  expect(await box.do("relay", "off", "machine")).toMatchObject({ ok: true });
  expect(board.bits).toBe(LAMP);
  writeFileSync(box.file, text.replace("mode: permit", "mode: alarm"));
  await box.until(({ zones }) => zones[1] !== undefined && (zones[1] as Line)["mode"] === "alarm");
  await box.do("stop");
  expect(board.bits).toBe(0);
});

test.concurrent("snapshots and clips of trips are kept, and show what was there", async () => {
  const video = await comesAndGoes();
  await using at = await boxed([camera("hall", video, { ...alarm, hold: "500ms" })], {
    retention: { clip_before: "1s", clip_after: "1s" },
  });
  const { box } = at;
  await box.do("run", "--detach");
  const trip = await until(
    async () =>
      named(await box.events(), "tripped").find(({ snapshot, clip }) => snapshot !== null && clip !== null),
    Boolean,
    20_000,
  );
  const [shown] = (await box.run(["detect", "snapshots", "list"])).lines;
  expect(shown).toMatchObject({ type: "snapshot" });
  const png = `${box.work}/trip.png`;
  const show = await box.run(["detect", "snapshots", "show", String(trip?.["id"]), "--png", png]);
  expect(show.code).toBe(0);
  expect(readFileSync(png).subarray(1, 4).toString()).toBe("PNG");
  await box.do("stop");
});

test.concurrent("whatever hangs on the way down, every step is logged and no relay stays on", async () => {
  const faults = ["hang:detector", "hang:watch", "hang:relays", "hang:guard", "hang:camera street"];
  await Promise.all(
    faults.map(async (fault) => {
      await using at = await boxed([street()], {}, stint.faults, { STINT_FAULT: fault });
      const { box, board } = at;
      await box.do("run", "--detach");
      await box.until(({ relays }) => relays.every(({ state }) => state === "on"));
      const pid = box.host;
      process.kill(pid, "SIGTERM");
      await until(() => !alive(pid), Boolean, 20_000);
      expect({ fault, bits: board.bits }).toEqual({ fault, bits: 0 });
      const steps = box
        .log("detect.default")
        .flatMap(({ text }) => /^shutdown \d\/7 (\w+)/.exec(String(text))?.[1] ?? []);
      expect(steps).toEqual(["workers", "timers", "actuators", "sources", "state", "store", "terminal"]);
      await until(() => Object.values(box.parts).flat().length === 0, Boolean, 3_000);
    }),
  );
});

test.concurrent("whoever doesn't read what it says holds up nobody", async () => {
  await using at = await boxed([street()]);
  const { box, board } = at;
  const path = `${box.work}/full`;
  makeFifo(path);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  // Not a byte more fits in.
  for (let size = 65_536; size >= 1; size >>= 1) {
    try {
      while (writeSync(fd, Buffer.alloc(size))) {}
    } catch {}
  }
  const child = Bun.spawn([...box.command, "detect", "run", "--json"], {
    cwd: box.work,
    env: box.env,
    stdin: "ignore",
    stdout: Bun.file(path),
    stderr: "ignore",
  });
  await until(() => box.host > 0);
  await box.until(({ relays }) => relays.every(({ state }) => state === "on"));
  expect(await box.do("stop")).toMatchObject({ state: "stopped" });
  expect([board.bits, await child.exited]).toEqual([0, 0]);
  closeSync(fd);
});
