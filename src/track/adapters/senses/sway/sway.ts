import { findProgram } from "../../../../kernel/programs.ts";
import type { Senses } from "../sense.ts";
import { swaySockets } from "./ipc.ts";
import { waylandPresence } from "./presence.ts";
import { grimScreen } from "./screen.ts";
import { swayWindows } from "./windows.ts";

const INPUT = { unavailable: "Wayland tells no program what is typed or clicked in others" } as const;
const NO_SWAY = {
  unavailable: "this compositor isn't sway: it tells no program which window is active",
} as const;

/**
 * What sway lets a program see, and other Wayland compositors of the same: idle time.
 * @param env where SWAYSOCK, WAYLAND_DISPLAY, XDG_RUNTIME_DIR and PATH are looked up
 */
export function swaySenses(env: NodeJS.ProcessEnv): Senses {
  const isSway = swaySockets(env).length > 0;
  const grim = findProgram("grim");
  return {
    keyboard: INPUT,
    mouse: INPUT,
    presence: { via: "sway", open: waylandPresence(env) },
    windows: isSway ? { via: "sway", open: swayWindows(env) } : NO_SWAY,
    screen: !isSway
      ? { unavailable: "this compositor isn't sway: its monitors aren't known" }
      : grim === undefined
        ? { unavailable: "pictures are taken by grim, which isn't installed", hint: "install grim" }
        : { via: "sway", open: grimScreen(grim, env) },
  };
}
