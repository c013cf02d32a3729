import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { extname, resolve } from "node:path";
import type { Log } from "../../../kernel/log.ts";
import { Errands, findProgram, run } from "../../../kernel/programs.ts";
import { isAudible } from "../../core/notices.ts";
import type { PomoSettings } from "../settings.ts";
import type { Teller } from "./notices.ts";

/** What plays a sound file: PipeWire, PulseAudio, ALSA, FFmpeg, macOS. The first that is there does. */
const PLAYERS: readonly (readonly [string, ...string[]])[] = [
  ["pw-play"],
  ["paplay"],
  ["aplay", "-q"],
  ["ffplay", "-nodisp", "-autoexit", "-loglevel", "error"],
  ["afplay"],
];
/** What aplay knows; anything else it plays as noise, and loud. */
const ALSA_KNOWS = [".wav", ".au", ".voc"];

/**
 * Plays the sound at the end of an interval. The bell is the terminal's, and so its client's. A file or a player that
 * isn't there is a warning at the start.
 */
export function sound(config: Pick<PomoSettings, "sound" | "hook_seconds">, log: Log): Teller {
  const command = config.sound === "bell" || config.sound === "off" ? undefined : playing(config.sound, log);
  // What comes while it plays is heard already.
  const errands = new Errands(0);
  return {
    tell(event) {
      if (command === undefined || !isAudible(event)) return;
      errands.give(async (signal) => {
        const { failure, errors } = await run({ command, ms: config.hook_seconds * 1000, signal });
        if (failure !== undefined)
          log.warn(`sound: ${command[0]}: ${failure}`, { command, stderr: errors.trim() });
      });
    },
    [Symbol.asyncDispose]: () => errands[Symbol.asyncDispose](),
  };
}

/** The command that plays a file. */
function playing(name: string, log: Log): readonly string[] | undefined {
  const path = resolve(name.replace(/^~(?=\/)/, () => process.env["HOME"] ?? homedir()));
  if (!existsSync(path)) {
    log.warn(`sound: there is no ${path}`);
    return undefined;
  }
  const fit = PLAYERS.filter(
    ([player]) => player !== "aplay" || ALSA_KNOWS.includes(extname(path).toLowerCase()),
  );
  const player = fit.find(([program]) => findProgram(program) !== undefined);
  if (!player)
    log.warn(`sound: none of ${fit.map(([program]) => program).join(", ")} is there to play ${path}`);
  return player && [...player, path];
}
