import { existsSync } from "node:fs";
import type { Context } from "../../kernel/command.ts";
import { spokenDuration } from "../../kernel/core/duration.ts";
import { Exit, Expected, message } from "../../kernel/errors.ts";
import { notifiedBy } from "../../kernel/notify.ts";
import type { Output } from "../../kernel/output.ts";
import { findHosts } from "../../kernel/seat.ts";
import { LATE, within } from "../../kernel/stack.ts";
import { fit, oneRow } from "../../kernel/tui/text.ts";
import { KeyCounter, MouseCounter } from "../core/counts.ts";
import type { Backend, TrackerName } from "../core/trackers.ts";
import { lockSeen } from "./lock.ts";
import { openFolder } from "./screenshots/store.ts";
import { probe } from "./senses/probe.ts";
import type { Offer, Probed } from "./senses/sense.ts";
import { uiohookThere } from "./senses/uiohook/uiohook.ts";
import { lengthOf, settings } from "./settings.ts";

/** What was found out about one thing. `said` is what it tells when it works, else why it doesn't. */
type Finding = { name: string; via: Backend | null; ok: boolean; said: string; hint?: string };

/** A sense has so long to open and to answer, ms. */
const TRY_MS = 3_000;

/**
 * `stint track doctor`: what can be watched on this machine, as it was just tried. It tells no title and no key.
 * @returns 0 when all trackers can work, else 1
 */
export async function doctor({ output, profile }: Context): Promise<number> {
  const { track } = await settings();
  const wish = { input: track.input, idleMs: lengthOf(track.idle_threshold) };
  const notes: string[] = [];
  const probed = await probe(wish, process.env).catch((error) => {
    if (!(error instanceof Expected)) throw error;
    notes.push(`track.input is ${track.input}, which can't be: ${error.message}`);
    return probe({ ...wish, input: "auto" }, process.env);
  });
  const asked = notes.length === 0;
  notes.push(...probed.notes);

  const senses = await trySenses(probed);
  const folder = await screenshotFolder(track.screenshot_folder, profile);
  const others = [folder, uiohook(), notifications(), await lock(), suspend(), hosts()];
  if (output.json) {
    for (const finding of senses) output.emit({ type: "sense", desktop: probed.desktop, ...record(finding) });
    for (const finding of others) output.emit({ type: "check", ...record(finding) });
    for (const note of notes) output.emit({ type: "note", note });
  } else {
    output.text(`Desktop: ${probed.desktop}\n\n`);
    list(output, senses);
    output.text("\n");
    list(output, others);
    if (notes.length > 0) output.text(`\n${notes.join("\n")}\n`);
  }
  const trackers = senses.filter(({ name }) => name !== "idle");
  return asked && folder.ok && trackers.every(({ ok }) => ok) ? Exit.ok : Exit.no;
}

/** A line each, which the terminal may break: a reason isn't cut. */
function list(output: Output, findings: readonly Finding[]): void {
  for (const { name, via, ok, said, hint } of findings) {
    const why = oneRow(hint === undefined ? said : `${said} (${hint})`);
    const line = `${fit(name, 18)} ${fit(via ?? "", 8)} ${ok ? "yes" : "no "}  ${why}`;
    output.text(`${ok ? line : output.paint(33, line)}\n`);
  }
}

const record = ({ name, via, ok, said, hint }: Finding) => ({
  name,
  via,
  ok,
  detail: ok ? said : null,
  reason: ok ? null : said,
  hint: hint ?? null,
});

/** Tries each sense by itself, in the words of the trackers. */
function trySenses({ senses }: Probed): Promise<Finding[]> {
  return Promise.all([
    tried(
      "keyboard",
      senses.keyboard,
      (open) => open(new KeyCounter(1)),
      async () => "it listens",
    ),
    tried(
      "mouse",
      senses.mouse,
      (open) => open(new MouseCounter(1)),
      async () => "it listens",
    ),
    tried(
      "apps",
      senses.windows,
      (open) => open(),
      async (windows) => {
        const active = await windows.active();
        return active ? `${active.app} is active` : "nothing is active";
      },
    ),
    tried(
      "screenshots",
      senses.screen,
      (open) => open(),
      async (screen, signal) => {
        const pictures = await screen.capture(signal);
        const sizes = pictures.map(({ width, height }) => `${width}×${height}`);
        return `${sizes.length} ${sizes.length === 1 ? "monitor" : "monitors"}: ${sizes.join(", ")}`;
      },
    ),
    tried(
      "idle",
      senses.presence,
      (open) => open(),
      async (presence) => `idle for ${spokenDuration(await presence.idleMs())}`,
    ),
  ]);
}

type Opening<T> = (signal: AbortSignal, lost: (error: unknown) => void) => Promise<T>;

async function tried<Open, Sense extends AsyncDisposable>(
  name: TrackerName | "idle",
  offer: Offer<Open>,
  openWith: (open: Open) => Opening<Sense>,
  ask: (sense: Sense, signal: AbortSignal) => Promise<string>,
): Promise<Finding> {
  if ("unavailable" in offer) {
    const { unavailable: said, hint } = offer;
    return { name, via: null, ok: false, said, ...(hint === undefined ? {} : { hint }) };
  }
  const leave = new AbortController();
  const found = (ok: boolean, said: string): Finding => ({ name, via: offer.via, ok, said });
  const trying = (async () => {
    await using sense = await openWith(offer.open)(leave.signal, () => {});
    return await ask(sense, leave.signal);
  })();
  try {
    const said = await within(trying, { ms: TRY_MS });
    return said === LATE ? found(false, `it doesn't answer within ${TRY_MS / 1000} s`) : found(true, said);
  } catch (error) {
    return found(false, message(error));
  } finally {
    leave.abort();
    trying.catch(() => {});
  }
}

async function screenshotFolder(setting: string, profile: string): Promise<Finding> {
  const name = "screenshot folder";
  try {
    return { name, via: null, ok: true, said: await openFolder(setting, profile) };
  } catch (error) {
    if (!(error instanceof Expected)) throw error;
    const { message: said, hint } = error;
    return { name, via: null, ok: false, said, ...(hint === undefined ? {} : { hint }) };
  }
}

function uiohook(): Finding {
  const there = uiohookThere();
  const name = "uiohook-napi";
  if (there.there) return { name, via: null, ok: true, said: "in this stint: --input uiohook" };
  const hint = there.hint === undefined ? {} : { hint: there.hint };
  return { name, via: null, ok: false, said: there.why, ...hint };
}

function notifications(): Finding {
  const name = "notifications";
  const by = notifiedBy();
  if (!by) return { name, via: null, ok: false, said: "there is no desktop that shows any" };
  return { name, via: null, ok: true, said: "program" in by ? "by notify-send" : "by the session's bus" };
}

async function lock(): Promise<Finding> {
  const why = await lockSeen();
  return { name: "screen lock", via: null, ok: why === undefined, said: why ?? "seen, over D-Bus" };
}

function suspend(): Finding {
  const name = "suspend";
  if (existsSync("/proc/uptime")) return { name, via: null, ok: true, said: "seen, by the time since boot" };
  return { name, via: null, ok: false, said: "nothing here tells how long the machine slept" };
}

function hosts(): Finding {
  const [seat] = findHosts({ kind: "track" });
  // Nothing is amiss when there is none.
  const said = seat ? `profile ${seat.profile}, pid ${seat.host.pid}` : "nothing is tracked now";
  return { name: "tracking", via: null, ok: seat !== undefined, said };
}
