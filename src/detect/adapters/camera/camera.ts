import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../../kernel/clock.ts";
import { backoffMs } from "../../../kernel/core/backoff.ts";
import { message } from "../../../kernel/errors.ts";
import type { Log } from "../../../kernel/log.ts";
import type { Frame } from "../../core/frame.ts";
import type { CameraConfig } from "../../core/installation.ts";
import { StreamTail } from "../../core/stream-tail.ts";
import type { CameraState } from "../../core/view.ts";
import { Feed } from "./feed.ts";

/** How a camera is. Times are monotonic ms. */
export type CameraLink = {
  readonly state: CameraState;
  /** Why there is no picture, without passwords; null while there is, and before the first failure. */
  readonly error: string | null;
  /** While it waits: when it is tried again. */
  readonly retryAt: number | null;
  /** How often it was opened again. */
  readonly reconnects: number;
  /** Pixels of its pictures; null before the first. */
  readonly size: readonly [width: number, height: number] | null;
  /** Pictures a second of the last seconds. */
  readonly fps: number;
  readonly lastFrameAt: number | null;
};

/** When a camera is given up on, and when it is tried again. */
export type Patience = {
  /** A stream's first picture has so long, ms. */
  readonly firstMs: number;
  /** After it, the next one. */
  readonly stallMs: number;
  /** What was live for so long was well: the waits begin anew. */
  readonly steadyMs: number;
  /** How long it waits, ms, after so many failures in a row. */
  readonly waitMs: (failures: number, random: number) => number;
};

const PATIENCE: Patience = { firstMs: 10_000, stallMs: 3_000, steadyMs: 10_000, waitMs: backoffMs };

export type CameraOptions = {
  readonly clock: Clock;
  /** For the waits, in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  /** ms of the stream that are kept for clips; 0 for none. */
  readonly keepMs: number;
  /** A picture has come. Its data is the receiver's own. */
  readonly frame: (frame: Frame) => void;
  /** Called when the state, the error, the size or the next try changed. */
  readonly changed: (link: CameraLink) => void;
  readonly patience?: Partial<Patience>;
  /** The program, where it isn't the ffmpeg of the PATH. */
  readonly ffmpeg?: string;
};

/** Of one camera's stream, in memory: 20 s at 25 Mbit/s. */
const LARGEST_TAIL = 64 << 20;
/** The time over which pictures are counted, ms. */
const FPS_MS = 5_000;

/**
 * A camera that is opened again for as long as it takes. One ffmpeg after another decodes it; a picture that doesn't come,
 * or whose size changes, ends one as its own end does. Without a picture it is never silent: {@link link} says why.
 */
export class Camera implements AsyncDisposable {
  readonly #config: CameraConfig;
  readonly #options: CameraOptions;
  readonly #patience: Patience;
  readonly #log: Log;
  readonly #leave = new AbortController();
  readonly #running: Promise<void>;
  #state: CameraState = "connecting";
  #error: string | null = null;
  #retryAt: number | null = null;
  #opened = 0;
  #size: readonly [number, number] | null = null;
  #lastFrameAt: number | null = null;
  /** When the pictures of the last seconds came. */
  #arrivals: number[] = [];
  /** Of the feed there is; and what ends with it. */
  #tail: { readonly stream: StreamTail; readonly over: AbortSignal } | undefined;
  /** No camera gives a copy once its copy has failed. */
  #copies = true;

  private constructor(config: CameraConfig, options: CameraOptions, signal: AbortSignal) {
    this.#config = config;
    this.#options = options;
    this.#patience = { ...PATIENCE, ...options.patience };
    this.#log = options.log.for(`camera ${config.name}`);
    signal.addEventListener("abort", () => this.#leave.abort(), { once: true, signal: this.#leave.signal });
    if (signal.aborted) this.#leave.abort();
    this.#running = this.#run(this.#leave.signal);
  }

  /** Resolves at once, whether the camera is there or not. */
  static async open(config: CameraConfig, options: CameraOptions, signal: AbortSignal): Promise<Camera> {
    return new Camera(config, options, signal);
  }

  get link(): CameraLink {
    return {
      state: this.#state,
      error: this.#error,
      retryAt: this.#retryAt,
      reconnects: Math.max(0, this.#opened - 1),
      size: this.#size,
      fps: this.#fps(),
      lastFrameAt: this.#lastFrameAt,
    };
  }

  /**
   * The stream as the camera sent it, MPEG-TS, from the last keyframe at or before `from` (monotonic ms), or the first that
   * is kept, to `to`. It resolves once `to` has passed, or the stream has ended. Undefined when there is nothing of it: the
   * camera is lost, or its stream can't be copied.
   */
  async clip(from: number, to: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const tail = this.#tail;
    if (!tail) return undefined;
    const { clock } = this.#options;
    using _ = tail.stream.want(from);
    await clock.sleep(to - clock.monotonic(), AbortSignal.any([signal, tail.over]));
    return signal.aborted ? undefined : tail.stream.cut(from, to);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leave.abort();
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    for (let failures = 0; !signal.aborted; ) {
      this.#opened++;
      const { why, steady } = await this.#feed(signal);
      if (signal.aborted) break;
      if (steady) failures = 0;
      const wait = this.#patience.waitMs(failures++, random());
      this.#lost(why, clock.monotonic() + wait);
      await clock.sleep(wait, signal);
      this.#retryAt = null;
      if (!signal.aborted) this.#options.changed(this.link);
    }
  }

  /** One stream, from its opening to its end. Never rejects. */
  async #feed(signal: AbortSignal): Promise<{ why: string; steady: boolean }> {
    const { clock, keepMs, ffmpeg } = this.#options;
    const over = new AbortController();
    const stream = keepMs > 0 && this.#copies ? new StreamTail(keepMs, LARGEST_TAIL) : undefined;
    let live: number | undefined;
    try {
      await using feed = new Feed(this.#config, {
        clock,
        ffmpeg,
        copy: stream && ((bytes, at) => stream.add(bytes, at)),
        picture: (frame) => {
          // Nothing comes of a part that was told to leave.
          if (signal.aborted) return;
          live ??= frame.at;
          this.#came(frame, feed);
        },
      });
      if (stream) this.#tail = { stream, over: over.signal };
      void this.#watch(feed, over.signal);
      const close = () => feed.kill("closed");
      signal.addEventListener("abort", close, { signal: over.signal });
      if (signal.aborted) close();
      const { why, copy } = await feed.ended;
      if (live === undefined && copy) this.#copies = false;
      return { why, steady: live !== undefined && clock.monotonic() - live >= this.#patience.steadyMs };
    } catch (error) {
      return { why: message(error), steady: false };
    } finally {
      over.abort();
      this.#tail = undefined;
    }
  }

  /** Ends a feed whose pictures don't come. */
  async #watch(feed: Feed, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const { firstMs, stallMs } = this.#patience;
    const opened = clock.monotonic();
    for (;;) {
      const due = feed.lastFrameAt === null ? opened + firstMs : feed.lastFrameAt + stallMs;
      const left = due - clock.monotonic();
      if (left <= 0) break;
      // Once the first picture has come it is the shorter limit that counts.
      await clock.sleep(Math.min(left, stallMs), signal);
      // Where it was this process that stood still, what has come meanwhile is read first.
      await setImmediate();
      if (signal.aborted) return;
    }
    feed.kill(feed.late(feed.lastFrameAt === null ? firstMs : stallMs));
  }

  #came(frame: Frame, { stream }: Feed): void {
    const { frame: give, changed } = this.#options;
    this.#lastFrameAt = frame.at;
    this.#arrivals.push(frame.at);
    while ((this.#arrivals[0] ?? frame.at) < frame.at - FPS_MS) this.#arrivals.shift();
    if (this.#state !== "live") {
      this.#state = "live";
      this.#error = null;
      this.#size = [frame.width, frame.height];
      this.#log.info(`live: ${stream?.codec ?? "video"} ${stream?.size?.join("×") ?? ""}`.trim());
      changed(this.link);
    }
    give(frame);
  }

  #lost(why: string, retryAt: number): void {
    // A camera that is away for a week says so once.
    if (this.#state === "live" || why !== this.#error) this.#log.warn(`lost: ${why}`);
    this.#state = "lost";
    this.#error = why;
    this.#retryAt = retryAt;
    this.#arrivals = [];
    this.#options.changed(this.link);
  }

  #fps(): number {
    const [first] = this.#arrivals;
    const last = this.#arrivals.at(-1);
    if (first === undefined || last === undefined || last === first) return 0;
    return ((this.#arrivals.length - 1) * 1000) / (last - first);
  }
}
