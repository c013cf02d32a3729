import { systemClock } from "../../../kernel/clock.ts";
import type { Context, Options } from "../../../kernel/command.ts";
import { localTime } from "../../../kernel/core/local-time.ts";
import { Exit, Expected } from "../../../kernel/errors.ts";
import type { Line } from "../../../kernel/output.ts";
import { openStore, readStore } from "../../../kernel/store.ts";
import { printTable, terminalWidth } from "../../../kernel/table.ts";
import { halfBlocks } from "../../core/half-blocks.ts";
import { poke, tellCopies } from "../erase.ts";
import { schema } from "../journal.ts";
import { rangeOf } from "../range.ts";
import { settings } from "../settings.ts";
import { decode } from "./images.ts";
import {
  findScreenshot,
  prune,
  removeScreenshotFiles,
  removeScreenshots,
  type Screenshot,
  screenshotsBetween,
  thumbnailOf,
} from "./store.ts";

/** A drawing isn't wider than this, in cells: the thumbnail has no more pixels. */
const WIDEST = 320;
/** Rows of the terminal that a drawing leaves for the words below it. */
const ROWS_LEFT = 4;

const lineOf = (shot: Screenshot): Line => ({ type: "screenshot", ...shot });

function timeOf({ taken_at, utc_offset_min }: Screenshot): { day: string; time: string } {
  const at = localTime(taken_at, utc_offset_min);
  const time = at.toPlainTime().toString({ smallestUnit: "second" });
  return { day: at.toPlainDate().toString(), time };
}

const sizeOf = (bytes: number): string =>
  bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;

/** `stint track screenshots list` */
export async function listScreenshots({ output, profile }: Context, options: Options): Promise<number> {
  const { from, to } = rangeOf(options, "today");
  const shots = (await readStore([schema], (db) => screenshotsBetween(db, profile, from, to))) ?? [];
  if (output.json) for (const shot of shots) output.emit(lineOf(shot));
  else if (shots.length === 0) output.note("no screenshots in that time: --since 30d looks further back");
  else {
    const rows = shots.map((shot) => {
      const { day, time } = timeOf(shot);
      const { id, monitor, width, height, bytes, app } = shot;
      return { cells: [String(id), day, time, monitor, `${width}x${height}`, sizeOf(bytes), app ?? ""] };
    });
    printTable(output, ["ID", "DATE", "TIME", "MONITOR", "PIXELS", "SIZE", "APP"], rows, 6);
  }
  return Exit.ok;
}

/** `stint track screenshots show ID` */
export async function showScreenshot({ output, profile }: Context, text: string): Promise<number> {
  const id = idOf(text);
  const read = await readStore([schema], (db) => ({
    shot: findScreenshot(db, profile, id),
    thumbnail: thumbnailOf(db, id),
  }));
  if (!read?.shot || !read.thumbnail) throw missing(profile, id);
  const { shot, thumbnail } = read;
  if (output.json) output.emit(lineOf(shot));
  else {
    const rows = Math.max(4, (process.stdout.rows || 24) - ROWS_LEFT);
    const picture = await decode(thumbnail, Math.min(terminalWidth(), WIDEST), 2 * rows);
    const { day, time } = timeOf(shot);
    const words = [`#${id}`, day, time, shot.monitor, `${shot.width}x${shot.height}`, sizeOf(shot.bytes)];
    if (shot.app !== null) words.push(shot.app);
    output.text(`${halfBlocks(picture, output.colour).join("\n")}\n${words.join("  ")}\n${shot.file}\n`);
  }
  return Exit.ok;
}

/** `stint track screenshots delete ID` */
export async function deleteScreenshot({ output, profile }: Context, text: string): Promise<number> {
  const id = idOf(text);
  await using store = await openStore({ schemas: [schema], warn: (text) => output.note(text) });
  const shot = findScreenshot(store.db, profile, id);
  if (!shot) throw missing(profile, id);
  await removeScreenshotFiles([shot.file]);
  await removeScreenshots(store, [id], systemClock.wall());
  await poke();
  output.emit(lineOf(shot), () => `deleted #${id}  ${shot.file}`);
  tellCopies(output);
  return Exit.ok;
}

/** `stint track screenshots prune` */
export async function pruneScreenshots({ output }: Context): Promise<number> {
  const { track } = await settings();
  await using store = await openStore({ schemas: [schema], warn: (text) => output.note(text) });
  const { files, bytes } = await prune(store, track, systemClock.wall());
  await poke();
  output.emit({ type: "pruned", files, bytes }, () =>
    files === 0
      ? "nothing to delete"
      : `deleted ${files} screenshot${files === 1 ? "" : "s"}, ${sizeOf(bytes)}`,
  );
  return Exit.ok;
}

/** `7`, or `#7` */
function idOf(text: string): number {
  const [, id] = /^#?(\d{1,15})$/.exec(text.trim()) ?? [];
  if (id !== undefined) return Number(id);
  throw new Expected(
    Exit.usage,
    `'${text}' is no screenshot's id`,
    "stint track screenshots list shows them",
  );
}

const missing = (profile: string, id: number): Expected =>
  new Expected(
    Exit.no,
    `there is no screenshot ${id} in profile ${profile}`,
    "stint track screenshots list shows them",
  );
