import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { SlotPart } from "../../kernel/slot.ts";
import { LATE, within } from "../../kernel/stack.ts";
import type { TitleRules } from "../core/redact.ts";
import type { RunningApp, SeenWindow } from "../core/window.ts";
import type { Windows } from "./senses/sense.ts";

/** The programs that run are asked for no more often than this, ms. */
const RUNNING_MS = 5_000;
/** What takes longer than so many polls is lost. */
const LATE_POLLS = 3;

export type AppsOptions = {
  windows(): SlotPart<Windows>;
  rules: TitleRules;
  pollMs: number;
  /** Processes that aren't told of, beside those that run when it begins. */
  ignore: readonly RegExp[];
  /** Told at each poll what is looked at, and now and then what runs; it stamps the time. */
  sink: { window(seen: SeenWindow | undefined): void; running(apps: readonly RunningApp[]): void };
  clock: Clock;
  log: Log;
};

/**
 * Tells what the user looks at, and which programs run that didn't when it began, by asking again and again: never
 * twice at once. It is lost when the backend is gone, or doesn't answer.
 */
export const appsTracker =
  ({ windows, rules, pollMs, ignore, sink, clock, log }: AppsOptions): SlotPart<AsyncDisposable> =>
  async (signal, lost) => {
    const sense = await windows()(signal, lost);
    try {
      const baseline = new Map((await sense.running()).map(({ pid, process }) => [pid, process]));
      log.debug(`${baseline.size} programs ran already: they aren't told of`);
      const looping = loop(baseline);
      return {
        async [Symbol.asyncDispose]() {
          await looping;
          await sense[Symbol.asyncDispose]();
        },
      };
    } catch (error) {
      await sense[Symbol.asyncDispose]();
      throw error;
    }

    async function loop(baseline: Map<number, string>): Promise<void> {
      let runningAt = Number.NEGATIVE_INFINITY;
      try {
        while (!signal.aborted) {
          const window = await answered(sense.active());
          if (signal.aborted) return;
          sink.window(window && seen(window));
          if (clock.monotonic() - runningAt >= RUNNING_MS) {
            const apps = await answered(sense.running());
            if (signal.aborted) return;
            sink.running(news(apps, baseline));
            runningAt = clock.monotonic();
          }
          await clock.sleep(pollMs, signal);
        }
      } catch (error) {
        if (!signal.aborted) lost(error);
      }
    }

    /** @throws when it isn't in time, or there is nobody left to wait for it */
    async function answered<T>(asked: Promise<T>): Promise<T> {
      const ms = LATE_POLLS * pollMs;
      const answer = await within(asked, { ms, signal });
      if (answer === LATE) throw new Error(`the windows weren't told within ${ms} ms`);
      return answer;
    }

    function seen(window: Parameters<TitleRules>[0]): SeenWindow {
      const { private: _, ...seen } = rules(window);
      return seen;
    }

    function news(apps: readonly RunningApp[], baseline: Map<number, string>): RunningApp[] {
      // One that has ended leaves its pid to another.
      const alive = new Set(apps.map(({ pid }) => pid));
      for (const pid of baseline.keys()) if (!alive.has(pid)) baseline.delete(pid);
      return apps.filter(
        ({ pid, process }) =>
          baseline.get(pid) !== process && !ignore.some((pattern) => pattern.test(process)),
      );
    }
  };
