/** A real RTSP server (GStreamer's) on loopback with a real video, that can be killed, frozen and brought back. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tied } from "../../src/kernel/tied.ts";

/** 80 s of people on a street, 768 × 576 at 10 a second: Debian's opencv-doc. */
export const STREET = "/usr/share/doc/opencv-doc/examples/data/vtest.avi";

let scratch: string | undefined;
const made = new Map<string, Promise<string>>();

/** A folder for the videos of this run, gone with it. */
function folder(): string {
  if (scratch === undefined) {
    const path = mkdtempSync(join(tmpdir(), "stint-test-video-"));
    process.once("exit", () => rmSync(path, { recursive: true, force: true }));
    scratch = path;
  }
  return scratch;
}

/** Runs ffmpeg to its end. @returns what it writes to stdout @throws what it says when it fails */
export async function ffmpeg(...args: string[]): Promise<Uint8Array> {
  const child = Bun.spawn(["ffmpeg", "-nostdin", "-v", "error", "-y", ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([child.stdout.bytes(), child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(`ffmpeg ${args.join(" ")}: ${err}`);
  return out;
}

/** A part of the street as H.264, a keyframe each second; made once in a run. @param to the name it gets; its end says which kind it is */
export function street(
  to: `${string}.${"h264" | "ts" | "mp4"}`,
  { from = 0, seconds = 8, size = "768x576" } = {},
): Promise<string> {
  const path = join(folder(), to);
  const known = made.get(to);
  if (known) return known;
  const coded = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "10", "-bf", "0"];
  const headers = ["-x264-params", "aud=1:repeat-headers=1:sliced-threads=0"];
  const part = ["-ss", String(from), "-t", String(seconds), "-i", STREET, "-s", size];
  const video = ffmpeg(...part, ...coded, ...headers, path).then(() => path);
  made.set(to, video);
  return video;
}

export type RtspOptions = {
  /** H.264 with access unit delimiters; 8 s of the street without. */
  video?: string;
  /** Pictures a second. */
  fps?: number;
  /** Who may see it. */
  login?: readonly [user: string, password: string];
};

/** Dispose it (`await using`) and it is gone. It doesn't outlive the tests. */
export class RtspServer implements AsyncDisposable {
  readonly port: number;
  readonly #options: RtspOptions;
  #child: Bun.Subprocess<"ignore", "pipe", "inherit">;

  private constructor(
    options: RtspOptions,
    child: Bun.Subprocess<"ignore", "pipe", "inherit">,
    port: number,
  ) {
    this.#options = options;
    this.#child = child;
    this.port = port;
  }

  /** On a free port. It listens once this resolves. */
  static async start(options: RtspOptions = {}): Promise<RtspServer> {
    const { child, port } = await serve(options, 0);
    return new RtspServer(options, child, port);
  }

  /** `rtsp://127.0.0.1:PORT/cam`, with the login of whoever may see it. */
  get url(): string {
    return this.urlFor(...(this.#options.login ?? []));
  }

  /** The address with another login, or none. */
  urlFor(user?: string, password?: string): string {
    const login =
      user === undefined ? "" : `${encodeURIComponent(user)}:${encodeURIComponent(password ?? "")}@`;
    return `rtsp://${login}127.0.0.1:${this.port}/cam`;
  }

  /** Ends it, -9: nobody is told. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  /** Starts it again on the same port, after a {@link kill}. */
  async restart(): Promise<void> {
    this.#child = (await serve(this.#options, this.port)).child;
  }

  /** It stays connected and says nothing more. */
  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

async function serve({ video, fps = 10, login }: RtspOptions, port: number) {
  const path = video ?? (await street("street.h264"));
  const script = join(import.meta.dir, "rtsp-server.py");
  const child = Bun.spawn(
    [...tied(["/usr/bin/python3", script, String(port), path, String(fps), ...(login ?? [])])],
    {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    },
  );
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  const said = Number(new TextDecoder().decode(value).trim());
  if (!(said > 0)) throw new Error(`the RTSP server ended: ${await child.exited}`);
  return { child, port: said };
}
