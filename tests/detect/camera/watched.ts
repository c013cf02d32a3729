/** A camera whose pictures and states are kept. */

import { Camera, type CameraLink, type Patience } from "../../../src/detect/adapters/camera/camera.ts";
import type { Frame } from "../../../src/detect/core/frame.ts";
import type { CameraConfig } from "../../../src/detect/core/installation.ts";
import { type Clock, systemClock } from "../../../src/kernel/clock.ts";
import { KeptLog } from "../../support/kept-log.ts";
import { until } from "../../support/sandbox.ts";

export const cameraAt = (url: string, more: Partial<CameraConfig> = {}): CameraConfig => ({
  ...{ name: "hall", url, fps: 10, width: 320, motion: false, masks: [], zones: [] },
  ...more,
});

/** A state, and when it began, monotonic ms. */
export type Step = CameraLink & { readonly at: number };

export type Watching = {
  keepMs?: number;
  clock?: Clock;
  patience?: Partial<Patience>;
  ffmpeg?: string;
};

/** Soon enough for a test. */
const PATIENCE: Partial<Patience> = { waitMs: () => 50 };

export class Watched implements AsyncDisposable {
  readonly log = new KeptLog();
  readonly steps: Step[] = [];
  frames: Frame[] = [];
  camera!: Camera;

  static async open(config: CameraConfig, options: Watching = {}): Promise<Watched> {
    const watched = new Watched();
    const { clock = systemClock, keepMs = 0, patience, ffmpeg } = options;
    watched.camera = await Camera.open(
      config,
      {
        ...{ clock, keepMs, random: () => 0.5, log: watched.log, patience: { ...PATIENCE, ...patience } },
        ...(ffmpeg === undefined ? {} : { ffmpeg }),
        frame: (frame) => void watched.frames.push(frame),
        changed: (link) => void watched.steps.push({ ...link, at: clock.monotonic() }),
      },
      new AbortController().signal,
    );
    return watched;
  }

  /** The first state of those after the first `from` that is so. */
  step(holds: (step: Step) => boolean, from = 0): Promise<Step> {
    return until(
      () => this.steps.slice(from).find(holds) as Step,
      (step) => step !== undefined,
    );
  }

  live(from = 0): Promise<Step> {
    return this.step(({ state }) => state === "live", from);
  }

  /** The first time it gave up, from then on. */
  lost(from = 0): Promise<Step> {
    return this.step(({ state }) => state === "lost", from);
  }

  /** Once so many pictures have come. */
  async pictures(count: number): Promise<Frame[]> {
    return until(
      () => this.frames,
      ({ length }) => length >= count,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.camera[Symbol.asyncDispose]();
  }
}
