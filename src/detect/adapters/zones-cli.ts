import type { Context, Options } from "../../kernel/command.ts";
import { dotted, type Path, printable } from "../../kernel/config/problems.ts";
import { preciseText } from "../../kernel/core/duration.ts";
import { didYouMean } from "../../kernel/core/nearest.ts";
import { Exit, Expected, message } from "../../kernel/errors.ts";
import { readText, type Source, sourceOf, writeText } from "../../kernel/exchange.ts";
import { printTable, terminalWidth } from "../../kernel/table.ts";
import type { Picture, Point } from "../core/frame.ts";
import { drawPicture } from "../core/halfblock.ts";
import { type CameraConfig, type Installation, type ZoneConfig, zoneId } from "../core/installation.ts";
import { spanText } from "../core/schedule.ts";
import { changeInstallation, loadInstallation, type Raw } from "./installation.ts";
import { checkPngTarget, writePng } from "./png.ts";
import { applyLive } from "./reach.ts";

/** The zones of a profile's cameras, for people and for other programs. */

/** A picture that is kept is finer than one that is looked at, px. */
const PNG_WIDTH = 1_280;
/** All zones of all cameras there may be are far less. */
const LARGEST_MB = 1;

/** `stint detect zones list` */
export async function list({ output, profile }: Context): Promise<number> {
  const { cameras } = (await loadInstallation(profile)).installation;
  const zones = cameras.flatMap(({ name, zones }) => zones.map((zone) => ({ camera: name, zone })));
  if (output.json) {
    for (const { camera, zone } of zones) {
      output.emit({ type: "zone", camera, ...zone, armed: zone.armed.map(spanText) });
    }
  } else if (zones.length === 0) output.note("there are no zones yet: stint detect zones edit CAMERA");
  else {
    const rows = zones.map(({ camera, zone }) => {
      const { mode, relays, enter, dwell_ms, hold_ms, on_camera_loss, armed } = zone;
      const times = [dwell_ms, hold_ms].map(preciseText);
      const when = armed.length === 0 ? "always" : armed.map(spanText).join(", ");
      const cells = [zoneId(camera, zone.name), mode, relays.join(" "), `${enter.n} of ${enter.m}`];
      return { cells: [...cells, ...times, on_camera_loss, when] };
    });
    const head = ["ZONE", "MODE", "RELAYS", "FRAMES", "DWELL", "HOLD", "CAMERA LOST", "ARMED"];
    printTable(output, head, rows, head.length - 1);
  }
  return Exit.ok;
}

/** `stint detect zones edit CAMERA` */
export async function edit(context: Context, camera: string): Promise<number> {
  cameraOf((await loadInstallation(context.profile)).installation, camera);
  const { editZones } = await import("./screen.ts");
  return editZones(context, camera);
}

function cameraOf({ cameras }: Installation, name: string): CameraConfig {
  const found = cameras.find((camera) => camera.name === name);
  if (found) return found;
  throw new Expected(Exit.usage, `there is no camera '${name}'`, nearest(name, cameras));
}

/** @throws Expected 2 unless there is exactly one */
function onlyCamera({ cameras }: Installation): CameraConfig {
  const [only, ...others] = cameras;
  if (!only) throw new Expected(Exit.usage, "there is no camera", HOW_TO_ADD);
  if (others.length === 0) return only;
  throw new Expected(Exit.usage, "which camera?", `there are ${cameras.map(({ name }) => name).join(", ")}`);
}

const HOW_TO_ADD = "stint detect cameras add adds one";

function nearest(name: string, cameras: Installation["cameras"]): string {
  const names = cameras.map((camera) => camera.name);
  const all = names.length === 0 ? HOW_TO_ADD : `there are ${names.join(", ")}`;
  return didYouMean(name, names) ?? all;
}

/** `stint detect zones show [CAMERA]`: on a terminal, or as a PNG file. Without a camera: the one that there is. */
export async function show(context: Context, name: string | undefined, options: Options): Promise<number> {
  const { output, profile } = context;
  const { png } = options as { png?: string };
  if (png !== undefined) checkPngTarget(png);
  else if (output.json) {
    throw new Expected(Exit.usage, "a picture is drawn on a terminal", "--png FILE, or --png - for stdout");
  }
  const { installation } = await loadInstallation(profile);
  const camera = name === undefined ? onlyCamera(installation) : cameraOf(installation, name);
  const picture = await take(context, png === undefined ? camera : { ...camera, width: PNG_WIDTH });
  if (!picture) return Exit.ok;
  if (png === undefined) output.text(`${drawn(picture, camera, output.colour).join("\n")}\n`);
  else {
    await writePng(png, await painted(picture, camera));
    if (png !== "-") output.note(`${camera.name} written to ${png}`);
  }
  return Exit.ok;
}

/** @returns undefined when a signal came first @throws Expected 69 when the camera gives no picture */
async function take({ life }: Context, camera: CameraConfig): Promise<Picture | undefined> {
  const { still } = await import("./camera/still.ts");
  const over = new AbortController();
  using _ = life.own({ end: () => over.abort(), hurry: async () => {} });
  try {
    return await still(camera, over.signal);
  } catch (error) {
    if (over.signal.aborted) return undefined;
    if (!(error instanceof Expected)) throw error;
    const hint = error.hint ?? `stint detect cameras test ${camera.name}`;
    throw new Expected(error.exit, `${camera.name}: ${error.message}`, hint);
  }
}

function drawn(picture: Picture, { zones, masks }: CameraConfig, colour: boolean): string[] {
  const depth = /^(truecolor|24bit)$/.test(process.env["COLORTERM"] ?? "") ? "truecolor" : "256";
  return drawPicture(picture, {
    columns: terminalWidth(),
    // A row is left for the prompt.
    rows: (process.stdout.rows || 24) - 1,
    colour: colour ? depth : "none",
    boxes: [],
    polygons: [
      ...masks.map((points) => ({ points, tone: "secondary" as const, closed: true, label: "mask" })),
      ...zones.map(({ points, name }) => ({ points, tone: "selected" as const, closed: true, label: name })),
    ],
  });
}

/** What an SVG takes as text. */
const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => `&#${sign.codePointAt(0)};`);

/** The picture with zones and masks drawn on it, as PNG. */
async function painted(
  { data, width, height }: Picture,
  { zones, masks }: CameraConfig,
): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp");
  const thick = Math.max(1, Math.round(width / 320));
  const size = Math.max(10, Math.round(width / 40));
  const outline = (points: readonly Point[], colour: string, name: string) => {
    const places = points.map(([x, y]) => [x * width, y * height].map((at) => at.toFixed(1)));
    const [left, top] = [0, 1].map((axis) => Math.min(...points.map((point) => point[axis] ?? 0)));
    const at = `x="${(left ?? 0) * width + size / 2}" y="${(top ?? 0) * height + 1.5 * size}"`;
    return `<polygon points="${places.map((place) => place.join(",")).join(" ")}" fill="${colour}"
      fill-opacity="0.2" stroke="${colour}" stroke-width="${thick}"/>
      <text ${at} font-family="sans-serif" font-size="${size}" fill="#fff" stroke="#000"
      stroke-width="${thick}" paint-order="stroke">${escaped(name)}</text>`;
  };
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    ${masks.map((points) => outline(points, "#888", "mask")).join("")}
    ${zones.map(({ points, name, mode }) => outline(points, mode === "permit" ? "#fc3" : "#3cf", name)).join("")}
  </svg>`;
  return sharp(data, { raw: { width, height, channels: 3 } })
    .composite([{ input: Buffer.from(svg) }])
    .removeAlpha()
    .png()
    .toBuffer();
}

/** A zone in the words of the installation's file. */
const written = ({ enter, dwell_ms, hold_ms, armed, ...rest }: ZoneConfig) => ({
  ...rest,
  frames: `${enter.n} of ${enter.m}`,
  dwell: preciseText(dwell_ms),
  hold: preciseText(hold_ms),
  armed: armed.map(spanText),
});

/** `stint detect zones export [FILE]`: JSON, `{v: 1, type: "zones", cameras: [{name, zones, masks}]}` */
export async function exportZones({ output, profile }: Context, file: string | undefined): Promise<number> {
  const { cameras } = (await loadInstallation(profile)).installation;
  const document = {
    v: 1,
    type: "zones",
    cameras: cameras.map(({ name, zones, masks }) => ({ name, zones: zones.map(written), masks })),
  };
  // A point stands on one line.
  const text = JSON.stringify(document, null, 2).replace(/\[\s+([\d.e-]+),\s+([\d.e-]+)\s+\]/g, "[$1, $2]");
  if (writeText(output, file, [`${text}\n`])) {
    const count = cameras.reduce((sum, { zones }) => sum + zones.length, 0);
    output.emit({ type: "export", zones: count, file }, () => `${counted(count)} written to ${file}`);
  }
  return Exit.ok;
}

const counted = (zones: number): string => `${zones} zone${zones === 1 ? "" : "s"}`;

type RawCamera = NonNullable<Raw["cameras"]>[number];
type RawZone = NonNullable<RawCamera["zones"]>[number];
/** Of a camera: its zones, and its masks where they are told. */
type Imported = Pick<RawCamera, "name" | "masks"> & { readonly zones: readonly RawZone[] };

/** `stint detect zones import [FILE]`: all of it or, when something in it isn't right, nothing. */
export async function importZones(context: Context, file: string | undefined): Promise<number> {
  const { output, profile } = context;
  const source = sourceOf(file, "stint detect zones import");
  const given = await readDocument(source);
  const { cameras } = (await loadInstallation(profile)).installation;
  for (const [at, { name }] of given.entries()) {
    if (cameras.some((camera) => camera.name === name)) continue;
    throw wrong(source, ["cameras", at, "name"], `there is no camera ${name}`, nearest(name, cameras));
  }
  let added = 0;
  let replaced = 0;
  await changeInstallation(profile, (raw) => {
    for (const { name, zones, masks } of given) {
      const camera = raw.cameras?.find((each) => each.name === name);
      // Somebody removed it meanwhile.
      if (!camera) continue;
      const all: RawZone[] = [...(camera.zones ?? [])];
      for (const zone of zones) {
        const at = all.findIndex((each) => each.name === zone.name);
        if (at < 0) all.push(zone);
        else all[at] = zone;
        if (at < 0) added++;
        else replaced++;
      }
      camera.zones = all;
      if (masks) camera.masks = masks;
    }
  });
  await applyLive(context);
  output.emit({ type: "import", added, replaced }, () => `${counted(added)} added, ${replaced} replaced`);
  return Exit.ok;
}

const wrong = ({ label }: Source, path: Path, text: string, hint = "nothing was imported"): Expected =>
  new Expected(Exit.io, printable(`${label}: ${path.length > 0 ? `${dotted(path)}: ` : ""}${text}`), hint);

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What an export says. Each zone is right by itself; whether its relays are there is asked of the whole. @throws Expected */
async function readDocument(source: Source): Promise<readonly Imported[]> {
  let document: unknown;
  try {
    document = JSON.parse(await readText(source, LARGEST_MB));
  } catch (error) {
    if (error instanceof SyntaxError) throw wrong(source, [], `it isn't JSON: ${message(error)}`);
    throw error;
  }
  const { v, type, cameras } = isRecord(document) ? document : {};
  if (type !== "zones" || !Array.isArray(cameras)) {
    throw wrong(source, [], "it isn't what stint detect zones export writes");
  }
  if (v !== 1) throw wrong(source, ["v"], "it is of another version of stint: this one knows 1");
  const given = cameras.map((each: unknown) => {
    const { name, zones = [], masks } = isRecord(each) ? each : {};
    return { name, zones, ...(masks === undefined ? {} : { masks }) };
  });
  const { interpret } = await import("./installation-schema.ts");
  const alone = given.map((camera) => ({ ...camera, url: "/", zones: withoutRelays(camera.zones) }));
  const [mistake] = interpret({ version: 2, cameras: alone }, "/").mistakes;
  if (mistake) throw wrong(source, mistake.path, mistake.text, mistake.hint);
  return given as Imported[];
}

const withoutRelays = (zones: unknown): unknown =>
  Array.isArray(zones)
    ? zones.map((zone: unknown) => (isRecord(zone) ? { ...zone, relays: [] } : zone))
    : zones;
