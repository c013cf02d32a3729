import { connect } from "node:net";
import { systemClock } from "../../kernel/clock.ts";
import type { Ready } from "../core/module.ts";

/** Whether a module is ready that doesn't say so itself. */

/** How long until it is tried again, ms: more each time. */
const AGAIN_MS = { least: 50, most: 250 };
/** How long an answer may take, ms. */
const ANSWER_MS = 2_000;

/**
 * Waits until a module is ready.
 * @param up.signal aborted when it is no longer waited for
 * @returns false when it was aborted
 */
export async function whenReady(
  ready: Exclude<Ready, { by: "event" | "pattern" }>,
  { signal }: { signal: AbortSignal },
): Promise<boolean> {
  if (ready.by === "time") {
    await systemClock.sleep(ready.ms, signal);
    return !signal.aborted;
  }
  const isReady =
    ready.by === "tcp" ? () => isListening(ready.port, signal) : () => answers(ready.url, signal);
  for (let wait = AGAIN_MS.least; !signal.aborted; wait = Math.min(2 * wait, AGAIN_MS.most)) {
    if (await isReady()) return !signal.aborted;
    await systemClock.sleep(wait, signal);
  }
  return false;
}

async function isListening(port: number, signal: AbortSignal): Promise<boolean> {
  return (await canConnect("127.0.0.1", port, signal)) || (await canConnect("::1", port, signal));
}

/** Something that can be left: a socket, a request. */
type Attempt = { destroy(): void };

/** Waits for what becomes of an attempt, no longer than an answer may take, and leaves nothing of it open. */
async function outcome(
  signal: AbortSignal,
  begin: (became: (well: boolean) => void) => Attempt,
): Promise<boolean> {
  if (signal.aborted) return false;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const fail = () => resolve(false);
  const timer = setTimeout(fail, ANSWER_MS);
  signal.addEventListener("abort", fail, { once: true });
  const attempt = begin(resolve);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", fail);
    attempt.destroy();
  }
}

const canConnect = (host: string, port: number, signal: AbortSignal): Promise<boolean> =>
  outcome(signal, (became) => {
    const socket = connect({ host, port });
    // Where nobody listens, a socket that was given this very port as its own meets itself.
    socket.on("connect", () => became(socket.localPort !== port));
    socket.on("error", () => became(false));
    return socket;
  });

/** Whether a GET is answered with 2xx or 3xx. Not by `fetch`, which asks the proxy of the environment instead. */
async function answers(url: string, signal: AbortSignal): Promise<boolean> {
  const { get } = url.startsWith("https:") ? await import("node:https") : await import("node:http");
  return outcome(signal, (became) => {
    const request = get(new URL(url), { agent: false }, ({ statusCode = 0 }) =>
      became(statusCode >= 200 && statusCode < 400),
    );
    request.on("error", () => became(false));
    return request;
  });
}

/** So much of a line is looked at, in characters. */
const LONGEST = 4096;
const SHORTEST = 8;
/** A test that takes longer is taken for the beginning of one without end, µs of CPU time: others may be busy too. */
const SLOW_US = 5_000;

/**
 * Whether a pattern is found in a line. The time that takes may grow with any power of the line's length: more and more
 * of it is looked at as long as that is quick, and never again as much as once was too much. In a line that is cut so, the
 * end of the line isn't found where it was cut.
 * @param pattern a regular expression that `u` can be read with
 */
export function matches(pattern: string): (line: string) => boolean {
  const expression = new RegExp(pattern, "u");
  let longest = LONGEST;
  return (line) => {
    for (let length = SHORTEST; ; length *= 2) {
      const size = Math.min(length, longest);
      // A line break stands for what is cut off: `$` isn't before it, nor does `.` mean it. What takes it in isn't found.
      const beginning = size < line.length ? `${line.slice(0, size)}\n` : line;
      const began = process.cpuUsage();
      const match = expression.exec(beginning);
      if (process.cpuUsage(began).user > SLOW_US) longest = Math.max(SHORTEST, size / 2);
      if (length >= Math.min(line.length, longest)) {
        return match !== null && match.index + match[0].length <= size;
      }
    }
  };
}
