import type { View } from "../../kernel/attach.ts";
import { followLog } from "./follow.ts";
import { Places } from "./places.ts";

/** The full screen of a profile's supervisor. */
export const view =
  (profile: string): View =>
  async (control, leaving) => {
    const [{ modulesScreen }, first] = await Promise.all([import("../tui.tsx"), control.state()]);
    const places = new Places(profile);
    return modulesScreen({
      control,
      profile,
      first,
      follow: (name, lines) => followLog(places.of(name).log, lines),
      ...leaving,
    });
  };
