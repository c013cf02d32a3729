import { newSessionId } from "../../kernel/checkpoint.ts";
import { systemClock } from "../../kernel/clock.ts";
import type { Context } from "../../kernel/command.ts";
import type { State } from "../../kernel/control.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import { launch } from "../../kernel/launch.ts";
import { Reach } from "../../kernel/reach.ts";
import { isAlive } from "../../kernel/runtime.ts";
import type { RunningModule } from "../core/running.ts";
import { NAME_VARIABLE, OWNER_VARIABLE, RUN_VARIABLE } from "./group.ts";
import { Places } from "./places.ts";
import { readLeft } from "./running.ts";

/** A profile's supervisor, whether one lives or not. */

/** In its environment: what a host in the background is to run. */
export const REQUEST_VARIABLE = "STINT_MODULES_REQUEST";

/** What a host is to run, under which session; `recreated` when a dead one's goes on. */
export type Hosted = {
  session: string;
  dir: string;
  recreated: boolean;
  /** How many modules a dead one left. */
  taken: number;
};

export const takenText = (count: number): string =>
  `a supervisor died here: ${count === 1 ? "its module is" : `its ${count} modules are`} taken over`;

/** The modules that a dead supervisor left and that live. */
export async function leftAlive(profile: string): Promise<RunningModule[]> {
  const left = await readLeft(new Places(profile).running, () => {});
  return (left?.modules ?? []).filter(
    ({ pid, start, boot }) =>
      pid !== null && start !== null && boot !== null && isAlive({ pid, start, boot }),
  );
}

/** What there is to say where there is none: 69. Modules that run on without one are told of. */
export async function noSupervisor({ profile }: Pick<Context, "profile">): Promise<Expected> {
  const alive = await leftAlive(profile);
  if (alive.length === 0) {
    return new Expected(Exit.unavailable, "no supervisor is running", "stint modules up");
  }
  const what = alive.length > 5 ? `${alive.length} modules` : alive.map(({ name }) => name).join(", ");
  const run = alive.length === 1 ? "runs" : "run";
  return new Expected(
    Exit.unavailable,
    `no supervisor is running: it died, and ${what} ${run} on without it`,
    "stint modules up takes over what runs; stint modules down ends it then",
  );
}

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
    command: async () => Promise.reject(await noSupervisor({ profile })),
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
  const left = await readLeft(new Places(profile).running, (text) => output.note(text));
  if (left) {
    if (given && left.dir !== dir && left.modules.length > 0) {
      throw new Expected(
        Exit.again,
        `a supervisor died that ran the modules of ${left.dir}`,
        `stint modules up --dir ${left.dir} takes them over, and stint modules down ends them`,
      );
    }
    return { session: left.session, dir: left.dir, recreated: true, taken: left.modules.length };
  }
  const session = newSessionId(systemClock.wall(), crypto.getRandomValues(new Uint8Array(16)));
  return { session, dir, recreated: false, taken: 0 };
}

/** Starts a supervisor in the background. @throws Expected 75 when there is one */
export async function launchHost(profile: string, hosted: Hosted): Promise<void> {
  // In a shell that a module has made, this would be of the module.
  for (const name of [NAME_VARIABLE, OWNER_VARIABLE, RUN_VARIABLE]) delete process.env[name];
  await launch(["modules", "__host", "--profile", profile], { [REQUEST_VARIABLE]: JSON.stringify(hosted) });
}
