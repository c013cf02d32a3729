/** A home in which pomodoros are run by the executable, or by the source. */
import { HostBox } from "./hosted.ts";
import { type Line, stint } from "./sandbox.ts";

export class PomoBox extends HostBox {
  constructor(env: Record<string, string> = {}, command: readonly string[] = stint.executable) {
    super("pomo", { STINT_POMO_NOTIFY: "false", ...env }, command);
  }

  /** Runs `stint pomo …`, which must end well, and gives its last line. */
  pomo(...args: string[]): Promise<Line> {
    return this.do(...args);
  }

  /** The whole history, oldest first. */
  async history(...args: string[]): Promise<Line[]> {
    return (await this.run(["pomo", "log", "--all", ...args])).lines;
  }
}
