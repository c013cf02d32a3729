import { spawn } from "node:child_process";
import { errno, message } from "../../../../kernel/errors.ts";
import type { SlotPart } from "../../../../kernel/slot.ts";
import { LATE, within } from "../../../../kernel/stack.ts";
import type { Picture, Screen } from "../sense.ts";
import { Ask, Ipc } from "./ipc.ts";

/** How long a picture may take, ms: grim waits for a frame, and a monitor that sleeps draws none. */
const PICTURE_MS = 4_000;

/** Pictures by grim, which asks the compositor by wlr-screencopy; sway says which monitors there are. */
export const grimScreen =
  (grim: string, env: NodeJS.ProcessEnv): (() => SlotPart<Screen>) =>
  () =>
  async (signal, lost) => {
    const sway = await Ipc.connect(env, signal, { lost });
    return {
      async capture(leave) {
        const monitors = monitorsIn(await sway.ask(Ask.outputs));
        leave.throwIfAborted();
        // All have ended before this does, so that no grim is left behind.
        const taken = await Promise.allSettled(monitors.map((monitor) => picture(grim, monitor, env, leave)));
        return taken.map((each) => {
          if (each.status === "rejected") throw each.reason;
          return each.value;
        });
      },
      [Symbol.asyncDispose]: () => sway[Symbol.asyncDispose](),
    };
  };

/** The names in the answer to GET_OUTPUTS of those that are on. */
function monitorsIn(outputs: unknown): string[] {
  if (!Array.isArray(outputs)) throw new Error("sway tells no monitors");
  return outputs.flatMap((output: unknown) => {
    // `power` is `dpms` since sway 1.9.
    const { name, active, dpms, power } = (output ?? {}) as Record<string, unknown>;
    const on = active === true && dpms !== false && power !== false;
    return on && typeof name === "string" ? [name] : [];
  });
}

async function picture(
  grim: string,
  monitor: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<Picture> {
  const child = spawn(grim, ["-t", "ppm", "-o", monitor, "-"], { env, stdio: ["ignore", "pipe", "pipe"] });
  const chunks: Buffer[] = [];
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-300);
  });
  const ended = new Promise<string | undefined>((resolve) => {
    child.once("error", (error) => resolve(errno(error) ?? message(error)));
    child.once("close", (code, by) =>
      resolve(code === 0 ? undefined : said.trim() || `${by ?? `exit ${code}`}`),
    );
  });
  const failure = await within(ended, { ms: PICTURE_MS, signal });
  if (failure === LATE) {
    child.kill("SIGKILL");
    await ended;
    signal.throwIfAborted();
    throw new Error(`grim took no picture of ${monitor} within ${PICTURE_MS / 1000} s`);
  }
  if (failure !== undefined) throw new Error(`grim: ${failure}`);
  return { monitor, ...readPpm(Buffer.concat(chunks)) };
}

/**
 * Reads a PPM as grim writes it: `P6`, width, height and 255 as text, then RGB (https://netpbm.sourceforge.net/doc/ppm.html).
 * @throws Error when it is none, or not whole
 */
export function readPpm(bytes: Buffer): Omit<Picture, "monitor"> {
  const header = /^P6\s+(\d{1,6})\s+(\d{1,6})\s+255\s/.exec(bytes.toString("latin1", 0, 40));
  const [width, height] = [Number(header?.[1]), Number(header?.[2])];
  const pixels = bytes.subarray(header?.[0].length ?? 0);
  if (!header || pixels.length !== width * height * 3) throw new Error("grim's picture is no whole PPM");
  return { width, height, channels: 3, pixels };
}
