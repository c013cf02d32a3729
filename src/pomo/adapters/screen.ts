import process from "node:process";
import type { View } from "../../kernel/attach.ts";
import { settings } from "./settings.ts";

/** The full screen of a profile's timer. */
export const view =
  (profile: string): View =>
  async (control, leaving) => {
    const [{ pomoScreen }, first, bell] = await Promise.all([
      import("../tui.tsx"),
      control.state(),
      // A configuration that can't be read keeps nobody from seeing the timer.
      settings().then(
        ({ pomo }) => pomo.sound === "bell",
        () => true,
      ),
    ]);
    const ring = () => {
      if (bell) process.stdout.write("\x07");
    };
    return pomoScreen({ control, profile, first, ring, ...leaving });
  };
