import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Exit, Expected, message } from "./errors.ts";
import { stateFolder } from "./paths.ts";
import { selfCommand, spawnDetached } from "./runtime.ts";

/** The descriptor on which a background host says, in one JSON line, that it is ready or why it isn't. */
const READY_FD = 3;
const READY_VARIABLE = "STINT_READY_FD";
const READY_MS = 60_000;

type Said = { ready: true; session: string } | { error: string; hint?: string; exit: number };

/**
 * Starts a host in the background: a session of its own, no terminal. Resolves once it says it is ready.
 * @param args the command line that runs the host in the foreground
 * @param env what its environment has beside ours: unlike a command line, nobody else can read it
 * @returns the session's id
 * @throws Expected with what the host said, or 70 when it died without a word
 */
export async function launch(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ session: string; pid: number }> {
  const errors = join(stateFolder(), "host.stderr");
  const stderr = openSync(errors, "a", 0o600);
  const cwd = process.cwd();
  const child = spawnDetached([...selfCommand(), ...args], {
    cwd,
    env: { ...process.env, ...env, [READY_VARIABLE]: String(READY_FD) },
    stderr,
  });
  closeSync(stderr);
  const line = await Promise.race([
    firstLine(child.said),
    new Promise<"late">((resolve) => setTimeout(resolve, READY_MS, "late").unref()),
  ]);
  if (line === "late") {
    throw new Expected(
      Exit.again,
      `the host (pid ${child.pid}) isn't ready after ${READY_MS / 1000} s`,
      `see ${errors}`,
    );
  }
  if (line === undefined) {
    const { code, signal } = await child.exited;
    if (code === null && signal === null) {
      throw new Expected(
        Exit.io,
        `${selfCommand()[0]} can't be started in ${cwd}`,
        "was one of them removed?",
      );
    }
    const how = signal ?? `exit ${code}`;
    throw new Expected(Exit.internal, `the host died at its start (${how})`, `see ${errors}`);
  }
  const said = JSON.parse(line) as Said;
  if ("error" in said) throw new Expected(said.exit, said.error, said.hint);
  return { session: said.session, pid: child.pid };
}

async function firstLine(stream: NodeJS.ReadableStream): Promise<string | undefined> {
  let text = "";
  stream.setEncoding("utf8");
  for await (const chunk of stream) {
    text += String(chunk);
    const end = text.indexOf("\n");
    if (end >= 0) return text.slice(0, end);
  }
  return undefined;
}

/**
 * What a host in the background is to run: JSON that whoever launched it has put into its environment, from which it is
 * taken.
 * @param hint what to type instead, for one who has started this by hand
 * @throws Expected 2 when there is none
 */
export function takeRequest(variable: string, hint: string): unknown {
  const text = process.env[variable];
  delete process.env[variable];
  try {
    return JSON.parse(text ?? "");
  } catch {
    throw new Expected(Exit.usage, "this is for stint itself", hint);
  }
}

/** Whether this host was started by {@link launch}. */
export const inBackground = (): boolean => process.env[READY_VARIABLE] !== undefined;

function say(said: Said): void {
  if (!inBackground()) return;
  delete process.env[READY_VARIABLE];
  try {
    writeSync(READY_FD, `${JSON.stringify(said)}\n`);
    closeSync(READY_FD);
  } catch {
    // Whoever started us has gone: they don't wait for it.
  }
}

/** Tells whoever started this host that it is ready. Says nothing the second time. */
export const sayReady = (session: string): void => say({ ready: true, session });

/** Tells whoever started this host why it isn't. */
export function sayFailed(error: unknown): void {
  if (error instanceof Expected) {
    say({ error: error.message, exit: error.exit, ...(error.hint ? { hint: error.hint } : {}) });
  } else {
    say({ error: `the host failed: ${message(error)}`, exit: Exit.internal });
  }
}
