import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { checkpoint, refreshCheckpoint } from "../../kernel/checkpoint.ts";
import { pick } from "../../kernel/core/glob.ts";
import { Exit, Expected, errno, message } from "../../kernel/errors.ts";
import { every } from "../../kernel/every.ts";
import { generation, type Open } from "../../kernel/generation.ts";
import type { Activity, Host } from "../../kernel/host.ts";
import { shownPath, socketPath } from "../../kernel/paths.ts";
import { liveTimers } from "../../kernel/runtime.ts";
import { seatName } from "../../kernel/seat.ts";
import type { Slot } from "../../kernel/slot.ts";
import { LATE, within } from "../../kernel/stack.ts";
import type { EventRow, Happening } from "../core/event.ts";
import { type BoardConfig, type Installation, relayMode, zoneId } from "../core/installation.ts";
import { scaled } from "../core/picture.ts";
import type { Override, Saved } from "../core/saved.ts";
import { atRest, type DetectView, type GuardState, type Health } from "../core/view.ts";
import { Camera } from "./camera/camera.ts";
import { Detector } from "./detector/detector.ts";
import { Guard, type GuardEvents, type GuardOptions } from "./guard/client.ts";
import { HookRunner } from "./hooks.ts";
import { installationPath, loadInstallation } from "./installation.ts";
import { Journal } from "./journal.ts";
import { Live, override, type Seen } from "./live.ts";
import { type Mqtt, openMqtt } from "./mqtt.ts";
import type { Hosted } from "./reach.ts";
import { ownBoard } from "./relay/own-board.ts";
import { RelayManager, type RelayOutcome, type Switch } from "./relays.ts";
import { Snapshots, snapshotFolder } from "./snapshots.ts";
import { Usage } from "./usage.ts";

/** What nobody has seen for a while isn't known any more: so often it is looked at, ms. */
const TICK_MS = 100;
/** How often usage is measured, ms. */
const MEASURE_MS = 5_000;
/** How often it is looked whether somebody has edited what is installed, ms. */
const FILE_MS = 2_000;
/** Clients are told of changes so often at most, ms: pictures are five a second of each camera. */
const TELL_MS = 100;
/** A hook waits for its picture for so long, ms. */
const PICTURE_MS = 2_000;
/** A relay that is tested is on for so long, ms. */
const TEST_MS = 300;
const PULSE_MS = 500;
/** What a person sees of a picture, pixels at most. */
const WIDEST = 1_920;
/** A guard that can't be spoken to has this to end; then it is killed. */
const GUARD_MS = 5_000;
/** Cameras are ended one after another, and each has its own time. */
const CAMERA_MS = 3_000;
/** What hooks, and what is kept, have at the end for what still waits. */
const HOOKS_MS = 5_000;
const KEPT_MS = 10_000;
const DETECTOR_MS = 20_000;
const GUARD_OPEN_MS = 20_000;

/** What is open while it runs. */
type Running = {
  /** What is installed, as it was opened. */
  now: Installation;
  live: Live;
  relays: RelayManager;
  guard: Guard | undefined;
  detector: Detector | undefined;
  cameras: Camera[];
};

/**
 * Opens detection on a host.
 * @param told told what happens
 * @param random for backoffs, in [0, 1)
 */
export async function openDetect(
  host: Host,
  { saved: begun, crashed }: Pick<Hosted, "saved" | "crashed">,
  told: (row: EventRow) => void,
  random: () => number = Math.random,
): Promise<Activity<object>> {
  const { clock, log, profile, stack, store } = host;
  const dryRun = begun.dry_run;
  const path = installationPath(profile);
  const seenFirst = await fileState(path);
  const loaded = await loadInstallation(profile);
  let { installation } = loaded;
  let begins: "started" | "taken_up" | undefined = crashed ? "taken_up" : "started";
  let lastState: string | undefined;
  const overrides = new Map<string, Override>(Object.entries(begun.overrides));
  let saved: Saved = begun;
  /** What can't be kept for now, by who keeps it. */
  const unkept = new Map<"events" | "snapshots" | "state", string>();
  let running: Running | undefined;
  /** When relays were last on. */
  const offSince = new Map<string, number>();
  /** The installation that what is open, or opening, was opened with; undefined while nothing is. */
  let opened: Installation | undefined;
  /** The file as it was when it was last read. */
  let seen = seenFirst;
  /** The file as it was when it was last taken in. */
  let had = seenFirst;
  /** Why the file isn't taken in as it is now. */
  let unread: string | null = null;
  /** Why relays go off when what is open is disposed. */
  let ending = "shutdown";
  const usage = new Usage(clock);

  let mqtt: Slot<Pick<Mqtt, "update" | "event" | "problem" | typeof Symbol.asyncDispose>> | undefined;
  let telling: ReturnType<typeof setTimeout> | undefined;
  const changed = () => {
    telling ??= setTimeout(() => {
      telling = undefined;
      host.changed();
      if (installation.mqtt) mqtt?.current?.update(view());
    }, TELL_MS);
  };
  await stack.open("state", "telling", async () => ({
    async [Symbol.asyncDispose]() {
      clearTimeout(telling);
      // Nothing is told any more.
      telling ??= setTimeout(() => {}, 0);
    },
  }));
  const kept = (by: "events" | "snapshots" | "state") => (problem: string | null) => {
    if (problem === null) unkept.delete(by);
    else unkept.set(by, problem);
    changed();
  };
  const stateKept = (error?: unknown) => {
    if (error === undefined) return unkept.has("state") && kept("state")(null);
    const problem = `the session's state can't be written: ${message(error)}`;
    if (!unkept.has("state")) log.error(problem, { error });
    kept("state")(problem);
  };

  const hooks = await stack.open(
    "state",
    "hooks",
    async () => new HookRunner(() => installation.hooks, log),
    {
      disposeMs: HOOKS_MS,
    },
  );
  const journal = await stack.open(
    "state",
    "events",
    () =>
      Journal.open(store, profile, host.session, {
        clock,
        log,
        told: (row) => {
          told(row);
          mqtt?.current?.event(row);
          if (row.event === "camera_lost" || row.event === "guard_dead") hooks.fire(row.event, row);
          changed();
        },
        storage: kept("events"),
        retention: () => installation.retention,
      }),
    { disposeMs: KEPT_MS },
  );
  const snapshots = await stack.open(
    "state",
    "snapshots",
    () => Snapshots.open(profile, () => installation.retention, { clock, log, storage: kept("snapshots") }),
    { disposeMs: KEPT_MS },
  );
  mqtt = await host.slot("mqtt", async () =>
    installation.mqtt
      ? openMqtt(installation.mqtt, { log, profile })
      : { update: () => {}, event: () => {}, problem: null, async [Symbol.asyncDispose]() {} },
  );

  /** What outlives this host. */
  const leave = (): Saved => ({
    ...saved,
    overrides: Object.fromEntries(overrides),
    ...(running ? running.relays.saved : {}),
  });
  let reloading: Promise<void> = Promise.resolve();
  let unsaved = false;
  let saving = false;
  /** Written behind what is going on: no relay waits for a disk. One after another, so that the last word stays. */
  const save = async () => {
    unsaved = true;
    if (saving) return;
    saving = true;
    while (unsaved) {
      unsaved = false;
      saved = leave();
      const state = saved;
      try {
        await store.write((db) => refreshCheckpoint(db, host.session, state, clock));
        stateKept();
      } catch (error) {
        stateKept(error);
      }
    }
    saving = false;
  };

  const happened = (happening: Happening): EventRow => {
    const row = journal.add(happening);
    changed();
    return row;
  };

  /** A picture and the stream around a trip, for those who look later. */
  const keep = async (row: EventRow, { camera, zone, at, frame, people }: Seen) => {
    const { clip_before_ms: before, clip_after_ms: after } = installation.retention;
    const source = running?.cameras[camera];
    const picture = async () => {
      if (!frame) return undefined;
      const label = `${installation.cameras[camera]?.name ?? ""}/${zone.name}`;
      const snapshot = await snapshots.picture(row.id, frame, people, zone.points, label);
      if (snapshot !== undefined) journal.attach(row.id, { snapshot });
      return snapshot;
    };
    // With the picture, for whoever passes it on, unless the disk has no end with it.
    const shot = await within(picture(), { ms: PICTURE_MS });
    const file = shot === LATE || shot === undefined ? null : join(snapshotFolder(profile), shot);
    hooks.fire("trip", { ...row, snapshot: file });
    if (!source || before + after === 0) return;
    const bytes = await source.clip(at - before, at + after, leaving.signal);
    const clip = bytes && (await snapshots.clip(row.id, bytes));
    if (clip !== undefined) journal.attach(row.id, { clip });
  };
  const tripped = (row: EventRow, seen: Seen) => {
    keep(row, seen).catch((error: unknown) => log.warn("what was seen isn't kept", { event: row.id, error }));
  };
  /** Clips that still wait for what comes are given up at the end. */
  let leaving = new AbortController();

  const view = (): DetectView & Record<string, unknown> => ({
    v: 1,
    type: "detect",
    session_id: host.session,
    profile,
    state: "",
    degraded: [],
    dry_run: dryRun,
    ...(running
      ? { cameras: running.live.cameraRows(), zones: running.live.zoneRows(), relays: running.relays.rows() }
      : atRest(installation, leave())),
    guard: { pid: running?.guard?.pid ?? null, state: guardState() },
    detector: {
      state: running ? (running.detector?.state ?? "starting") : "closed",
      ms: running?.detector?.ms ?? null,
      dropped: running?.detector?.dropped ?? 0,
    },
    health: health(),
    events: journal.last,
    as_of: clock.wall(),
  });
  const guardState = (): GuardState => (running?.guard ? running.guard.state : "none");
  const health = (): Health => ({
    ...usage.now,
    reconnects: running?.live.reconnects ?? 0,
    latency_p95_ms: running?.live.latencyP95 ?? null,
    cycles: Object.values(leave().cycles).reduce((sum, n) => sum + n, 0),
    self_test: saved.self_test,
    storage: [...unkept.values()][0] ?? null,
    hooks: hooks.failure,
    mqtt: mqtt?.current?.problem ?? null,
    config: unread,
  });
  host.show(view);

  const outcomes = async (does: Promise<RelayOutcome>[]) => {
    const all = await Promise.all(does);
    void save();
    return { outcomes: all };
  };
  const relays = () => {
    if (!running) throw new Expected(Exit.again, "it is paused", "stint detect resume");
    return running.relays;
  };

  const activity: Activity<object> = {
    given: {},
    paused: begun.paused,
    // Whoever ends it all, as systemd does, ends the cameras in the same breath: that is no loss to trip for.
    ending: () => running?.live.close(),
    // No disk keeps a relay from being switched.
    unwritten: stateKept,
    async reached(state) {
      const is = state === "running" ? (begins ?? "resumed") : state === "paused" ? "paused" : "stopped";
      begins = undefined;
      if (state !== lastState) happened({ event: "session", is });
      lastState = state;
      saved = {
        ...leave(),
        // One that was told to end while it was paused goes on paused.
        paused: state === "stopping" ? saved.paused : state === "paused",
        over: state === "stopping" && host.stopAsked(),
      };
      const type = state === "running" ? "WATCHING" : state === "paused" ? "PAUSED" : "STOPPED";
      await store.write((db) =>
        checkpoint(db, { session: host.session, type, state: saved, keep: 20 }, clock),
      );
    },
    generation: generation<object>()
      .sources(async (open) => {
        leaving = new AbortController();
        // Of this generation to its end, whatever is installed meanwhile.
        const now = installation;
        opened = now;
        const live = new Live({
          installation: now,
          dryRun,
          clock,
          log,
          overrides,
          happened,
          tripped,
          changed,
        });
        await open("what is seen", async () => ({
          async [Symbol.asyncDispose]() {
            live.close();
            saved = leave();
            running = undefined;
            opened = undefined;
          },
        }));
        const cameras: Camera[] = [];
        for (const [at, config] of now.cameras.entries()) {
          const { clip_before_ms, clip_after_ms } = now.retention;
          const options = {
            clock,
            random,
            log,
            keepMs: clip_before_ms + clip_after_ms,
            frame: live.frame.bind(live, at),
            changed: live.link.bind(live, at),
          };
          const name = `camera ${config.name}`;
          const camera = await open(name, (signal) => Camera.open(config, options, signal), {
            disposeMs: CAMERA_MS,
          });
          cameras.push(camera);
        }
        live.watch(cameras);
        return { now, live, cameras };
      })
      .actuators(async (open, { now, live, cameras }) => {
        let manager: RelayManager | undefined;
        const events: GuardEvents = {
          fired: (why) => manager?.reread(`guard: ${why}`),
          dead: (why) => {
            happened({ event: "guard_dead", why });
            manager?.reread(`guard dead: ${why}`);
          },
          ready: (pid) => {
            happened({ event: "guard_ready", pid });
            manager?.reread("guard");
          },
          board: (board, present, why) => {
            if (present) happened({ event: "board_back", board });
            else happened({ event: "board_lost", board, why: why ?? "unplugged" });
            manager?.reread("board");
          },
        };
        const folder = dirname(socketPath(seatName("detect", profile, host.session)));
        const needed = now.boards.filter(({ name }) => now.relays.some(({ board }) => board === name));
        const guard =
          dryRun || needed.length === 0
            ? undefined
            : await openGuard(open, needed, { log, clock, events }, folder);
        const manages = await open(
          "relays",
          async () => {
            const relays = new RelayManager({
              relays: now.relays.map((config) => ({
                config,
                mode: relayMode(now, config.id),
              })),
              board: guard && switchOf(guard),
              saved: leave(),
              offSince,
              clock,
              log,
              ending: () => ending,
              happened,
              changed: () => {
                changed();
                void save();
              },
            });
            const dispose = relays[Symbol.asyncDispose].bind(relays);
            return Object.assign(relays, {
              async [Symbol.asyncDispose]() {
                if (!guard) return dispose();
                // Until they have said so, also when they never do.
                saved = { ...saved, not_off: "not known to be off: the board doesn't answer" };
                try {
                  await dispose();
                  saved = { ...saved, not_off: null };
                } catch (error) {
                  const each = error instanceof AggregateError ? error.errors : [error];
                  saved = { ...saved, not_off: each.map(message).join("; ") };
                  throw error;
                }
              },
            });
          },
          { disposeMs: GUARD_MS },
        );
        if (guard) saved = { ...saved, not_off: null };
        ending = "shutdown";
        manager = manages;
        running = { now, live, relays: manages, guard, detector: undefined, cameras };
        live.drive(manages);
        return { relays: manages };
      })
      .timers(async (open, { live }) => {
        const watch = async () => {
          try {
            live.evaluate();
          } catch (error) {
            // As long as nobody evaluates, what is on would stay on.
            host.end(error);
          }
        };
        await open("watch", every(TICK_MS, watch, log));
        // Whoever edits the file tells nobody. Not waited for: taking it in may dispose this.
        const look = async () => {
          if ((await fileState(path)) !== seen) void reloaded().catch(notTaken);
        };
        await open("installation", every(FILE_MS, look, log));
        await open(
          "usage",
          every(
            MEASURE_MS,
            async () => {
              await usage.measure();
              changed();
            },
            log,
          ),
        );
        return {};
      })
      .workers(async (open, { now, live }) => {
        const clips = async () => ({
          async [Symbol.asyncDispose]() {
            leaving.abort();
          },
        });
        await open("clips", clips);
        if (now.cameras.length === 0) return {};
        const detector = await open(
          "detector",
          (signal) =>
            Detector.open(
              now.detector,
              {
                found: ({ camera, frame, detections }) => live.found(camera, frame, detections),
                lost: (why) => {
                  happened({ event: "detector_lost", why });
                  live.evaluate();
                },
                back: () => {
                  happened({ event: "detector_back" });
                  live.evaluate();
                },
              },
              signal,
            ),
          { openMs: DETECTOR_MS },
        );
        if (running) running.detector = detector;
        live.look(detector);
        // On top of all: what goes after this is no loss to trip for.
        await open("zones", async () => ({
          async [Symbol.asyncDispose]() {
            live.close();
          },
        }));
        return {};
      }),
    commands: {
      arm: async (args) => {
        const { zones, armed } = armOf(args);
        const ids = installation.cameras.flatMap(({ name, zones }) =>
          zones.map((zone) => zoneId(name, zone.name)),
        );
        const { picked, unknown } = pick(zones.length === 0 ? ["*"] : zones, ids);
        if (unknown.length > 0 && zones.length > 0) return { zones: [], unknown };
        override(installation, overrides, picked, armed);
        running?.live.armed(picked);
        void save();
        return { zones: picked, unknown: [] };
      },
      relay: async (args) => {
        const { act, ids: named, for_ms } = relayOf(args);
        // In a pause everything is off, or nobody knows.
        if (act === "off" && !running) {
          const all = installation.relays.map(({ id }) => id);
          const { not_off } = saved;
          return {
            outcomes: (named.length > 0 ? named : all).map((relay) =>
              all.includes(relay)
                ? { relay, ok: not_off === null, text: not_off ?? "off" }
                : { relay, ok: false, text: "there is no such relay" },
            ),
          };
        }
        const manager = relays();
        const ids = named.length > 0 ? named : manager.ids;
        const until = clock.monotonic() + (for_ms ?? (act === "pulse" ? PULSE_MS : Number.POSITIVE_INFINITY));
        if (act === "ack") return outcomes(ids.map(async (id) => manager.acknowledge(id)));
        if (act === "off") return outcomes(ids.map((id) => manager.off(id)));
        if (act !== "test") return outcomes(ids.map((id) => manager.on(id, until)));
        if (dryRun) throw new Expected(Exit.again, "this is a dry run: no relay is switched");
        // One after another: a board's supply is not made for all of them at once.
        const all: RelayOutcome[] = [];
        for (const id of ids) all.push(await manager.test(id, TEST_MS));
        saved = { ...saved, self_test: { at: clock.wall(), ok: all.every(({ ok }) => ok) } };
        void save();
        return { outcomes: all };
      },
      picture: async (args) => {
        const { camera, width } = pictureOf(args);
        const frame = running?.live.newest(camera);
        if (!frame) return {};
        const { data, ...size } = scaled(frame, width);
        return {
          ...size,
          data: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64"),
        };
      },
      measure: async () => ({ timers: await liveTimers() }),
      reload: async () => {
        await reloaded();
        return {};
      },
      pause: async () => {
        ending = "pause";
        await host.pause();
        return { not_off: saved.not_off };
      },
      resume: async () => resume(),
      toggle: async () => {
        ending = "pause";
        await (running ? host.pause() : resume());
      },
    },
  };
  return activity;

  /** One after another. */
  async function reloaded(): Promise<void> {
    const done = reloading.then(reload);
    reloading = done.catch(() => {});
    await done;
  }

  /** What is installed may have been mended since. */
  async function resume(): Promise<void> {
    await reloaded();
    await host.resume();
  }

  function notTaken(error: unknown): void {
    log.warn(`what is installed isn't taken in: ${message(error)}`);
  }

  /** Takes in what is installed now. @throws what it can't be opened with; then it goes on as it was */
  async function reload(): Promise<void> {
    try {
      // Before it is read: what is written meanwhile is seen the next time.
      seen = await fileState(path);
      if (isNothing(seen) && !isNothing(had)) {
        throw new Expected(Exit.config, `${shownPath(path)} is gone or empty`, "stint detect check");
      }
      await takeIn((await loadInstallation(profile)).installation);
      had = seen;
      unread = null;
    } catch (error) {
      unread = message(error);
      throw error;
    } finally {
      changed();
    }
  }

  async function takeIn(next: Installation): Promise<void> {
    const before = installation;
    const differ = (a: unknown, b: unknown) => JSON.stringify(a) !== JSON.stringify(b);
    const tells = differ(next.mqtt, before.mqtt);
    installation = next;
    if (tells) await mqtt?.replace();
    // What is opened next is opened with it.
    if (!opened || !differ(next, opened)) return;
    if (running && !differ(withoutZones(next), withoutZones(running.now))) {
      running.live.redraw(next.cameras);
      running.now = next;
      opened = next;
      return;
    }
    try {
      // Whatever else has changed: all relays off, and all of it anew.
      ending = "configuration";
      await host.renew();
    } catch (error) {
      installation = before;
      if (tells) await mqtt?.replace();
      await host.resume().catch((error: unknown) => log.error("it can't go on as it was", { error }));
      throw error;
    }
  }
}

/** The guard of some boards, and below it those that are simulated here. */
async function openGuard(
  open: Open,
  boards: Installation["boards"],
  options: GuardOptions,
  folder: string,
): Promise<Guard> {
  const found: BoardConfig[] = [];
  for (const board of boards) {
    if (board.kind !== "simulator" || board.socket !== null) found.push(board);
    else {
      const own = await open(`simulated board ${board.name}`, () => ownBoard(board, folder), {
        openMs: GUARD_OPEN_MS,
      });
      found.push({ ...board, socket: own.socket });
    }
  }
  const limits = { openMs: GUARD_OPEN_MS, disposeMs: GUARD_MS };
  return open("guard", (signal) => Guard.open(found, options, signal), limits);
}

const EMPTY = "empty";
/** Whether there is nothing in it: gone, or just being written by an editor. */
const isNothing = (state: string): boolean => state === EMPTY || state === "ENOENT";

/** What tells whether a file was written since; its absence is a state too. */
async function fileState(path: string): Promise<string> {
  try {
    const { mtimeMs, ctimeMs, size, ino } = await stat(path);
    return size === 0 ? EMPTY : `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
  } catch (error) {
    return errno(error) ?? message(error);
  }
}

const switchOf = (guard: Guard): Switch => ({
  set: (board, channel, on) => guard.set(board, channel, on),
  allOff: () => guard.allOff(),
  bits: (board) => {
    const { present, bits } = guard.boardState(board);
    return present ? bits : null;
  },
  get ready() {
    return guard.state === "ok";
  },
});

/** What makes it necessary to open everything anew: all but where zones lie, what is kept, and whom to tell. */
function withoutZones({ cameras, hooks: _, mqtt: __, ...rest }: Installation): object {
  const { days: ___, megabytes: ____, ...clips } = rest.retention;
  return {
    ...rest,
    retention: clips,
    cameras: cameras.map(({ zones, masks: _____, ...camera }) => ({
      ...camera,
      // A relay is an alarm or a permit by the zones that it serves.
      zones: zones.map(({ mode, relays }) => ({ mode, relays })),
    })),
  };
}

const bad = (what: string): Expected => new Expected(Exit.usage, what, "stint detect --help");

const field = (args: unknown, name: string): unknown => (args as Record<string, unknown> | null)?.[name];

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === "string");

function armOf(args: unknown): { zones: string[]; armed: boolean } {
  const [zones, armed] = [field(args, "zones"), field(args, "armed")];
  if (!isTexts(zones) || typeof armed !== "boolean")
    throw bad("zones is to be a list of names, armed a boolean");
  return { zones, armed };
}

const ACTS = ["on", "off", "pulse", "test", "ack"] as const;

function relayOf(args: unknown): { act: (typeof ACTS)[number]; ids: string[]; for_ms: number | undefined } {
  const [does, ids, forMs] = [field(args, "do"), field(args, "ids") ?? [], field(args, "for_ms")];
  const act = ACTS.find((each) => each === does);
  if (!act) throw bad(`do is to be one of ${ACTS.join(", ")}`);
  if (!isTexts(ids)) throw bad("ids is to be a list of names");
  if (forMs !== undefined && !(typeof forMs === "number" && forMs > 0 && forMs <= 24 * 3_600_000)) {
    throw bad("for_ms is out of range");
  }
  if ((act === "on" || act === "pulse") && ids.length === 0) throw bad("which relay?");
  return { act, ids, for_ms: forMs };
}

function pictureOf(args: unknown): { camera: string; width: number } {
  const [camera, width] = [field(args, "camera"), field(args, "width")];
  if (typeof camera !== "string") throw bad("camera is to be a name");
  if (typeof width !== "number" || !(width >= 1 && width <= WIDEST)) throw bad("width is out of range");
  return { camera, width };
}
