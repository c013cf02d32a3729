import type { CameraConfig } from "./installation.ts";
import { hostOf, type Source, sourceOf, withoutSecrets } from "./url.ts";

/** How ffmpeg (5.1 or newer) is told to read a camera, and what it says of it. Pure. */

/** What is asked of a camera. */
export type Wanted = Pick<CameraConfig, "url" | "fps" | "width">;

/** The descriptor on which the stream comes as the camera sent it. */
export const COPY_FD = 3;

/** Kinds of files and streams that are taken for video. Others are no camera's: ffmpeg reads a text file as a picture. */
const FORMATS =
  "concat,rtsp,hls,mov,matroska,avi,mpegts,mpeg,mpegvideo,m4v,flv,live_flv,h264,hevc,av1,obu,ivf,mjpeg,mpjpeg,asf,ogg,nut,dv,mxf";
/** What a camera's address may lead to: never a file of this machine, whatever a server sends. */
const PROTOCOLS = "pipe,fd,rtsp,rtsps,rtp,udp,tcp,tls,http,https,httpproxy,crypto,data";

/** No more is read of a stream before its first picture than tells what it is. */
const QUICKLY: readonly (readonly [string, string])[] = [
  ["analyzeduration", "500000"],
  ["probesize", "500000"],
  ["fpsprobesize", "0"],
];

/**
 * The arguments of ffmpeg, and what it is given on its stdin. The address is told there: anybody on the machine can read a
 * command line. Pictures come on stdout as PPM, `fps` a second at most, none twice; what it says comes on stderr, a line
 * for each picture among it that has the stream's size.
 * @param copy whether the stream is copied to {@link COPY_FD} as well, as MPEG-TS
 * @throws Error for what is no camera's address
 */
export function ffmpegArguments(
  { url, fps, width }: Wanted,
  copy: boolean,
): { args: string[]; input: string } {
  const source = sourceOf(url);
  if (!source) throw new Error("isn't a camera's address");
  // The first of each slot of 1/fps, by the stream's own time, which may jump back.
  const slot = (time: string) => `floor(${time}*${fps})`;
  const due = `isnan(prev_selected_t)+not(eq(${slot("t")},${slot("prev_selected_t")}))`;
  // Pixels needn't be square, pictures are; an odd height is more than some scalers can do.
  const size = `w=${width}:h='max(2,2*round(ow/dar/2))':flags=bilinear`;
  const { args, input } = inputOf(source);
  const pictures = ["-map", "0:v:0", "-vf", `select='${due}',showinfo=checksum=0,scale=${size}`];
  const asPpm = [
    "-fps_mode",
    "passthrough",
    "-c:v",
    "ppm",
    "-flush_packets",
    "1",
    "-f",
    "image2pipe",
    "pipe:1",
  ];
  const copied = ["-map", "0:v:0", "-c", "copy", "-flush_packets", "1", "-f", "mpegts", `pipe:${COPY_FD}`];
  return {
    args: [
      ...["-nostdin", "-hide_banner", "-nostats", "-loglevel", "repeat+level+info"],
      ...args,
      ...pictures,
      ...asPpm,
      ...(copy && source.kind !== "device" ? copied : []),
    ],
    input,
  };
}

function inputOf(source: Source): { args: string[]; input: string } {
  const flags = (options: readonly (readonly [string, string])[]) =>
    options.flatMap(([name, value]) => [`-${name}`, value]);
  const shared = [...flags(QUICKLY), "-flags", "low_delay"];
  if (source.kind === "device") {
    return { args: [...shared, "-f", "v4l2", "-i", source.path], input: "" };
  }
  const formats = ["-format_whitelist", FORMATS];
  if (source.kind === "file") {
    const again = ["-re", "-stream_loop", "-1"];
    return { args: [...shared, ...formats, ...again, "-i", `file:${source.path}`], input: "" };
  }
  const { kind, url } = source;
  // Segments come as fast as the line allows. Anything else over HTTP comes as it is made, and often bears no time.
  const paced = kind === "http" && /\.m3u8?(\?|$)/i.test(url);
  const timed = kind === "rtsp" ? [] : paced ? ["-re"] : ["-use_wallclock_as_timestamps", "1"];
  const rtsp = [
    ["rtsp_transport", "tcp"],
    ["allowed_media_types", "video"],
  ] as const;
  const options = [...(kind === "rtsp" ? rtsp : []), ...QUICKLY];
  const script = ["-f", "concat", "-safe", "0", "-protocol_whitelist", PROTOCOLS, "-i", "pipe:0"];
  const lines = [
    "ffconcat version 1.0",
    `file '${url.replaceAll("'", String.raw`'\''`)}'`,
    ...options.map(([name, value]) => `option ${name} ${value}`),
  ];
  return { args: [...shared, ...formats, ...timed, ...script], input: `${lines.join("\n")}\n` };
}

/** What ffmpeg found in a stream. */
export type Stream = {
  /** As ffmpeg calls it: `h264`. */
  readonly codec: string;
  /** Pixels; null where it isn't known yet. */
  readonly size: readonly [width: number, height: number] | null;
  /** Pictures a second, as the stream says. */
  readonly fps: number | null;
};

/** Of the first stream of video, which a line of ffmpeg's tells of; undefined for other lines. */
export function streamOf(line: string): Stream | undefined {
  const [, codec, rest = ""] = /^\[info\] +Stream #0:\d+.*?: Video: (\w+)(.*)$/.exec(line) ?? [];
  if (codec === undefined) return undefined;
  const [, width, height] = /, (\d+)x(\d+)/.exec(rest)?.map(Number) ?? [];
  const fps = /, ([\d.]+) fps/.exec(rest)?.[1];
  return {
    codec,
    size: width && height ? [width, height] : null,
    fps: fps === undefined ? null : Number(fps),
  };
}

/** The stream's size at one of its pictures, `768x576`; undefined for other lines. */
export const sizeShown = (line: string): string | undefined =>
  /showinfo.* n: *\d+ pts:.* s:(\d+x\d+) /.exec(line)?.[1];

/** Those whose MPEG-TS can be played; others ffmpeg would wrap up in it all the same. */
export const canBeCopied = ({ codec }: Stream): boolean =>
  ["h264", "hevc", "mpeg4", "mpeg1video", "mpeg2video"].includes(codec);

/** Whether it was the copy that failed, so that there may be pictures without it. */
export const copyFailed = (said: readonly string[]): boolean =>
  said.some((line) => /^\[mpegts @ .*\] \[(error|fatal)\]/.test(line));

/** The code that a server has answered with, where ffmpeg tells of a kind of codes. */
const answered = (said: readonly string[]): string =>
  said.flatMap((line) => /(?:HTTP error|failed:) ([45]\d\d)\b/.exec(line)?.[1] ?? []).at(-1) ?? "no code";

const LAST_WORDS: readonly (readonly [RegExp, (host: string, said: readonly string[]) => string])[] = [
  [/\b401\b|Unauthorized/, () => "the camera refuses the login (401)"],
  [/\b403\b|Forbidden/, () => "the camera refuses access (403)"],
  [/\b404\b/, () => "the camera has no such stream (404)"],
  [/Server returned 5/, (_, said) => `the camera has an error of its own (${answered(said)})`],
  [/Server returned 4/, (_, said) => `the camera refuses what it is asked (${answered(said)})`],
  [/Failed to resolve hostname|Name or service not known/, (host) => `there is no host ${host}`],
  [/Connection refused/, (host) => `nobody listens at ${host}`],
  [/No route to host|Network is unreachable/, (host) => `there is no way to ${host}`],
  [/timed out/, (host) => `${host} doesn't answer`],
  [/unexpected TLS packet|wrong version number/i, (host) => `${host} doesn't speak TLS`],
  [/Connection reset|Broken pipe|: End of file/, (host) => `${host} has hung up`],
  [/No such file or directory/, () => "there is no such file"],
  [/Permission denied/, () => "it may not be read: permission denied"],
  [/Device or resource busy/, () => "another program has the device"],
  [/Port missing in uri/, () => "its address has no port that can be"],
  [/pipe:0: Invalid argument/, (host) => `${host} leads to what can't be a camera`],
  [/ends prematurely at 0\b/, (host) => `${host} answers with nothing`],
  [/partial file|ends prematurely|Error marking filters/, () => "the stream breaks off"],
  [/Picture size 0x0/, () => NO_SIZE],
  // All that ffmpeg says of a server that hangs up before it has answered, or answers in another language.
  [
    /Impossible to open rtsps?:.* Invalid data found/s,
    (host) => `${host} has hung up, or doesn't speak RTSP`,
  ],
  [
    /Invalid data found|Format not on whitelist|matches no streams|does not contain any stream|could not find codec parameters|Decoder .* not found/i,
    () => "what it gives isn't video",
  ],
  [/pipe:0: Input\/output error/, (host) => `nothing can be read from ${host}`],
];

const NO_SIZE = "its pictures have no size";

/** What ffmpeg said was wrong, as it is looked through: an address in it may hold any word. */
const errorsOf = (said: readonly string[]): string[] =>
  said
    .filter((line) => /\[(error|fatal|panic)\]/.test(line))
    .map((line) => line.replace(/(Impossible to open) '(\w+:).*$/s, "$1 $2"));

/**
 * Why ffmpeg ended, in plain words, without passwords.
 * @param said the last lines of its stderr
 */
export function whyEnded(said: readonly string[], how: string, url: string): string {
  // A picture that was damaged on its way ends nothing.
  const errors = errorsOf(said).filter((line) => !/while decoding/i.test(line));
  const all = errors.join("\n");
  for (const [pattern, words] of LAST_WORDS) if (pattern.test(all)) return words(hostOf(url), said);
  const last = errors
    .at(-1)
    ?.replace(/^(\[[^\]]*\] )+/, "")
    .replace(/^pipe:0: /, "")
    .trim();
  if (last) return withoutSecrets(last, url);
  return how === "exit 0" ? "the stream ended" : `ffmpeg ended: ${how}`;
}

/**
 * Why a stream that comes gives no picture; undefined where ffmpeg has no word for it.
 * @param said the last lines of its stderr
 */
export function whyNoPicture(said: readonly string[]): string | undefined {
  const errors = errorsOf(said);
  if (errors.some((line) => line.includes("Picture size 0x0"))) return NO_SIZE;
  return errors.some((line) => /while decoding/i.test(line)) ? "its pictures can't be decoded" : undefined;
}
