import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { processStat } from "../../../src/kernel/runtime.ts";
import { Folder } from "../../support/folder.ts";
import { Other } from "../../support/home.ts";
import { ffmpeg, RtspServer, street } from "../../support/rtsp.ts";
import { until } from "../../support/sandbox.ts";
import { cameraAt, Watched } from "./watched.ts";

/** The processes that a process has started. */
function childrenOf(parent: number): number[] {
  return readdirSync("/proc").flatMap((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === parent ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

const commandLine = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
};

/** One that every test may watch, and none disturbs. */
let server: RtspServer;
const folder = new Folder();

beforeAll(async () => {
  server = await RtspServer.start();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

describe("a camera that is there", () => {
  test.concurrent("gives pictures as wide as is wanted, in the stream's ratio", async () => {
    await using watched = await Watched.open(cameraAt(server.url));
    expect(watched.camera.link).toMatchObject({
      state: "connecting",
      error: null,
      size: null,
      lastFrameAt: null,
    });
    const frames = await watched.pictures(8);
    for (const { data, width, height } of frames) {
      expect([width, height, data.length]).toEqual([320, 240, 320 * 240 * 3]);
    }
    // A picture, not a flat field.
    expect(new Set(frames[0]?.data).size).toBeGreaterThan(100);
    const ats = frames.map(({ at }) => at);
    expect(ats).toEqual(ats.toSorted((a, b) => a - b));
    expect(watched.camera.link).toMatchObject({
      state: "live",
      error: null,
      reconnects: 0,
      size: [320, 240],
    });
    expect(watched.camera.link.lastFrameAt).toBe(ats.at(-1) as number);
    expect(watched.log.lines.map(({ text }) => text)).toEqual(["live: h264 768×576"]);
  });

  test.concurrent("gives no more of them a second than is wanted", async () => {
    await using all = await Watched.open(cameraAt(server.url));
    await using few = await Watched.open(cameraAt(server.url, { fps: 2 }));
    await Promise.all([all.live(), few.live()]);
    const [before, had] = [all.frames.length, few.frames.length];
    await all.pictures(before + 20);
    // Of twenty pictures four, and some that were late.
    expect(few.frames.length - had).toBeWithin(1, 14);
  });

  test.concurrent("plays a file again and again, at its own pace", async () => {
    const file = await street("short.mp4", { seconds: 1 });
    await using watched = await Watched.open(cameraAt(`file://${file}`));
    const frames = await watched.pictures(25);
    // The first may have waited for this process, and come at once.
    expect((frames.at(-1)?.at as number) - (frames[10]?.at as number)).toBeGreaterThan(1_000);
    expect(watched.steps.map(({ state }) => state)).toEqual(["live"]);
  });

  test.concurrent("may send motion JPEG over HTTP, of which there are no clips", async () => {
    const video = await street("short.ts", { seconds: 1 });
    const jpegs = await ffmpeg("-i", video, "-c:v", "mjpeg", "-f", "mpjpeg", "pipe:1");
    const http = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () =>
        new Response(
          async function* () {
            for (;;) {
              yield jpegs;
              await Bun.sleep(200);
            }
          },
          { headers: { "content-type": "multipart/x-mixed-replace; boundary=ffmpeg" } },
        ),
    });
    await using watched = await Watched.open(cameraAt(`http://127.0.0.1:${http.port}/video`), {
      keepMs: 5_000,
    });
    const frames = await watched.pictures(3);
    const now = frames.at(-1)?.at as number;
    expect(await watched.camera.clip(0, now, new AbortController().signal)).toBeUndefined();
    await http.stop(true);
  });
});

describe("a camera that goes away", () => {
  test.concurrent("is lost when its server is killed, and live again soon after an attempt finds it", async () => {
    await using own = await RtspServer.start();
    await using watched = await Watched.open(cameraAt(own.url), { patience: { waitMs: () => 300 } });
    await watched.live();
    const before = watched.steps.length;
    await own.kill();
    const lost = await watched.lost(before);
    expect(lost.error).toMatch(/the stream ended|has hung up|nobody listens/);
    expect(lost.retryAt).toBeGreaterThan(lost.at);
    await watched.step(({ error }) => error === `nobody listens at 127.0.0.1:${own.port}`, before);
    await own.restart();
    const back = await watched.live(before);
    // The attempt that found it: the last that began.
    const began = watched.steps.slice(0, watched.steps.indexOf(back)).at(-1);
    expect(began?.retryAt).toBeNull();
    expect(back.at - (began?.at ?? 0)).toBeLessThan(2_000);
    expect(back).toMatchObject({ error: null, retryAt: null });
    expect(back.reconnects).toBeGreaterThanOrEqual(1);
    // However often it is tried, it says each thing once.
    const said = watched.log.warnings;
    expect(said).toEqual(said.filter((text, at) => text !== said[at - 1]));
  });

  test.concurrent("is lost when its server freezes, without a picture for too long", async () => {
    await using own = await RtspServer.start();
    await using watched = await Watched.open(cameraAt(own.url), {
      patience: { stallMs: 700, waitMs: () => 400 },
    });
    await watched.pictures(3);
    const before = watched.steps.length;
    own.freeze();
    const lost = await watched.lost(before);
    expect(lost.error).toBe("no picture for 0.7 s");
    expect(lost.at - (lost.lastFrameAt ?? 0)).toBeGreaterThanOrEqual(700);
    // Soon after it was opened too, when more time is given for a first picture.
    expect(lost.at - (lost.lastFrameAt ?? 0)).toBeLessThan(4_000);
    own.thaw();
    expect((await watched.live(before)).error).toBeNull();
  });

  test.concurrent("is opened anew when its picture changes its size, and never gives a picture out of shape", async () => {
    const [wide, narrow] = await Promise.all([
      street("wide.h264", { seconds: 1, size: "640x360" }),
      street("narrow.h264", { seconds: 1, from: 5, size: "360x640" }),
    ]);
    const both = folder.file("both.h264");
    await Bun.write(both, Buffer.concat([readFileSync(wide), readFileSync(narrow)]));
    await using watched = await Watched.open(cameraAt(both));
    const lost = await watched.lost();
    expect(lost.error).toBe("its picture went from 640x360 to 360x640");
    expect(lost.size).toEqual([320, 180]);
    await watched.live(watched.steps.length);
    for (const { width, height } of watched.frames) expect([width, height]).toEqual([320, 180]);
  });
});

describe("a camera that gives nothing", () => {
  const errorAt = async (url: string): Promise<string | null> => {
    await using watched = await Watched.open(cameraAt(url));
    return (await watched.lost()).error;
  };

  test.concurrent("because it refuses the login says so, and its password is nowhere", async () => {
    await using own = await RtspServer.start({ login: ["guard", "s3cret/#@!"] });
    await using refused = await Watched.open(cameraAt(own.urlFor("guard", "hunter2secret")));
    await using let_in = await Watched.open(cameraAt(own.url), { keepMs: 1_000 });
    expect((await refused.lost()).error).toBe("the camera refuses the login (401)");
    await let_in.live();
    const lines = childrenOf(process.pid).map(commandLine);
    const readers = lines.filter((line) => line.includes("/ffmpeg"));
    expect(readers).not.toBeEmpty();
    const all = JSON.stringify([readers, refused.steps, refused.log.lines, let_in.steps, let_in.log.lines]);
    for (const secret of ["hunter2secret", "s3cret"]) expect(all).not.toContain(secret);
  });

  test.concurrent("says why in plain words", async () => {
    const text = folder.file("notes.txt");
    await Bun.write(text, "This is no video.\n".repeat(100));
    const junk = folder.file("junk.mp4");
    await Bun.write(junk, crypto.getRandomValues(new Uint8Array(20_000)));
    const web = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => new Response("<html>hello</html>"),
    });
    const found = await Promise.all([
      errorAt(server.url.replace("/cam", "/none")),
      errorAt("rtsp://me:secretpassword@no-such-host.invalid/cam"),
      errorAt("rtsp://127.0.0.1:1/cam"),
      errorAt(folder.file("missing.mp4")),
      errorAt(`file://${text}`),
      errorAt(junk),
      errorAt(`http://127.0.0.1:${web.port}/?token=verysecret`),
      errorAt("gopher://127.0.0.1/cam"),
    ]);
    expect(found).toEqual([
      "the camera has no such stream (404)",
      "there is no host no-such-host.invalid",
      "nobody listens at 127.0.0.1:1",
      "there is no such file",
      "what it gives isn't video",
      "what it gives isn't video",
      "what it gives isn't video",
      "isn't a camera's address",
    ]);
    await web.stop(true);
  });
});

describe("a camera that answers wrongly", () => {
  /** A server that says so much once it is asked, or without being asked. */
  const saying = (said: string | Uint8Array, ends: boolean, unasked = false) => {
    const say = (socket: Bun.Socket) => {
      socket.write(said);
      if (ends) socket.end();
    };
    return Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: (socket) => void (unasked && say(socket)),
        data: (socket) => void (unasked || say(socket)),
      },
    });
  };
  const http = (status: string, ...headers: string[]) =>
    [`HTTP/1.1 ${status}`, ...headers, "content-length: 0", "", ""].join("\r\n");

  test.concurrent.each([
    ["with a fault", "http", http("503 Not now"), "the camera has an error of its own (503)"],
    ["that it isn't done so", "http", http("418 Teapot"), "the camera refuses what it is asked (418)"],
    ["without anything", "http", "HTTP/1.1 200 OK\r\n\r\n", "HOST answers with nothing"],
    [
      "with a way to a file",
      "http",
      http("302 Found", "location: file:///etc/hostname"),
      "HOST leads to what can't be a camera",
    ],
    [
      "with itself, again and again",
      "http",
      http("302 Found", "location: /x"),
      "nothing can be read from HOST",
    ],
    ["in plain text over TLS", "https", "HTTP/1.1 400 Bad\r\n\r\n", "HOST doesn't speak TLS"],
    ["in plain RTSP over TLS", "rtsps", "RTSP/1.0 400 Bad\r\n\r\n", "HOST doesn't speak TLS"],
    ["with HTTP to RTSP", "rtsp", "HTTP/1.1 400 Bad\r\n\r\n", "HOST has hung up, or doesn't speak RTSP"],
    ["by an end", "http", "", "HOST has hung up"],
  ])("%s is told so", async (_, scheme, said, wanted) => {
    using own = saying(said, true);
    await using watched = await Watched.open(cameraAt(`${scheme}://127.0.0.1:${own.port}/x`));
    expect((await watched.lost()).error).toBe(wanted.replace("HOST", `127.0.0.1:${own.port}`));
  });

  test.concurrent("by hanging up on RTSP at once is told so", async () => {
    using own = saying("", true, true);
    await using watched = await Watched.open(cameraAt(`rtsp://127.0.0.1:${own.port}/x`));
    expect((await watched.lost()).error).toBe(`127.0.0.1:${own.port} has hung up, or doesn't speak RTSP`);
  });

  test.concurrent("with the beginning of a file is told so", async () => {
    const film = readFileSync(await street("cut.mp4", { seconds: 1 }));
    const head = `HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\ncontent-length: ${film.length}\r\n\r\n`;
    using own = saying(Buffer.concat([Buffer.from(head), film.subarray(0, film.length >> 2)]), true);
    await using watched = await Watched.open(cameraAt(`http://127.0.0.1:${own.port}/x`));
    expect((await watched.lost()).error).toBe("the stream breaks off");
  });

  test.concurrent("with pictures of no size is told so", async () => {
    const video = await street("sizeless.ts", { seconds: 1 });
    const jpeg = await ffmpeg("-i", video, "-frames:v", "1", "-c:v", "mjpeg", "-f", "mjpeg", "pipe:1");
    const bytes = Buffer.from(jpeg);
    const at = bytes.indexOf(Buffer.from([0xff, 0xc0]));
    bytes.fill(0, at + 5, at + 9);
    const part = Buffer.concat([
      Buffer.from(`--b\r\nContent-Type: image/jpeg\r\nContent-Length: ${bytes.length}\r\n\r\n`),
      bytes,
      Buffer.from("\r\n"),
    ]);
    const head = "HTTP/1.1 200 OK\r\ncontent-type: multipart/x-mixed-replace; boundary=b\r\n\r\n";
    using own = saying(Buffer.concat([Buffer.from(head), ...Array.from({ length: 40 }, () => part)]), false);
    const url = `http://127.0.0.1:${own.port}/x`;
    await using watched = await Watched.open(cameraAt(url), { patience: { firstMs: 2_500 } });
    expect((await watched.lost()).error).toBe("no picture for 2.5 s: its pictures have no size");
  });

  test.concurrent("may have its scheme in capitals", async () => {
    await using watched = await Watched.open(cameraAt(server.url.replace("rtsp", "RTSP")));
    await watched.live();
  });
});

describe("a clip", () => {
  test.concurrent("is the stream as it came, from a keyframe before to the end that was asked for", async () => {
    await using watched = await Watched.open(cameraAt(server.url), { keepMs: 1_000 });
    const [first] = await watched.pictures(18);
    const from = (first?.at as number) + 500;
    // It is kept until then, though that is longer than anything is.
    const bytes = await watched.camera.clip(from, from + 2_000, new AbortController().signal);
    const path = folder.file("clip.ts");
    await Bun.write(path, bytes as Uint8Array);
    const probe = [
      "-show_entries",
      "packet=flags",
      "-show_entries",
      "stream=codec_name,width",
      "-of",
      "json",
      path,
    ];
    const ffprobe = Bun.spawn(["ffprobe", "-v", "error", ...probe], { stdout: "pipe", stderr: "pipe" });
    const [json, said] = await Promise.all([ffprobe.stdout.text(), ffprobe.stderr.text()]);
    const { packets, streams } = JSON.parse(json) as { packets: { flags: string }[]; streams: unknown[] };
    expect(said).toBe("");
    expect(streams).toEqual([expect.objectContaining({ codec_name: "h264", width: 768 })]);
    expect(packets[0]?.flags).toStartWith("K");
    // Two seconds, and up to one before it.
    expect(packets.length).toBeWithin(10, 34);
    expect(await ffmpeg("-xerror", "-i", path, "-f", "null", "-")).toBeEmpty();
  });

  test.concurrent("isn't waited for once it isn't wanted, or the camera is closed", async () => {
    await using watched = await Watched.open(cameraAt(server.url), { keepMs: 1_000 });
    await watched.live();
    const leaving = new AbortController();
    const unwanted = watched.camera.clip(0, performance.now() + 60_000, leaving.signal);
    const closed = watched.camera.clip(0, performance.now() + 60_000, new AbortController().signal);
    leaving.abort();
    expect(await unwanted).toBeUndefined();
    await watched.pictures(3);
    await watched.camera[Symbol.asyncDispose]();
    expect((await closed)?.length).toBeGreaterThan(0);
    expect(await watched.camera.clip(0, 1, new AbortController().signal)).toBeUndefined();
  });
});

test.concurrent("no ffmpeg outlives a host that was killed, though its camera is frozen", async () => {
  await using own = await RtspServer.start();
  await using host = new Other([process.execPath, `${import.meta.dir}/fixture-host.ts`, own.url]);
  expect(await host.line()).toBe("live");
  const children = childrenOf(host.pid);
  expect(children.map(commandLine).filter((line) => line.includes("ffmpeg"))).toHaveLength(1);
  own.freeze();
  await host.kill();
  await until(() => children.every((pid) => processStat(pid)?.zombie !== false), Boolean, 2_000);
});
