import { describe, expect, test } from "bun:test";
import {
  canBeCopied,
  ffmpegArguments,
  streamOf,
  whyEnded,
  whyNoPicture,
} from "../../../src/detect/core/ffmpeg.ts";

const wanted = (url: string) => ({ url, fps: 5, width: 416 });

describe("how ffmpeg is told", () => {
  test("an address with a login isn't on the command line, and is quoted", () => {
    const { args, input } = ffmpegArguments(wanted("rtsp://me:it's@10.0.0.7/1"), true);
    expect(args.join(" ")).not.toContain("10.0.0.7");
    expect(input.split("\n").slice(0, 3)).toEqual([
      "ffconcat version 1.0",
      String.raw`file 'rtsp://me:it'\''s@10.0.0.7/1'`,
      "option rtsp_transport tcp",
    ]);
  });
  test("a device is read as it is, without a copy", () => {
    const { args, input } = ffmpegArguments(wanted("v4l2:///dev/video0"), true);
    expect(args.join(" ")).toContain("-f v4l2 -i /dev/video0 ");
    expect(args).not.toContain("mpegts");
    expect(input).toBe("");
  });
  test("segments are read at the stream's pace, other HTTP as it comes", () => {
    const { args } = ffmpegArguments(wanted("https://x/a.m3u8?b"), false);
    expect(args).toContain("-re");
    expect(ffmpegArguments(wanted("http://x/video"), false).args).not.toContain("-re");
  });
  test("what is no address is refused", () => {
    expect(() => ffmpegArguments(wanted("hall"), true)).toThrow("isn't a camera's address");
  });
});

describe("what ffmpeg says", () => {
  test("of a stream", () => {
    const line =
      "[info]   Stream #0:1[0x1](und): Video: hevc (Main) (hvc1 / 0x31637668), yuv420p(tv), 1920x1080 [SAR 1:1 DAR 16:9], 12.5 fps, 90k tbn";
    expect(streamOf(line)).toEqual({ codec: "hevc", size: [1920, 1080], fps: 12.5 });
    const vague = streamOf("[info]   Stream #0:0: Video: mjpeg, none, 90k tbn");
    expect(vague).toEqual({ codec: "mjpeg", size: null, fps: null });
    expect(vague && canBeCopied(vague)).toBe(false);
    expect(streamOf("[info]   Stream #1:0: Video: h264, 1x1")).toBeUndefined();
    expect(streamOf("[info]   Stream #0:0: Audio: aac")).toBeUndefined();
  });
  test("of its end, in other words or without the secrets in its own", () => {
    const why = (...said: string[]) => whyEnded(said, "exit 1", "rtsp://me:secret@10.0.0.7:554/1?token=abc");
    expect(why("[tcp @ 0x1] [error] Connection to tcp://10.0.0.7 failed: No route to host")).toBe(
      "there is no way to 10.0.0.7:554",
    );
    expect(why("[error] rtsp://me:secret@10.0.0.7:554/1?token=abc : Wondrous failure")).toBe(
      "rtsp://me:***@10.0.0.7:554/1?token=*** : Wondrous failure",
    );
    // What was damaged on its way ends nothing.
    expect(why("[error] Error while decoding stream #0:0: Invalid data found when processing input")).toBe(
      "ffmpeg ended: exit 1",
    );
    expect(whyEnded([], "exit 0", "/a.mp4")).toBe("the stream ended");
  });
  test("of its end never names the pipe, nor takes a word of an address for its reason", () => {
    const why = (...said: string[]) => whyEnded(said, "exit 1", "http://10.0.0.7/404");
    const opened = "[concat @ 0x1] [error] Impossible to open 'http://10.0.0.7/404'";
    expect(why(opened, "[error] pipe:0: Connection reset by peer")).toBe("10.0.0.7 has hung up");
    expect(why(opened, "[error] pipe:0: Input/output error")).toBe("nothing can be read from 10.0.0.7");
    expect(why(opened, "[error] pipe:0: Wondrous failure")).toBe("Wondrous failure");
  });
  test("of a stream whose pictures can't be drawn", () => {
    expect(whyNoPicture([])).toBeUndefined();
    const undecoded = "[error] Error while decoding stream #0:0: Invalid data found when processing input";
    expect(whyNoPicture([undecoded])).toBe("its pictures can't be decoded");
  });
});
