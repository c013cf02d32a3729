/** States of a supervisor as a host would push them, for the tests of what shows them. */
import type { ModuleRow } from "../../src/modules/core/module.ts";
import type { Pushed } from "../../src/modules/core/view.ts";

/** When all of this was true, UTC ms. */
const AS_OF = Date.UTC(2026, 10, 20, 14, 5);

/** A module that idles since 3:12 min. */
export const module = (name: string, more: Partial<ModuleRow> = {}): ModuleRow => ({
  name,
  desired: "on",
  actual: "IDLE",
  pid: 4120,
  since: AS_OF - 192_000,
  started_at: AS_OF - 192_000,
  restarts: 0,
  adopted: false,
  last_exit: null,
  reason: null,
  enabled: true,
  recording: null,
  status: null,
  cpu: 0.1,
  rss: 9 << 20,
  ...more,
});

const rest = { pid: null, started_at: null, cpu: null, rss: null } as const;

export const camera = module("camera", {
  actual: "RECORDING",
  pid: 4121,
  cpu: 2.1,
  rss: 58 << 20,
  recording: { session: "/study/anna", trial: 3, timestamp: AS_OF - 100_000, segment: 2 },
});
const eyetrack = module("eyetrack", {
  actual: "STARTING",
  pid: 4288,
  started_at: AS_OF - 2_000,
  restarts: 1,
  last_exit: "SIGSEGV",
  cpu: null,
  rss: null,
});
export const gps = module("gps");
export const audio = module("audio", {
  actual: "ERROR",
  ...rest,
  restarts: 5,
  last_exit: "exit 1",
  reason: "exit 1: no device",
});
export const lamp = module("lamp", { desired: "off", actual: "DISABLED", enabled: false, ...rest });

export const running: Pushed = {
  v: 1,
  session_id: "01a2",
  profile: "acme",
  state: "running",
  degraded: [],
  dir: "/srv/rack/modules",
  modules: [camera, eyetrack, gps, audio, lamp],
  notice: null,
  trial: 3,
  as_of: AS_OF,
};

/** A rack that no screen has the rows for. */
export const many: Pushed = {
  ...running,
  modules: Array.from({ length: 100 }, (_, n) => module(`sensor${String(n).padStart(2, "0")}`)),
};

/** The state with some module changed, a moment later. */
export const changed = (state: Pushed, name: string, more: Partial<ModuleRow>): Pushed => ({
  ...state,
  as_of: state.as_of + 1,
  modules: (state.modules ?? []).map((row) =>
    row.name === name ? { ...row, since: state.as_of + 1, ...more } : row,
  ),
});
