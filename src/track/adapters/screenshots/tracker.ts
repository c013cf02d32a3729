import { type Clock, localOffset } from "../../../kernel/clock.ts";
import { Exit, Expected } from "../../../kernel/errors.ts";
import type { Log } from "../../../kernel/log.ts";
import { notifier } from "../../../kernel/notify.ts";
import type { SlotPart } from "../../../kernel/slot.ts";
import { LATE, within } from "../../../kernel/stack.ts";
import type { Store } from "../../../kernel/store.ts";
import type { TitleRules } from "../../core/redact.ts";
import type { Picture, Screen, Windows } from "../senses/sense.ts";
import { lengthOf, type TrackSettings } from "../settings.ts";
import { type Encoded, encode } from "./images.ts";
import { addScreenshots, openFolder } from "./store.ts";

/** A display that takes longer than this to say what is on it is lost, ms. */
const ANSWER_MS = 10_000;

export type ScreenshotOptions = {
  screen(): SlotPart<Screen>;
  /** What tells which windows are on the screen; without it nothing can be left out. */
  windows?(): SlotPart<Windows>;
  rules: TitleRules;
  settings: TrackSettings;
  store: Store;
  /** The session's id. */
  session: string;
  profile: string;
  /** Whether anybody is there: else no picture is taken. */
  isPresent(): boolean;
  /** Told what was stored: how many, and the first of them. */
  taken(shot: { id: number; at: number; count: number }): void;
  clock: Clock;
  /** From 0 up to 1. */
  random(): number;
  log: Log;
};

/**
 * Takes a picture of every monitor after a time that nobody can foresee, and stores it. None is taken while a private
 * window is seen, or one of an app that is left out. It is lost when the display is, or when nothing can be written.
 */
export const screenshotTracker =
  (options: ScreenshotOptions): SlotPart<AsyncDisposable> =>
  async (signal, lost) => {
    const { settings, taken, clock, random, log } = options;
    const excluded = settings.screenshot_exclude.map((text) => new RegExp(text, "iu"));
    if (!options.windows && excluded.length > 0) {
      const hint = "leave track.screenshot_exclude empty to take them all the same";
      throw new Expected(Exit.unavailable, "nothing here tells which apps are on the screen", hint);
    }
    const folder = await openFolder(settings.screenshot_folder, options.profile);
    const least = lengthOf(settings.screenshot_min);
    const most = lengthOf(settings.screenshot_max);

    const opened: AsyncDisposable[] = [];
    const close = () => Promise.all(opened.map((each) => each[Symbol.asyncDispose]()));
    try {
      const screen = await options.screen()(signal, lost);
      opened.push(screen);
      const windows = await options.windows?.()(signal, lost);
      if (windows) opened.push(windows);
      const notices = settings.screenshot_notify ? notifier(log) : undefined;
      if (notices) opened.push(notices);
      const looping = loop(screen, windows, (count) => {
        const body = count === 1 ? "" : `${count} monitors`;
        notices?.show({ title: "Screenshot taken", body }, "screenshot");
      });
      return {
        async [Symbol.asyncDispose]() {
          await looping;
          await close();
        },
      };
    } catch (error) {
      await close();
      throw error;
    }

    async function loop(
      screen: Screen,
      windows: Windows | undefined,
      tell: (count: number) => void,
    ): Promise<void> {
      let skipped = 0;
      try {
        for (;;) {
          await clock.sleep(least + random() * (most - least), signal);
          if (signal.aborted) return;
          if (!options.isPresent()) continue;
          const { app, hidden } = await look(windows);
          const at = clock.wall();
          const pictures = hidden ? [] : await answered(screen.capture(signal));
          // A window may have come up while the picture was taken.
          if (hidden || (await look(windows)).hidden) {
            const count = ++skipped;
            log.debug("no screenshot: what mustn't be in one is on the screen", { skipped: count });
            continue;
          }
          const images = await encoded(pictures);
          if (signal.aborted) return;
          const shot = { session: options.session, taken_at: at, utc_offset_min: localOffset(at), app };
          const [id, ...others] = await addScreenshots(options.store, folder, shot, images);
          if (id === undefined) continue;
          const count = 1 + others.length;
          taken({ id, at, count });
          tell(count);
        }
      } catch (error) {
        if (!signal.aborted) lost(error);
      }
    }

    /** What is looked at, and whether anything is on the screen that mustn't be in a picture. */
    async function look(windows: Windows | undefined): Promise<{ app: string | null; hidden: boolean }> {
      if (!windows) return { app: null, hidden: false };
      const [active, visible] = await answered(Promise.all([windows.active(), windows.visible()]));
      const hidden = [...visible, ...(active ? [active] : [])].some(
        (window) =>
          options.rules(window).private ||
          excluded.some((pattern) => pattern.test(window.app) || pattern.test(window.process ?? "")),
      );
      return { app: active?.app ?? null, hidden };
    }

    /** @throws when it isn't in time, or there is nobody left to wait for it */
    async function answered<T>(asked: Promise<T>): Promise<T> {
      const answer = await within(asked, { ms: ANSWER_MS, signal });
      if (answer === LATE) throw new Error(`the display didn't answer within ${ANSWER_MS / 1000} s`);
      return answer;
    }

    async function encoded(pictures: readonly Picture[]): Promise<Encoded[]> {
      const images: Encoded[] = [];
      for (const picture of pictures) {
        // It can't be told to leave: what is still being encoded then is left to itself.
        const image = await within(encode(picture, settings.screenshot_blur), { signal });
        if (image === LATE) return [];
        images.push(image);
      }
      return images;
    }
  };
