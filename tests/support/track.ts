/** A home in which activity is tracked by the executable, or by the source; on no desktop unless one is given. */
import { HostBox } from "./hosted.ts";
import { type Line, stint, until } from "./sandbox.ts";

/** A session without any desktop, whatever the tests run in. */
const NO_DESKTOP = {
  DISPLAY: "",
  WAYLAND_DISPLAY: "",
  SWAYSOCK: "",
  DBUS_SESSION_BUS_ADDRESS: "",
  STINT_TRACK_LOCK: "count",
  STINT_TRACK_SCREENSHOT_NOTIFY: "false",
};

export class TrackBox extends HostBox {
  constructor(env: Record<string, string> = {}, command: readonly string[] = stint.executable) {
    super("track", { ...NO_DESKTOP, ...env }, command);
  }

  /** Runs `stint track …`, which must end well, and gives its last line. */
  track(...args: string[]): Promise<Line> {
    return this.do(...args);
  }

  /** Asks for the status until it holds. */
  until(holds: (status: Line) => boolean, ms?: number): Promise<Line> {
    return until(() => this.track("status"), holds, ms);
  }
}
