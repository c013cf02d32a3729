import type { Crtc, Extensions } from "x11";
import type { SlotPart } from "../../../../kernel/slot.ts";
import type { Picture, Screen } from "../sense.ts";
import { type Connection, connected } from "./connection.ts";

/** A monitor's place on the root window, px. */
type Monitor = {
  readonly name: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
};

/** So much of a picture is asked for at once, bytes: between two strips others have their turn, and an abort is heard. */
const STRIP_BYTES = 1 << 20;
const Z_PIXMAP = 2;
const ALL_PLANES = 0xffffffff;

/** Takes pictures of the monitors by asking for the pixels of the root window. */
export const screen = (display: string) => (): SlotPart<Screen> => (signal, lost) =>
  connected(display, signal, lost, async (connection) => {
    checkPixels(connection);
    const randr = await connection.extension("randr").catch(() => undefined);
    return {
      async capture(aborted) {
        const pictures: Picture[] = [];
        for (const monitor of await monitors(connection, randr, aborted)) {
          pictures.push(await take(connection, monitor, aborted));
        }
        return pictures;
      },
    };
  });

/** @throws for pixels that aren't four bytes: blue, green, red and one that says nothing */
function checkPixels({ display, screen }: Connection): void {
  const found = Object.entries(screen.depths).find(([, visuals]) => screen.root_visual in visuals);
  const [depth = "", visuals = {}] = found ?? [];
  const visual = visuals[screen.root_visual];
  const bits = display.format[Number(depth)]?.bits_per_pixel;
  const order = [visual?.red_mask, visual?.green_mask, visual?.blue_mask].join();
  if (bits === 32 && order === [0xff0000, 0xff00, 0xff].join() && display.image_byte_order === 0) return;
  throw new Error(`pictures of a screen with a depth of ${depth} bits can't be taken, only of 24 or 32`);
}

/** Those that are on, each once where two show the same; the whole screen as one where the server knows none. */
async function monitors(
  { ask, screen }: Connection,
  randr: Extensions["randr"] | undefined,
  signal: AbortSignal,
): Promise<readonly Monitor[]> {
  const whole = { name: "screen", x: 0, y: 0, width: screen.pixel_width, height: screen.pixel_height };
  if (!randr) return [whole];
  type Resources = { readonly config_timestamp: number; readonly crtcs: readonly number[] };
  const { crtcs, config_timestamp: configured } = await ask<Resources>(
    (done) => randr.GetScreenResourcesCurrent(screen.root, done),
    signal,
  );
  const found = new Map<string, Monitor>();
  for (const crtc of crtcs) {
    const { x, y, width, height, mode, output } = await ask<Crtc>(
      (done) => randr.GetCrtcInfo(crtc, configured, done),
      signal,
    );
    const [first] = output;
    const place = [x, y, width, height].join();
    if (mode === 0 || first === undefined || found.has(place)) continue;
    const { name } = await ask<{ readonly name: string }>(
      (done) => randr.GetOutputInfo(first, configured, done),
      signal,
    );
    found.set(place, { name, x, y, width, height });
  }
  return found.size > 0 ? [...found.values()] : [whole];
}

async function take(
  { client, screen, ask }: Connection,
  { name, x, y, width, height }: Monitor,
  signal: AbortSignal,
): Promise<Picture> {
  const pixels = new Uint8Array(width * height * 3);
  const rows = Math.max(1, Math.floor(STRIP_BYTES / (width * 4)));
  for (let row = 0; row < height; row += rows) {
    const strip = Math.min(rows, height - row);
    const { data } = await ask<{ readonly data: Buffer }>(
      (done) => client.GetImage(Z_PIXMAP, screen.root, x, y + row, width, strip, ALL_PLANES, done),
      signal,
    );
    if (data.length < width * strip * 4) throw new Error("the X server sent less of a picture than it said");
    let to = row * width * 3;
    for (let from = 0; from < width * strip * 4; from += 4) {
      pixels[to++] = data[from + 2] as number;
      pixels[to++] = data[from + 1] as number;
      pixels[to++] = data[from] as number;
    }
  }
  return { monitor: name, width, height, channels: 3, pixels };
}
