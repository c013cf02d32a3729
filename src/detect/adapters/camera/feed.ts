import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import type { Clock } from "../../../kernel/clock.ts";
import { Exit, Expected, message } from "../../../kernel/errors.ts";
import { environment, findProgram } from "../../../kernel/programs.ts";
import { within } from "../../../kernel/stack.ts";
import { tied } from "../../../kernel/tied.ts";
import {
  COPY_FD,
  canBeCopied,
  copyFailed,
  ffmpegArguments,
  type Stream,
  sizeShown,
  streamOf,
  type Wanted,
  whyEnded,
  whyNoPicture,
} from "../../core/ffmpeg.ts";
import type { Frame } from "../../core/frame.ts";
import { PictureReader } from "../../core/ppm.ts";

/** Lines of ffmpeg's stderr that are kept to say why it ended, and how long one may be. */
const KEPT_LINES = 20;
const LONGEST_LINE = 1_000;
/** What it said at its end is read within this, ms. */
const LAST_WORDS_MS = 200;
/** What was killed is gone at once, unless a driver holds it; after so long, ms, it isn't waited for. */
const GONE_MS = 1_000;

const NO_FFMPEG = "there is no ffmpeg: apt install ffmpeg";

export type FeedOptions = {
  readonly clock: Clock;
  /** The program, where it isn't the ffmpeg of the PATH. */
  readonly ffmpeg?: string | undefined;
  picture(frame: Frame): void;
  /** Told of the stream as the camera sent it, MPEG-TS; without, it isn't asked for. */
  readonly copy?: ((bytes: Uint8Array, at: number) => void) | undefined;
};

/** How a feed ended. */
export type FeedEnd = {
  /** In plain words, without passwords. */
  readonly why: string;
  /** It was the copy that failed: there may be pictures without it. */
  readonly copy: boolean;
};

/** One run of ffmpeg on a camera, in a process that doesn't outlive this one. It ends once, and isn't started again. */
export class Feed implements AsyncDisposable {
  /** Never rejects. */
  readonly ended: Promise<FeedEnd>;
  readonly #child: ChildProcess;
  readonly #options: FeedOptions;
  readonly #reader = new PictureReader();
  #stream: Stream | undefined;
  #size: string | undefined;
  #lastFrameAt: number | null = null;
  /** The last lines it said. */
  #said: string[] = [];
  /** Why it was ended from here. */
  #killed: string | undefined;
  readonly #killing = Promise.withResolvers<void>();

  /** @throws Expected 69 when there is no ffmpeg; Error for what is no camera's address */
  constructor(wanted: Wanted, options: FeedOptions) {
    this.#options = options;
    const { args, input } = ffmpegArguments(wanted, options.copy !== undefined);
    const ffmpeg = options.ffmpeg ?? findProgram("ffmpeg");
    if (ffmpeg === undefined) throw new Expected(Exit.unavailable, NO_FFMPEG);
    const [file = "", ...rest] = tied([ffmpeg, ...args]);
    const child = spawn(file, rest, {
      // Ctrl+C is for us: cameras are closed in their turn.
      detached: true,
      env: environment(),
      stdio: ["pipe", "pipe", "pipe", ...(options.copy ? ["pipe" as const] : [])],
    });
    this.#child = child;
    this.ended = this.#watch(wanted.url);
    // It needn't read what it is given.
    child.stdin?.on("error", () => {}).end(input);
    child.stdout?.on("data", (bytes: Uint8Array) => this.#take(() => this.#picture(bytes)));
    child.stderr?.setEncoding("utf8").on(
      "data",
      lines((line) => this.#line(line)),
    );
    this.#copied?.on("data", (bytes: Uint8Array) => this.#take(() => this.#copy(bytes)));
  }

  /** What ffmpeg found; undefined before that. */
  get stream(): Stream | undefined {
    return this.#stream;
  }

  /** Monotonic ms; null before the first. */
  get lastFrameAt(): number | null {
    return this.#lastFrameAt;
  }

  /** What is said of it when there was no picture for so long, ms. */
  late(ms: number): string {
    const why = this.#lastFrameAt === null ? whyNoPicture(this.#said) : undefined;
    return `no picture for ${ms / 1000} s${why === undefined ? "" : `: ${why}`}`;
  }

  /** Ends it at once; {@link ended} says why. */
  kill(why: string): void {
    this.#killed ??= why;
    this.#child.kill("SIGKILL");
    this.#killing.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("closed");
    await this.ended;
  }

  get #copied(): Readable | undefined {
    return (this.#child.stdio[COPY_FD] as Readable | undefined) ?? undefined;
  }

  async #watch(url: string): Promise<FeedEnd> {
    const child = this.#child;
    const exited = new Promise<string>((resolve) => {
      child.once("exit", (code, signal) => resolve(signal ? `killed by ${signal}` : `exit ${code}`));
      child.once("error", (error) => resolve(message(error)));
    });
    const closed = new Promise((resolve) => child.once("close", resolve));
    await Promise.race([exited, this.#killing.promise]);
    const how = await within(exited, { ms: GONE_MS });
    // What it said last may still be on its way.
    await within(closed, { ms: LAST_WORDS_MS });
    for (const stream of child.stdio) stream?.destroy();
    return { why: this.#killed ?? whyEnded(this.#said, String(how), url), copy: copyFailed(this.#said) };
  }

  /** Nothing of what it gives is believed once one thing was wrong. */
  #take(work: () => void): void {
    if (this.#killed !== undefined) return;
    try {
      work();
    } catch (error) {
      this.kill(message(error));
    }
  }

  #picture(bytes: Uint8Array): void {
    const picture = this.#reader.take(bytes);
    if (!picture) return;
    const at = this.#options.clock.monotonic();
    this.#lastFrameAt = at;
    this.#options.picture({ ...picture, at });
  }

  #copy(bytes: Uint8Array): void {
    if (this.#stream && canBeCopied(this.#stream))
      this.#options.copy?.(bytes, this.#options.clock.monotonic());
  }

  #line(line: string): void {
    const size = sizeShown(line);
    if (size !== undefined) {
      // ffmpeg goes on with the first size, and would give pictures out of shape.
      if (this.#size !== undefined && size !== this.#size)
        this.kill(`its picture went from ${this.#size} to ${size}`);
      this.#size = size;
      return;
    }
    this.#stream ??= streamOf(line);
    if (!/\[(warning|error|fatal|panic)\]/.test(line)) return;
    this.#said.push(line);
    if (this.#said.length > KEPT_LINES) this.#said.shift();
  }
}

/** Calls back with each line of a text that comes in pieces, as much of it as is wanted. */
function lines(line: (text: string) => void): (text: string) => void {
  let rest = "";
  return (text) => {
    const all = (rest + text).split("\n");
    rest = (all.pop() ?? "").slice(0, LONGEST_LINE);
    for (const each of all) line(each.slice(0, LONGEST_LINE));
  };
}
