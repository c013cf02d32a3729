import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Exit, Expected, errno, message } from "../../../kernel/errors.ts";
import { selfCommand } from "../../../kernel/runtime.ts";
import { LATE, within } from "../../../kernel/stack.ts";
import type { BoardConfig } from "../../core/installation.ts";

const START_MS = 20_000;
const END_MS = 1_000;

/** A simulated board of this process. */
export type OwnBoard = AsyncDisposable & { readonly socket: string; readonly pid: number };

/**
 * Starts a simulated board that has no socket of its own. It outlives a `kill -9` of this process by a second, and what
 * its guard needs to switch it off.
 * @param folder where its socket is made: private, and its path short
 * @throws Expected when it can't be started
 */
export async function ownBoard(
  { name, serial, channels }: BoardConfig,
  folder: string,
  command: readonly [string, ...string[]] = selfCommand(),
): Promise<OwnBoard> {
  const socket = join(folder, `board-${name}-${process.pid}.sock`);
  const [file, ...args] = command;
  const child = spawn(
    file,
    [
      ...args,
      ...["detect", "__board", socket, "--channels", String(channels)],
      ...(serial === null ? [] : ["--serial", serial]),
    ],
    // In a group of its own: the terminal's ^C is for the host, which ends it last.
    { detached: true, stdio: ["pipe", "pipe", "ignore"] },
  );
  const exited = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(errno(error) ?? message(error)));
    child.once("exit", (code, by) => resolve(by ?? `exit ${code}`));
  });
  child.stdin.on("error", () => {}); // it has ended, which is seen otherwise
  const ready = new Promise<true>((resolve) => {
    createInterface({ input: child.stdout }).once("line", () => resolve(true));
  });
  const dispose = async () => {
    child.stdin.destroy();
    child.kill("SIGTERM");
    if ((await within(exited, { ms: END_MS })) === LATE) child.kill("SIGKILL");
    await within(exited, { ms: END_MS });
    child.stdout.destroy();
  };
  const got = await within(Promise.race([ready, exited]), { ms: START_MS });
  if (got !== true) {
    await dispose();
    const why = got === LATE ? "it says nothing" : got;
    throw new Expected(Exit.unavailable, `the simulated board ${name} can't be started: ${why}`);
  }
  return { socket, pid: child.pid ?? 0, [Symbol.asyncDispose]: dispose };
}
