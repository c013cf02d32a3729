import { DISPOSE_MS, type Limits, OPEN_MS, Stack, type Stage } from "./stack.ts";

/** What a slot opens: a part that may also say when it is lost, a camera that hung up or a child that died. */
export type SlotPart<T extends AsyncDisposable> = (
  signal: AbortSignal,
  lost: (error: unknown) => void,
) => Promise<T>;

/** The deadlines are those of each opening and disposal inside. */
export type SlotOptions = Limits & {
  /** To fail when the first opening does, instead of going on without. */
  required?: boolean;
  /** How long until the next try, in ms, after so many failures in a row. */
  retryMs?: (failures: number) => number;
};

const RETRY_MS = 5_000;
/** What a slot takes beyond the deadlines of what is in it, in ms. */
const SLACK_MS = 500;

/**
 * One part from outside, whose inside comes and goes while the rest runs: a camera reconnecting, a module restarting, a
 * relay board that isn't plugged in yet. It keeps its place in the order, and holds one thing or nothing.
 */
export interface Slot<T extends AsyncDisposable> extends AsyncDisposable {
  /** What is in it, undefined while there is nothing. Ask each time: after a replacement it is another. */
  readonly current: T | undefined;
  /**
   * Disposes what is in it and opens it anew. Resolves once it is in or has failed, which is tried again after a
   * while. Called meanwhile, it begins once more. Never rejects.
   */
  replace(): Promise<void>;
}

/**
 * Opens a slot on the stack and fills it.
 * @param place.missing told whether it is empty against its will: it couldn't be filled, or what was in it is lost
 * @throws what the part throws, when it is required
 */
export function openSlot<T extends AsyncDisposable>(
  stack: Stack,
  place: { stage: Stage; name: string; missing(is: boolean): void },
  part: SlotPart<T>,
  options: SlotOptions = {},
): Promise<Slot<T>> {
  const { stage, name, missing } = place;
  const { required = false, retryMs = () => RETRY_MS, openMs = OPEN_MS, disposeMs = DISPOSE_MS } = options;

  async function open(signal: AbortSignal): Promise<Slot<T>> {
    // A stack of its own for one part: its deadlines, and the disposal of what comes late, hold inside as outside.
    const inside = new Stack((event) => event.act !== "stage" && stack.report(event));
    const empty = () => inside.disposeDownTo("terminal");
    let current: T | undefined;
    let turn = 0;
    let failures = 0;
    /** Since when there has been nothing in it. */
    let since = performance.now();
    let retry: ReturnType<typeof setTimeout> | undefined;
    let replacing: Promise<void> | undefined;

    async function fill(): Promise<void> {
      const mine = turn;
      const begin = performance.now();
      let gone = false;
      const lost = (error: unknown) => {
        if (gone || mine !== turn || signal.aborted) return;
        gone = true;
        stack.report({ act: "lost", stage, part: name, ms: performance.now() - begin, error });
        if (current) fail();
      };
      const got = await inside.open(stage, name, (leave) => part(leave, lost), { openMs, disposeMs });
      if (mine !== turn) return;
      if (gone) return fail();
      current = got;
      if (failures === 0) return;
      failures = 0;
      stack.report({ act: "back", stage, part: name, ms: performance.now() - since });
      missing(false);
    }

    function fail(): void {
      if (signal.aborted) return;
      current = undefined;
      void empty();
      if (failures === 0) since = performance.now();
      retry = setTimeout(replace, retryMs(++failures));
      missing(true);
    }

    function replace(): Promise<void> {
      turn++;
      clearTimeout(retry);
      current = undefined;
      void empty(); // what is on its way is told to leave at once
      replacing ??= refill();
      return replacing;
    }

    /** One loop, however many ask: it ends when what is in it is what was last asked for. */
    async function refill(): Promise<void> {
      let mine: number;
      do {
        mine = turn;
        await empty();
        if (mine !== turn || signal.aborted) continue;
        await fill().catch(() => mine === turn && fail());
      } while (mine !== turn);
      replacing = undefined;
    }

    signal.addEventListener("abort", () => {
      clearTimeout(retry);
      inside.abort();
    });
    try {
      await fill();
    } catch (error) {
      await empty();
      if (required) throw error;
      fail();
    }
    return {
      get current() {
        return current;
      },
      replace,
      async [Symbol.asyncDispose]() {
        current = undefined;
        await inside[Symbol.asyncDispose]();
      },
    };
  }

  return stack.open(stage, name, open, {
    openMs: openMs + disposeMs + SLACK_MS,
    disposeMs: 2 * disposeMs + SLACK_MS,
  });
}
