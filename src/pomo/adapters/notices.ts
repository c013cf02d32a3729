import type { State } from "../../kernel/control.ts";
import type { Log } from "../../kernel/log.ts";
import type { Part } from "../../kernel/stack.ts";
import type { Moment } from "../core/notices.ts";
import type { CheckpointType } from "../core/pomodoro.ts";
import { type HookSettings, hooks } from "./hooks.ts";
import { notifications } from "./notify.ts";
import type { PomoSettings } from "./settings.ts";
import { sound } from "./sound.ts";

/** One way of telling what happened. Returns at once: what it takes is done beside the timer. */
export type Teller = AsyncDisposable & {
  tell(event: CheckpointType, at: Moment): void;
  /** Tells what the timer did while nobody was there. */
  tellAway?(at: Moment): void;
};

/** What a host tells beside its clients: hooks, notifications, a sound. Nothing here throws or waits. */
export type Notices = AsyncDisposable & {
  /** @param state what clients are shown at that moment, with `session_id` and `profile` */
  tell(event: CheckpointType, state: State): void;
  /** Tells the state's `notice` of a suspend or a restore, which no checkpoint says. */
  tellAway(state: State): void;
};

/** Opens the ways of telling that the configuration asks for. They get a moment at the end to be done: 4 s in all. */
export const notices =
  (config: HookSettings & Pick<PomoSettings, "notify" | "sound">, log: Log): Part<Notices> =>
  async () => {
    const tellers: Teller[] = [
      hooks(config, log),
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
      tell: (event, state) => each((teller) => teller.tell(event, state as Moment)),
      tellAway: (state) => each((teller) => teller.tellAway?.(state as Moment)),
      async [Symbol.asyncDispose]() {
        await Promise.all(tellers.map((teller) => teller[Symbol.asyncDispose]()));
      },
    };
  };
