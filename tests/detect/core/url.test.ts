import { describe, expect, test } from "bun:test";
import { hostOf, shownUrl, sourceOf, withoutSecrets } from "../../../src/detect/core/url.ts";

describe("a camera's address", () => {
  test("says where pictures come from", () => {
    expect(sourceOf("rtsp://10.0.0.7/1")).toEqual({ kind: "rtsp", url: "rtsp://10.0.0.7/1" });
    expect(sourceOf("RTSPS://10.0.0.7/1")).toEqual({ kind: "rtsp", url: "RTSPS://10.0.0.7/1" });
    expect(sourceOf("https://a.example/x.m3u8")).toEqual({ kind: "http", url: "https://a.example/x.m3u8" });
    expect(sourceOf("/tmp/a b.mp4")).toEqual({ kind: "file", path: "/tmp/a b.mp4" });
    expect(sourceOf("file:///tmp/a%20b.mp4")).toEqual({ kind: "file", path: "/tmp/a b.mp4" });
    expect(sourceOf("v4l2:///dev/video0")).toEqual({ kind: "device", path: "/dev/video0" });
  });
  test("isn't everything that looks like one", () => {
    for (const text of [
      "",
      "hall",
      "gopher://x/",
      "rtsp://",
      "file://host/x",
      "-i /etc/passwd",
      "concat:a|b",
    ]) {
      expect(sourceOf(text)).toBeUndefined();
    }
    // A line of its own in what ffmpeg reads.
    expect(sourceOf("rtsp://x/\nfile '/etc/passwd'")).toBeUndefined();
  });
});

describe("what is shown of it", () => {
  test("is without the password", () => {
    expect(shownUrl("rtsp://me:secret@10.0.0.7:554/1")).toBe("rtsp://me:***@10.0.0.7:554/1");
    expect(shownUrl("rtsp://me:a@b/c@10.0.0.7/1")).toBe("rtsp://me:***@10.0.0.7/1");
    expect(shownUrl("rtsp://me@10.0.0.7/1")).toBe("rtsp://me@10.0.0.7/1");
    expect(shownUrl("http://x/?user=me&password=secret&n=1")).toBe("http://x/?user=me&password=***&n=1");
    expect(shownUrl("http://x/?access-token=abc;auth=def")).toBe("http://x/?access-token=***;auth=***");
    expect(shownUrl("rtsp://10.0.0.7/user=admin_password=abc_channel=1")).not.toContain("abc");
    expect(shownUrl("/tmp/a.mp4")).toBe("/tmp/a.mp4");
  });
  test("is without it wherever somebody repeats it", () => {
    const url = "rtsp://me:p%40ssword@10.0.0.7/1?token=abcdef";
    const said = `can't open '${url}': p@ssword and p%40ssword were refused, so was abcdef`;
    expect(withoutSecrets(said, url)).toBe(
      "can't open 'rtsp://me:***@10.0.0.7/1?token=***': *** and *** were refused, so was ***",
    );
  });
  test("names its host", () => {
    expect(hostOf("rtsp://me:secret@10.0.0.7:554/1")).toBe("10.0.0.7:554");
    expect(hostOf("http://[::1]:80/?x@y")).toBe("y");
    expect(hostOf("/tmp/a.mp4")).toBe("it");
  });
});
