import type { Log } from "../../../kernel/log.ts";
import type { Part } from "../../../kernel/stack.ts";
import type { Moment } from "../../core/notices.ts";
import type { CheckpointType } from "../../core/pomodoro.ts";
import type { PomoSettings } from "../settings.ts";
import { type HookSettings, hooks } from "./hooks.ts";
import { notifications } from "./notify.ts";
import { sound } from "./sound.ts";

/** One way of telling what happened. Returns at once: what it takes is done beside the timer. */
export type Teller = AsyncDisposable & {
  tell(event: CheckpointType, at: Moment): void;
  /** Tells what the timer did while nobody was there. */
  tellAway?(at: Moment): void;
};

/** What a host tells beside its clients: hooks, notifications, a sound. Nothing here throws or waits. */
export type Notices = AsyncDisposable & {
  /** @param at the line that `status --json` has at that moment */
  tell(event: CheckpointType, at: Moment): void;
  /** Tells the `notice` of a suspend or a restore, which no checkpoint says. */
  tellAway(at: Moment): void;
};

/**
 * Opens the ways of telling that the configuration asks for. They get a moment at the end to be done: 4 s in all.
 * @param failed told of each hook that fails, in a line for the user
 */
export const notices =
  (
    config: HookSettings & Pick<PomoSettings, "notify" | "sound">,
    log: Log,
    failed?: (text: string) => void,
  ): Part<Notices> =>
  async () => {
    const tellers: Teller[] = [
      hooks(config, log, failed),
      ...(config.notify ? [notifications(log)] : []),
      sound(config, log),
    ];
    const each = (told: (teller: Teller) => void) => {
      for (const teller of tellers) {
        try {
          told(teller);
        } catch (error) {
          log.error("something that happened couldn't be told", { error });
        }
      }
    };
    return {
      tell: (event, at) => each((teller) => teller.tell(event, at)),
      tellAway: (at) => each((teller) => teller.tellAway?.(at)),
      async [Symbol.asyncDispose]() {
        await Promise.all(tellers.map((teller) => teller[Symbol.asyncDispose]()));
      },
    };
  };
