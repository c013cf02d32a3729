import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Context, Options } from "../../kernel/command.ts";
import { didYouMean } from "../../kernel/core/nearest.ts";
import { Exit, Expected, message } from "../../kernel/errors.ts";
import { readText } from "../../kernel/exchange.ts";
import { printTable } from "../../kernel/table.ts";
import { applyEdit } from "../core/edit.ts";
import type { Wanted } from "../core/ffmpeg.ts";
import type { CameraConfig, Installation } from "../core/installation.ts";
import { addressProblem, schemeless, shownUrl } from "../core/url.ts";
import { type Trial, tryCamera } from "./camera/still.ts";
import { changeInstallation, loadInstallation } from "./installation.ts";
import { applyLive } from "./reach.ts";

/** `stint detect cameras`. No address is shown with its password. */

const NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/i;
/** What a camera is tried with: its first picture tells the rest. */
const TRIED = { fps: 5, width: 416 };

/**
 * Adds a camera, once it has given a picture.
 * @param typed its address, a file's path, or `-` for one on stdin
 * @throws Expected 2 for a name or an address that can't be, 69 when it gives no picture; then nothing was added
 */
export async function add(context: Context, name: string, typed: string, options: Options): Promise<number> {
  const { fps, test = true } = options as { fps?: number; test?: boolean };
  if (!NAME.test(name)) {
    const hint = "letters, digits, - and _, at most 32, the first no - or _";
    throw new Expected(Exit.usage, `'${name}' is no name for a camera`, hint);
  }
  const url = await addressOf(typed);
  const { installation, path } = await loadInstallation(context.profile);
  if (installation.cameras.some((camera) => camera.name === name)) {
    const hint = `change it, with its zones kept, on page 2 of stint detect watch, or in ${path}`;
    throw new Expected(Exit.usage, `there is a camera ${name} already`, hint);
  }
  const trial = test ? await firstTrial({ ...TRIED, url }) : undefined;
  await changeInstallation(context.profile, (raw) => {
    applyEdit(raw, { do: "add_camera", camera: name, url });
    if (fps !== undefined) applyEdit(raw, { do: "set_camera", camera: name, key: "fps", value: fps });
  });
  await applyLive(context);
  const tried = trial && trialFacts(trial);
  context.output.emit({ type: "camera_added", name, url: shownUrl(url), ...tried }, () =>
    trial ? `${name} added: ${trialText(trial)}` : `${name} added, untried`,
  );
  return Exit.ok;
}

async function addressOf(typed: string): Promise<string> {
  const said = typed === "-" ? (await readText({ path: undefined, label: "stdin" }, 1)).trim() : typed;
  const url = isPath(said) ? resolve(said) : said;
  const problem = addressProblem(url);
  if (!problem) return url;
  // Where it isn't one nobody knows what of it is the password.
  throw new Expected(Exit.usage, `that is no camera's address: ${problem.text}`, problem.hint);
}

/** A file may be called as a host is. */
const isPath = (said: string): boolean =>
  said !== "" && !said.includes("://") && (schemeless(said) === undefined || existsSync(said));

async function firstTrial(wanted: Wanted): Promise<Trial> {
  try {
    return await tryCamera(wanted, new AbortController().signal);
  } catch (error) {
    if (!(error instanceof Expected)) throw error;
    throw new Expected(error.exit, error.message, "nothing was added; --no-test adds it all the same");
  }
}

/** What is configured. */
export async function list({ profile, output }: Context): Promise<number> {
  const { cameras } = (await loadInstallation(profile)).installation;
  if (cameras.length === 0) output.note(NONE);
  for (const { name, url, fps, width, zones } of cameras) {
    output.emit({
      type: "camera",
      name,
      url: shownUrl(url),
      fps,
      width,
      zones: zones.map((zone) => zone.name),
    });
  }
  if (output.json || cameras.length === 0) return Exit.ok;
  const rows = cameras.map(({ name, url, fps, width, zones }) => ({
    cells: [name, `${fps}`, `${width}`, `${zones.length}`, shownUrl(url)],
  }));
  printTable(output, ["camera", "fps", "width", "zones", "address"], rows, 4);
  return Exit.ok;
}

const NONE = "there are no cameras: stint detect cameras add NAME URL";

/** Opens cameras, all at once, and says what they give. @returns 1 when one gives no picture @throws Expected 2 for one that isn't there */
export async function test({ profile, output }: Context, names: readonly string[]): Promise<number> {
  const { installation } = await loadInstallation(profile);
  const cameras =
    names.length === 0 ? installation.cameras : names.map((name) => cameraOf(installation, name));
  if (cameras.length === 0) output.note(NONE);
  const { signal } = new AbortController();
  const results = await Promise.all(
    cameras.map(async (camera) => {
      const { name } = camera;
      try {
        const trial = await tryCamera(camera, signal);
        const facts = { type: "camera_test", name, ok: true, error: null, ...trialFacts(trial) };
        output.emit(facts, () => `${name}: ${trialText(trial)}`);
        return true;
      } catch (error) {
        if (!(error instanceof Expected)) throw error;
        const why = message(error);
        output.emit({ type: "camera_test", name, ok: false, error: why }, () =>
          output.paint(31, `${name}: ${why}`),
        );
        return false;
      }
    }),
  );
  return results.every(Boolean) ? Exit.ok : Exit.no;
}

/** Takes a camera out, with its zones. @throws Expected 2 when there is none of that name */
export async function remove(context: Context, name: string): Promise<number> {
  const { installation } = await loadInstallation(context.profile);
  const { zones } = cameraOf(installation, name);
  await changeInstallation(context.profile, (raw) => applyEdit(raw, { do: "remove_camera", camera: name }));
  await applyLive(context);
  context.output.emit(
    { type: "camera_removed", name, zones: zones.map((zone) => zone.name) },
    () => `${name} removed`,
  );
  return Exit.ok;
}

/** @throws Expected 2 */
function cameraOf({ cameras }: Installation, name: string): CameraConfig {
  const camera = cameras.find((each) => each.name === name);
  if (camera) return camera;
  const names = cameras.map((each) => each.name);
  const hint = didYouMean(name, names) ?? (names.length === 0 ? NONE : `there are ${names.join(", ")}`);
  throw new Expected(Exit.usage, `there is no camera ${name}`, hint);
}

/** `width`, `height`, `fps` and `codec` are as the camera sends it. */
function trialFacts({ stream, picture, ms }: Trial): Record<string, unknown> {
  const [width, height] = stream?.size ?? [picture.width, picture.height];
  return { width, height, fps: stream?.fps ?? null, codec: stream?.codec ?? null, first_ms: Math.round(ms) };
}

function trialText(trial: Trial): string {
  const { width, height, fps, codec, first_ms } = trialFacts(trial);
  const rate = fps === null ? "" : `, ${fps} pictures a second`;
  return `${codec ?? "video"} ${width}×${height}${rate}, the first after ${Number(first_ms) / 1000} s`;
}
