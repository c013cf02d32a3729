import { newSessionId } from "../../kernel/checkpoint.ts";
import { systemClock } from "../../kernel/clock.ts";
import type { Context } from "../../kernel/command.ts";
import type { State } from "../../kernel/control.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import { launch } from "../../kernel/launch.ts";
import { Reach } from "../../kernel/reach.ts";
import { Places } from "./places.ts";
import { readRan } from "./running.ts";

/** A profile's supervisor, whether one lives or not. */

/** In its environment: what a host in the background is to run. */
export const REQUEST_VARIABLE = "STINT_MODULES_REQUEST";

/** What a host is to run, under which session; `recreated` when a dead one's goes on. */
export type Hosted = { session: string; dir: string; recreated: boolean };

/** @throws always: 69 */
export const noSupervisor = (): Expected =>
  new Expected(Exit.unavailable, "no supervisor is running", "stint modules up");

/** What is shown while there is none. */
const nothing = (profile: string): State => ({
  v: 1,
  type: "modules",
  profile,
  state: "stopped",
  host: false,
  degraded: [],
});

/** The control of a profile's supervisor. */
export const reachOf = ({ profile, output }: Context): Reach =>
  new Reach({
    kind: "modules",
    profile,
    called: "the supervisor",
    isWhole: (state) => "modules" in state,
    stored: async () => nothing(profile),
    command: () => Promise.reject(noSupervisor()),
    tell: (text) => output.note(text),
  });

/**
 * What a new supervisor is to run: what a dead one left goes on, under its session.
 * @param dir the folder of the modules, absolute; undefined for the one that was left, or that is configured
 * @throws Expected 75 when a dead one left modules of another folder
 */
export async function prepare(
  { profile, output }: Context,
  { dir, given }: { dir: string; given: boolean },
): Promise<Hosted> {
  const left = await readRan(new Places(profile).running, (text) => output.note(text));
  if (left) {
    if (given && left.dir !== dir) {
      throw new Expected(
        Exit.again,
        `a supervisor died that ran the modules of ${left.dir}`,
        `stint modules up --dir ${left.dir} takes them over, and stint modules down ends them`,
      );
    }
    const { length } = left.modules;
    if (length > 0)
      output.note(
        `a supervisor died here: ${length === 1 ? "its module is" : `its ${length} modules are`} taken over`,
      );
    return { session: left.session, dir: left.dir, recreated: true };
  }
  const session = newSessionId(systemClock.wall(), crypto.getRandomValues(new Uint8Array(16)));
  return { session, dir, recreated: false };
}

/** Starts a supervisor in the background. @throws Expected 75 when there is one */
export async function launchHost(profile: string, hosted: Hosted): Promise<void> {
  await launch(["modules", "__host", "--profile", profile], { [REQUEST_VARIABLE]: JSON.stringify(hosted) });
}
