import type { Log } from "../../../kernel/log.ts";
import { Errands, run } from "../../../kernel/programs.ts";
import { hookOf, hookVariables, type Moment } from "../../core/notices.ts";
import type { CheckpointType } from "../../core/pomodoro.ts";
import type { HOOKS, PomoSettings } from "../settings.ts";
import type { Teller } from "./notices.ts";

/** How many hooks may wait for those before them. */
const WAITING = 32;

export type HookSettings = Pick<PomoSettings, (typeof HOOKS)[number] | "hook_seconds">;

/**
 * Runs the user's commands, one after another in the order of what happened: a pause's never overtakes its start's.
 * One gets the state in its environment and as a line of JSON on stdin. One that fails is a warning, no more.
 * @param failed told of each that fails, in a line for the user
 */
export function hooks(config: HookSettings, log: Log, failed: (text: string) => void = () => {}): Teller {
  const errands = new Errands(WAITING, (why) => log.warn(`hooks are left out: ${why}`));
  return {
    tell(event, at) {
      const hook = hookOf(event);
      const command = config[hook];
      if (command.length === 0) return;
      const env = hookVariables(event, at);
      const input = hookInput(event, at);
      errands.give(async (signal) => {
        const ms = config.hook_seconds * 1000;
        const { failure, errors } = await run({ command, env, input, ms, signal });
        if (failure !== undefined) {
          log.warn(`${hook}: ${command[0]}: ${failure}`, { event, command, stderr: errors.trim() });
          failed(`the hook ${hook} failed: ${failure}; see pomo.${at.profile}.log`);
        }
      });
    },
    [Symbol.asyncDispose]: () => errands[Symbol.asyncDispose](),
  };
}

/** The line of `status --json`, with what happened as its event: another may have happened since. */
const hookInput = (event: CheckpointType, at: Moment): string => `${JSON.stringify({ ...at, event })}\n`;
