import { join } from "node:path";
import { localOffset, systemClock } from "../../kernel/clock.ts";
import type { Context, Options } from "../../kernel/command.ts";
import { localTime } from "../../kernel/core/local-time.ts";
import { Exit, Expected, errno, message } from "../../kernel/errors.ts";
import { printTable } from "../../kernel/table.ts";
import type { EventRow } from "../core/event.ts";
import { eventText } from "../core/event-text.ts";
import { zoneId } from "../core/installation.ts";
import { expired } from "../core/retention.ts";
import { loadInstallation } from "./installation.ts";
import { readEventsOf } from "./journal.ts";
import { checkPngTarget, writePng } from "./png.ts";
import { ageClock, readFolder, removeFiles, type SnapshotFile, snapshotFolder } from "./snapshots.ts";

const DEFAULT_LINES = 100;

/** The files of an event. `row` isn't there when the event is older than what is kept of events. */
type Shown = {
  readonly event: number;
  /** UTC ms. */
  readonly at: number;
  readonly bytes: number;
  readonly snapshot: string | null;
  readonly clip: string | null;
  readonly row: EventRow | undefined;
};

/** `stint detect snapshots list` */
export async function list({ output, profile }: Context, options: Options): Promise<number> {
  const { lines = DEFAULT_LINES } = options as { lines?: number };
  const found = await newest(profile, await readFolder(snapshotFolder(profile)), lines);
  if (output.json) for (const shown of found) output.emit(recordOf(shown));
  else if (found.length === 0) output.note("nothing is kept yet: a trip is");
  else {
    const rows = found.map((shown) => {
      const { event, at, bytes, snapshot, clip } = shown;
      const files = [...(snapshot === null ? [] : ["picture"]), ...(clip === null ? [] : ["clip"])];
      return { cells: [String(event), timeText(at), zoneOf(shown) ?? "", files.join(", "), sizeText(bytes)] };
    });
    printTable(output, ["EVENT", "TIME", "ZONE", "FILES", "SIZE"], rows, 2);
  }
  return Exit.ok;
}

/** `stint detect snapshots show EVENT` */
export async function show({ output, profile }: Context, text: string, options: Options): Promise<number> {
  const { png } = options as { png?: string };
  if (png !== undefined) checkPngTarget(png);
  const event = idOf(text);
  const files = (await readFolder(snapshotFolder(profile))).filter((file) => file.event === event);
  const [shown] = await newest(profile, files, 1);
  if (!shown) {
    const hint = "stint detect snapshots list shows those that are kept";
    throw new Expected(Exit.no, `nothing is kept of event ${event} in profile ${profile}`, hint);
  }
  if (png === undefined) {
    output.emit(recordOf(shown), () => {
      const said = shown.row ? [`${timeText(shown.at)} ${eventText(shown.row)}`] : [];
      return [...said, ...[shown.snapshot, shown.clip].filter((path) => path !== null)].join("\n");
    });
    return Exit.ok;
  }
  if (shown.snapshot === null)
    throw new Expected(Exit.no, `there is no picture of event ${event}, only a clip`);
  await writePng(png, await pngOf(shown.snapshot));
  if (png !== "-") output.note(`the picture of event ${event} written to ${png}`);
  return Exit.ok;
}

/** `stint detect snapshots prune` */
export async function prune({ output, profile }: Context, { all }: Options): Promise<number> {
  const folder = snapshotFolder(profile);
  const files = await readFolder(folder);
  const { retention } = (await loadInstallation(profile)).installation;
  const ages = ageClock(systemClock, files);
  const doubt = ages.look();
  if (all !== true && doubt !== undefined) output.note(`${doubt}; --all removes everything`);
  const gone = all === true ? files : expired(files, retention, ages.now);
  try {
    const { removed, bytes } = await removeFiles(folder, gone);
    const what = `${removed} file${removed === 1 ? "" : "s"}, ${sizeText(bytes)}`;
    output.emit({ type: "pruned", files: removed, bytes }, () =>
      removed === 0 ? "nothing to remove" : `removed ${what}`,
    );
  } catch (error) {
    const why = errno(error) ?? message(error);
    throw new Expected(Exit.io, `files of ${folder} can't be removed: ${why}`, "is the folder writable?");
  }
  return Exit.ok;
}

/** The files of the last `n` events, the newest first. */
async function newest(profile: string, files: readonly SnapshotFile[], n: number): Promise<Shown[]> {
  // Ids begin anew where the store is lost: then a file is of the event that names it, else of the last of that id.
  const last = Map.groupBy(files.toReversed(), ({ event }) => event);
  const chosen = [...last].slice(0, n);
  const rows = await readEventsOf(
    profile,
    chosen.map(([event]) => event),
  );
  return chosen.map(([event, all]): Shown => {
    const row = rows.find(({ id }) => id === event);
    const pick = (kind: SnapshotFile["kind"]) =>
      all.find(({ name }) => name === row?.[kind]) ?? all.find((file) => file.kind === kind);
    const [snapshot, clip] = [pick("snapshot"), pick("clip")];
    const pathOf = (file: SnapshotFile | undefined) => file && join(snapshotFolder(profile), file.name);
    return {
      event,
      at: row?.at ?? all[0]?.at ?? 0,
      bytes: (snapshot?.bytes ?? 0) + (clip?.bytes ?? 0),
      snapshot: pathOf(snapshot) ?? null,
      clip: pathOf(clip) ?? null,
      row,
    };
  });
}

/** `hall/press`; null when it isn't known any more. */
const zoneOf = ({ row }: Shown): string | null => {
  if (!row || !("camera" in row)) return null;
  return "zone" in row ? zoneId(row.camera, row.zone) : row.camera;
};

function recordOf(shown: Shown) {
  const { event, at, snapshot, clip, bytes } = shown;
  const zone = zoneOf(shown);
  return { type: "snapshot", event, at, utc_offset_min: localOffset(at), zone, snapshot, clip, bytes };
}

/** `2026-11-22 14:05:03` */
const timeText = (at: number): string =>
  localTime(at, localOffset(at)).toPlainDateTime().toString({ smallestUnit: "second" }).replace("T", " ");

const sizeText = (bytes: number): string =>
  bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;

/** `57`, or `#57` */
function idOf(text: string): number {
  const [, id] = /^#?(\d{1,15})$/.exec(text.trim()) ?? [];
  if (id !== undefined) return Number(id);
  const hint = "stint detect snapshots list shows those that are kept";
  throw new Expected(Exit.usage, `'${text}' is no event's number`, hint);
}

async function pngOf(picture: string): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp");
  return sharp(picture)
    .png()
    .toBuffer()
    .catch((error: unknown) => {
      throw new Expected(Exit.io, `${picture} can't be read: ${message(error)}`);
    });
}
