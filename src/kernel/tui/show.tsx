import process from "node:process";
import { Writable } from "node:stream";
import { render } from "ink";
import { Component, type ReactNode } from "react";
import { Exit, Expected } from "../errors.ts";
import { ClearContext } from "./screen.tsx";

/** The cursor to the top left, and everything blank. */
const CLEAR = "\x1b[H\x1b[2J";

/** A full screen that is shown. Disposing it gives the terminal back. */
export type Shown = AsyncDisposable & {
  /**
   * Settles when the terminal has been given back: with what the view passed to Ink's `useApp().exit(answer)`,
   * with undefined after {@link close} or when the terminal hung up; rejected with what a component, or a
   * key's `run`, has thrown.
   */
  readonly done: Promise<unknown>;
  /** Gives the terminal back. Idempotent; never rejects, what went wrong is told by `done`. */
  close(): Promise<void>;
};

/** Writes to the terminal without waiting for it. */
interface Writer {
  write(text: string | Uint8Array): void;
  /** Lets the terminal take what waits, for at most so many ms. */
  drain(ms: number): Promise<void>;
  close(): void;
}

/**
 * Opens a writer to the terminal; undefined where it is to be waited for.
 * @param behind told once the terminal has caught up after some of what was written was left out
 * @param failed told once why nothing more can be written
 */
type OpenWriter = (behind: () => void, failed: () => void) => Writer | undefined;

/**
 * Shows an element, normally a `<Screen>`, on the whole terminal: its alternate screen, without cursor, in
 * raw mode. As a part: `(signal) => show(<View … />, { signal })`. An abort after it was opened changes nothing,
 * so that the shutdown can be seen; only closing it does.
 * @param options.writer without it whoever draws waits for the terminal
 * @throws what a component has thrown at its first render, once the terminal has been given back
 * @throws Expected when stdout isn't a terminal
 */
export async function show(
  element: ReactNode,
  options: { signal?: AbortSignal; writer?: OpenWriter } = {},
): Promise<Shown> {
  options.signal?.throwIfAborted();
  const { stdin, stdout } = process;
  if (!stdout.isTTY) throw new Expected(Exit.unavailable, "a full screen needs a terminal");

  let failed: { readonly error: unknown } | undefined;
  const fail = (error: unknown) => {
    failed ??= { error };
    // Not from within React's commit, which couldn't take the tree down.
    queueMicrotask(() => ink.unmount());
  };
  const hungUp = () => ink.unmount();
  const clear = () => {
    ink.clear();
    paper.write(CLEAR);
  };
  // Frames tell what is other than in the one before: after some were left out all of it is drawn anew.
  const behind = () => {
    clear();
    paper.emit("resize");
  };
  const writer = options.writer?.(behind, () => queueMicrotask(hungUp));
  const paper = writer ? new Paper(writer) : stdout;

  for (const stream of [stdin, stdout]) {
    // For good: a terminal that hangs up may say so at any time, and an error nobody hears ends the process.
    stream.off("error", deaf).on("error", deaf);
  }
  // Ink does this only after its first frame, into which the terminal would echo what is typed meanwhile.
  setRaw(true);
  const shown = (
    <Boundary onError={fail}>
      <ClearContext value={clear}>{element}</ClearContext>
    </Boundary>
  );
  const ink = render(shown, {
    stdout: paper as NodeJS.WriteStream,
    alternateScreen: true,
    incrementalRendering: true,
    exitOnCtrlC: false,
    // Ink would draw nothing where CI is set.
    interactive: true,
    // Ten would hold back the second frame by 100 ms.
    maxFps: 30,
  });
  if (stdin.isTTY) stdin.on("end", hungUp).on("error", hungUp);

  const ended = (async () => {
    const answer = await ink.waitUntilExit().catch(fail);
    await writer?.drain(LAST_FRAME_MS);
    writer?.close();
    if (paper instanceof Paper) paper.destroy();
    stdin.off("end", hungUp).off("error", hungUp);
    setRaw(false);
    if (stdin.isTTY) {
      // Else stdin keeps the process alive, and swallows what is typed for whatever reads next.
      stdin.pause();
      stdin.unref();
      // Bun lets go of stdin a turn later: another screen shown before would get no keys.
      await new Promise(setImmediate);
    }
    return answer;
  })();
  const outcome = async () => {
    const answer = await ended;
    if (failed) throw failed.error;
    return answer;
  };
  if (failed) await outcome();
  const close = async () => {
    ink.unmount();
    await ended;
  };
  return { done: outcome(), close, [Symbol.asyncDispose]: close };
}

const deaf = () => {};

/** What a terminal that is slow has for the last frame, ms. */
const LAST_FRAME_MS = 500;

/** What Ink draws on: the terminal, without waiting for it. */
class Paper extends Writable {
  readonly isTTY = true;
  readonly #writer: Writer;
  readonly #resized = () => void this.emit("resize");

  constructor(writer: Writer) {
    super({ decodeStrings: false });
    this.#writer = writer;
    process.stdout.on("resize", this.#resized);
  }

  get columns(): number {
    return process.stdout.columns;
  }

  get rows(): number {
    return process.stdout.rows;
  }

  getColorDepth(): number {
    return process.stdout.getColorDepth();
  }

  override _write(text: string | Uint8Array, _encoding: string, done: () => void): void {
    this.#writer.write(text);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    process.stdout.off("resize", this.#resized);
    done(error);
  }
}

function setRaw(on: boolean): void {
  try {
    if (process.stdin.isTTY) process.stdin.setRawMode(on);
  } catch {
    // The terminal has hung up.
  }
}

/** Below Ink's own boundary, which would draw the error where it is gone a moment later. */
class Boundary extends Component<
  { onError: (error: unknown) => void; children: ReactNode },
  { failed: boolean }
> {
  override readonly state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override componentDidCatch(error: unknown): void {
    this.props.onError(error);
  }

  override render(): ReactNode {
    return this.state.failed ? null : this.props.children;
  }
}
