import { readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../kernel/clock.ts";
import { oneLine } from "../../kernel/core/plain.ts";
import { errno, message } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import { dataPath, privateFolder } from "../../kernel/paths.ts";
import { saveFile } from "../../kernel/save.ts";
import type { Frame, Point, Tracked } from "../core/frame.ts";
import type { Retention } from "../core/installation.ts";
import { AgeClock, DAY_MS, expired, type KeptFile } from "../core/retention.ts";

/** Where a profile's snapshots and clips are. */
export const snapshotFolder = (profile: string): string => join(dataPath(), "detect", profile, "snapshots");

/** `20261122T140503Z-57.jpg`: when it was made, UTC, and of which event. What else is in the folder isn't ours. */
const NAME = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-(\d+)\.(jpg|ts)$/;
/** What a save that was killed has left, or a trial. */
const LEFT = /^\..+\.(stint-save|trial)$/;
/** Such a thing may be just being written, ms. */
const YOUNG_MS = 60_000;

export type SnapshotFile = KeptFile & { readonly event: number; readonly kind: "snapshot" | "clip" };

function nameOf(at: number, event: number, extension: "jpg" | "ts"): string {
  const stamp = new Date(at).toISOString().replace(/[-:]|\.\d+/g, "");
  return `${stamp}-${event}.${extension}`;
}

function fileOf(name: string, bytes: number): SnapshotFile | undefined {
  const [, year, month, day, hour, minute, second, event, extension] = NAME.exec(name) ?? [];
  if (event === undefined) return undefined;
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return { name, at, bytes, event: Number(event), kind: extension === "jpg" ? "snapshot" : "clip" };
}

/** So many files are asked at once. */
const TOGETHER = 64;

/** The files of a folder, the oldest first; leftovers of killed saves are removed on the way. None where there is no folder. */
export async function readFolder(folder: string): Promise<SnapshotFile[]> {
  const names = (await readdir(folder).catch(() => [])).sort();
  const files: SnapshotFile[] = [];
  for (let at = 0; at < names.length; at += TOGETHER) {
    const batch = names.slice(at, at + TOGETHER);
    const found = await Promise.all(batch.map(async (name) => ({ name, is: await look(folder, name) })));
    files.push(...found.flatMap(({ name, is }) => (is ? (fileOf(name, is.size) ?? []) : [])));
  }
  return files;
}

async function look(folder: string, name: string) {
  const path = join(folder, name);
  const found = await stat(path).catch(() => undefined);
  if (found && LEFT.test(name) && Date.now() - found.mtimeMs > YOUNG_MS) await rm(path, { force: true });
  return found;
}

/** What was removed. */
export type Removed = { readonly removed: number; readonly bytes: number };

/** Removes files of a folder. @throws the first error */
export async function removeFiles(folder: string, files: readonly KeptFile[]): Promise<Removed> {
  for (const { name } of files) await rm(join(folder, name), { force: true });
  return { removed: files.length, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
}

export type SnapshotOptions = {
  clock: Clock;
  log: Log;
  /** Told once that nothing can be saved, and why; then null once something can. */
  storage(problem: string | null): void;
};

/** So many wait to be saved: pictures are large. */
const MOST_WAITING = 4;
/** A disk that takes nothing is tried again so often, ms. */
const AGAIN_MS = 5_000;
const PRUNE_MS = 3_600_000;

/** Keeps pictures and clips of events, one after another, while the rest goes on. */
export class Snapshots implements AsyncDisposable {
  readonly #folder: string;
  readonly #options: SnapshotOptions;
  readonly #retention: () => Retention;
  /** What is there, as far as we know, the oldest first. */
  #files: KeptFile[] = [];
  /** Since the files were first read. That the clock was set is told by the journal. */
  #ages: AgeClock | undefined;
  #working: Promise<void> = Promise.resolve();
  #waiting = 0;
  #behind = false;
  #problem: string | null = null;
  readonly #over = new AbortController();
  readonly #pruning: Promise<void>;
  #trying: Promise<void> | undefined;

  private constructor(profile: string, retention: () => Retention, options: SnapshotOptions) {
    this.#folder = snapshotFolder(profile);
    this.#retention = retention;
    this.#options = options;
    this.#pruning = this.#pruneNowAndThen();
  }

  /**
   * It opens on a disk that takes nothing, too.
   * @param retention what is to be kept, asked each time
   */
  static async open(
    profile: string,
    retention: () => Retention,
    options: SnapshotOptions,
  ): Promise<Snapshots> {
    // It is loaded here, and not while something happens.
    await library().catch((error: unknown) =>
      options.log.warn(`snapshots can't be drawn: ${message(error)}`, { error }),
    );
    return new Snapshots(profile, retention, options);
  }

  /**
   * Draws the boxes, the zone and the label on a picture and saves it as JPEG. Never rejects. The frame is copied.
   * @param id of the event
   * @returns the file's name, undefined when it couldn't be kept
   */
  picture(
    id: number,
    frame: Frame,
    boxes: readonly Tracked[],
    zone: readonly Point[] | null,
    label: string,
  ): Promise<string | undefined> {
    if (!this.#hasRoom(id)) return Promise.resolve(undefined);
    const kept = { ...frame, data: frame.data.slice() };
    return this.#inTurn(id, "jpg", () => draw(kept, boxes, zone, label));
  }

  /** Saves a camera's stream as it was sent, MPEG-TS. Never rejects. @returns as {@link picture} */
  clip(id: number, bytes: Uint8Array): Promise<string | undefined> {
    if (!this.#hasRoom(id)) return Promise.resolve(undefined);
    return this.#inTurn(id, "ts", async () => bytes);
  }

  #hasRoom(id: number): boolean {
    const room = this.#waiting < MOST_WAITING + 1 && !this.#over.signal.aborted;
    if (!room && !this.#behind) {
      this.#options.log.warn("snapshots are left out: those before them take too long", { event: id });
    }
    this.#behind = !room;
    return room;
  }

  async #inTurn(
    id: number,
    extension: "jpg" | "ts",
    make: () => Promise<Uint8Array>,
  ): Promise<string | undefined> {
    const name = nameOf(this.#options.clock.wall(), id, extension);
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    this.#waiting++;
    // Its value is none: else the last picture would be kept.
    this.#working = this.#working.then(async () => {
      resolve(await this.#save(name, id, make));
      this.#waiting--;
      await this.#removeExpired();
    });
    return promise;
  }

  async #save(name: string, id: number, make: () => Promise<Uint8Array>): Promise<string | undefined> {
    const { log } = this.#options;
    let bytes: Uint8Array;
    try {
      bytes = await make();
    } catch (error) {
      log.warn(`the picture of event ${id} can't be drawn: ${message(error)}`);
      return undefined;
    }
    try {
      privateFolder(this.#folder, "XDG_DATA_HOME");
      await saveFile(join(this.#folder, name), bytes);
    } catch (error) {
      this.#tell(`snapshots can't be kept: ${message(error)}`);
      this.#trying ??= this.#tryAgain(bytes.length);
      return undefined;
    }
    this.#tell(null);
    const { at } = fileOf(name, bytes.length) ?? { at: 0 };
    this.#files.push({ name, at, bytes: bytes.length });
    return name;
  }

  #tell(problem: string | null): void {
    if ((problem === null) === (this.#problem === null)) return;
    this.#problem = problem;
    if (problem === null) this.#options.log.info("snapshots are kept again");
    else this.#options.log.warn(problem);
    this.#options.storage(problem);
  }

  /** Until something as large as what couldn't be saved can be. */
  async #tryAgain(bytes: number): Promise<void> {
    const { clock } = this.#options;
    const path = join(this.#folder, ".room.trial");
    for (;;) {
      await clock.sleep(AGAIN_MS, this.#over.signal);
      if (this.#over.signal.aborted || this.#problem === null) break;
      try {
        privateFolder(this.#folder, "XDG_DATA_HOME");
        await writeFile(path, new Uint8Array(bytes), { mode: 0o600 });
        this.#tell(null);
        break;
      } catch {
        // As before, and told.
      } finally {
        await rm(path, { force: true }).catch(() => {});
      }
    }
    this.#trying = undefined;
  }

  async #pruneNowAndThen(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#over.signal.aborted) {
      await this.prune();
      await clock.sleep(PRUNE_MS, this.#over.signal);
    }
  }

  /** Removes what is too old or too much, the oldest first, and what killed saves have left. Never rejects. */
  async prune(): Promise<Removed> {
    const { promise, resolve } = Promise.withResolvers<Removed>();
    this.#working = this.#working.then(async () => {
      this.#files = await readFolder(this.#folder);
      resolve(await this.#removeExpired());
    });
    return promise;
  }

  async #removeExpired(): Promise<Removed> {
    const { clock } = this.#options;
    this.#ages ??= ageClock(clock, this.#files);
    this.#ages.look();
    const gone = expired(this.#files, this.#retention(), this.#ages.now);
    if (gone.length === 0) return { removed: 0, bytes: 0 };
    const names = new Set(gone.map(({ name }) => name));
    this.#files = this.#files.filter(({ name }) => !names.has(name));
    try {
      return await removeFiles(this.#folder, gone);
    } catch (error) {
      this.#options.log.warn(`old snapshots can't be removed: ${errno(error) ?? message(error)}`);
      return { removed: 0, bytes: 0 };
    }
  }

  /** What waits is saved first. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await Promise.all([this.#working, this.#pruning, this.#trying]);
  }
}

/** By which time the age of files is told. */
export function ageClock(clock: Clock, files: readonly KeptFile[]): AgeClock {
  const dayAgo = clock.wall() - DAY_MS;
  return new AgeClock(clock, files.findLast(({ at }) => at < dayAgo)?.at);
}

const QUALITY = 85;

/** Loading it takes 50 ms and 30 MB. Its work is done in threads of its own. */
async function library() {
  const { default: sharp } = await import("sharp");
  // No picture comes twice, and cameras and the detector want the cores.
  sharp.cache(false);
  sharp.concurrency(1);
  return sharp;
}

/** @returns JPEG */
async function draw(
  { data, width, height }: Frame,
  boxes: readonly Tracked[],
  zone: readonly Point[] | null,
  label: string,
): Promise<Uint8Array> {
  const sharp = await library();
  const svg = Buffer.from(overlay(width, height, boxes, zone, label));
  return sharp(data, { raw: { width, height, channels: 3 } })
    .composite([{ input: svg }])
    .jpeg({ quality: QUALITY })
    .toBuffer();
}

const TEXT_PX = 14;
/** Of the strip that a text stands on. */
const STRIP_PX = TEXT_PX + 6;

/** What is drawn over a picture, as SVG. */
function overlay(
  width: number,
  height: number,
  boxes: readonly Tracked[],
  zone: readonly Point[] | null,
  label: string,
): string {
  const corners = zone?.map(([x, y]) => `${x * width},${y * height}`).join(" ");
  const outline =
    corners === undefined
      ? ""
      : `<polygon points="${corners}" fill="#ffd60a" fill-opacity=".15" stroke="#ffd60a" stroke-width="2"/>`;
  const people = boxes.map(({ box: [left, top, right, bottom], score }) => {
    const [x, y] = [left * width, top * height];
    const [w, h] = [(right - left) * width, (bottom - top) * height];
    return `<rect x="${x}" y="${y}" width="${w}" height="${h}" fill="none" stroke="#ff3b30" stroke-width="2"/>
      <text x="${x + 3}" y="${Math.max(TEXT_PX, y - 4)}" fill="#ff3b30">person ${score.toFixed(2)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"
    font-family="DejaVu Sans, sans-serif" font-size="${TEXT_PX}">
    ${outline}${people.join("")}
    <rect y="${height - STRIP_PX}" width="100%" height="${STRIP_PX}" fill-opacity=".6"/>
    <text x="5" y="${height - 6}" fill="#fff">${markup(oneLine(label))}</text>
  </svg>`;
}

const markup = (text: string): string => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
