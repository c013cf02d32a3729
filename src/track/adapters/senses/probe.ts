import { Exit, Expected } from "../../../kernel/errors.ts";
import type { InputChoice } from "../../core/trackers.ts";
import type { Probed, Senses } from "./sense.ts";

export type Wish = {
  /** What keys and the mouse are to be counted by. `x11`, `sway` and `console` mean the rest as well. */
  readonly input: InputChoice;
  /** A mouse still for so long is idle, keys further apart aren't typing, ms: for what counts in another process. */
  readonly idleMs: number;
};

/**
 * Says what this machine offers, by the environment alone: nothing is opened. A display that is named but isn't there
 * (yet) is an offer like any other; it fails to open, and is tried again.
 * @throws Expected 69 when what is wished for isn't there
 */
export async function probe(
  wish: Wish,
  env: NodeJS.ProcessEnv,
  platform: NodeJS.Platform = process.platform,
): Promise<Probed> {
  const desktop = await desktopOf(env, platform);
  const { senses, notes } = await offered(wish.input, desktop, env, platform);
  if (wish.input !== "uiohook" && platform !== "win32" && platform !== "darwin")
    return { desktop, senses, notes };
  const { uiohookSenses } = await import("./uiohook/uiohook.ts");
  const input = uiohookSenses({ idleMs: wish.idleMs, env });
  if (wish.input === "uiohook" && "unavailable" in input.keyboard) {
    throw missing(input.keyboard.unavailable, input.keyboard.hint ?? OTHERWISE);
  }
  return { desktop, senses: { ...senses, ...input }, notes };
}

const OTHERWISE = "leave --input away, or track.input at auto, for what there is";

const missing = (why: string, hint = OTHERWISE): Expected => new Expected(Exit.unavailable, why, hint);

async function desktopOf(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): Promise<Probed["desktop"]> {
  if (platform === "win32" || platform === "darwin") return "none";
  // Before DISPLAY: under Wayland that is XWayland's, which answers everything and hears only what X windows hear.
  if (env["SWAYSOCK"] || env["WAYLAND_DISPLAY"]) {
    const { swaySockets } = await import("./sway/ipc.ts");
    return swaySockets(env).length > 0 ? "sway" : "wayland";
  }
  return env["DISPLAY"] ? "x11" : "none";
}

/** What the desktop offers, or the one that is wished for. */
async function offered(
  input: Wish["input"],
  desktop: Probed["desktop"],
  env: NodeJS.ProcessEnv,
  platform: NodeJS.Platform,
): Promise<Pick<Probed, "senses" | "notes">> {
  const by = input === "auto" || input === "uiohook" ? desktop : input;
  if (platform === "win32" || platform === "darwin") {
    if (input !== "auto" && input !== "uiohook") throw missing(`${input} is of Linux alone`);
    const note =
      platform === "darwin"
        ? ["on macOS keys and the mouse are counted only by an executable that was built there"]
        : [];
    return { senses: elsewhere, notes: note };
  }
  const wayland = desktop === "sway" || desktop === "wayland";
  if (by === "x11") {
    if (wayland) throw missing("this is a Wayland session: XWayland hears only X windows");
    const display = env["DISPLAY"];
    if (!display) throw missing("there is no X display: DISPLAY isn't set");
    const { x11Senses } = await import("./x11/senses.ts");
    return { senses: x11Senses(display), notes: [] };
  }
  if (by === "sway" || by === "wayland") {
    if (by === "sway" && desktop !== "sway") {
      throw missing("there is no sway: nothing listens at SWAYSOCK or in XDG_RUNTIME_DIR");
    }
    const { swaySenses } = await import("./sway/sway.ts");
    const notes = env["DISPLAY"] ? ["XWayland (DISPLAY) isn't listened to: it hears only X windows"] : [];
    return { senses: swaySenses(env), notes };
  }
  const { consoleSenses } = await import("./console/senses.ts");
  return {
    senses: consoleSenses(),
    notes: ["without a display idle time is that of your terminals, which is kept in steps of 8 s"],
  };
}

/** Where nothing but keys and the mouse can be heard. */
const LINUX_ALONE = { unavailable: "this is seen on Linux alone" } as const;
const elsewhere: Senses = {
  keyboard: LINUX_ALONE,
  mouse: LINUX_ALONE,
  presence: LINUX_ALONE,
  windows: LINUX_ALONE,
  screen: LINUX_ALONE,
};
