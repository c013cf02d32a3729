import { describe, expect, test } from "bun:test";
import { addressProblem, hostOf, shownUrl, sourceOf, withoutSecrets } from "../../../src/detect/core/url.ts";

describe("a camera's address", () => {
  test("says where pictures come from", () => {
    expect(sourceOf("rtsp://10.0.0.7/1")).toEqual({ kind: "rtsp", url: "rtsp://10.0.0.7/1" });
    // ffmpeg knows no others.
    expect(sourceOf("RTSPS://10.0.0.7/A")).toEqual({ kind: "rtsp", url: "rtsps://10.0.0.7/A" });
    expect(sourceOf("HTTP://10.0.0.7/A")).toEqual({ kind: "http", url: "http://10.0.0.7/A" });
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
  test("says what is wrong with it, and doesn't repeat it", () => {
    const said = (address: string) => {
      const { text, hint = "" } = addressProblem(address) ?? { text: "" };
      return `${text} (${hint})`;
    };
    expect(addressProblem("rtsp://me:my%20secret@10.0.0.7/1")).toBeUndefined();
    expect(addressProblem("/tmp/a b.mp4")).toBeUndefined();
    expect(said("rtsp://me:my secret@10.0.0.7/1")).toBe("there is a blank in it (a blank is written %20)");
    expect(said("rtsp://me:my\u00a0secret@10.0.0.7/1")).toContain("%20");
    expect(said("rtsp://me:secret@10.0.0.7:99999/1")).toBe("its port is above 65535 ()");
    expect(said("rtsp://me:se/cret@10.0.0.7/1")).toContain("%2F");
  });
  test.each([
    ["10.0.0.7", "10.0.0.7"],
    ["10.0.0.7:554/live?token=secret", "10.0.0.7:554"],
    ["me:se@cret@gate/1", "gate"],
    ["[fe80::1]:554/1", "[fe80::1]:554"],
    ["Gate.local/1", "Gate.local"],
    ["gate:8554", "gate:8554"],
  ])("that lacks its scheme, %s, is one of %s", (address, host) => {
    expect(addressProblem(address)).toEqual({ text: "it lacks a scheme", hint: `rtsp://${host}/… ?` });
  });
  test.each(["film.mp4", "films/gate.mp4", "gate", "", "/tmp/10.0.0.7", "10.0.0.7.mp4", "gopher://10.0.0.7"])(
    "isn't what %p lacks but a scheme",
    (address) => {
      expect(addressProblem(address)?.text).not.toBe("it lacks a scheme");
    },
  );
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
    // Nobody has encoded it.
    expect(shownUrl("rtsp://me:my secret@10.0.0.7/1")).toBe("rtsp://me:***@10.0.0.7/1");
    expect(shownUrl("rtsp://the man:my secret@10.0.0.7/1")).not.toContain("secret");
    expect(shownUrl("rtsp://m/e:my secret@10.0.0.7/1")).not.toContain("secret");
    expect(shownUrl("rtsp://10.0.0.7/1 was refused by me@home")).toBe(
      "rtsp://10.0.0.7/1 was refused by me@home",
    );
  });
  test.each([
    ...[
      "psw",
      "passcode",
      "pass",
      "passwd",
      "loginpas",
      "pwd",
      "pw",
      "pin",
      "user_pin",
      "p",
      "key",
      "apikey",
    ],
    ...[
      "X-Api-Key",
      "auth",
      "authbasic",
      "Authorization",
      "token_id",
      "sid",
      "sessionid",
      "sig",
      "jwt",
      "hash",
    ],
    ...["credentials", "client_secret"],
  ])("is without what %s says in its query", (name) => {
    expect(shownUrl(`http://h/v?usr=admin&${name}=hunter22&n=1`)).toBe(
      `http://h/v?usr=admin&${name}=***&n=1`,
    );
  });
  test("is with what says nothing secret", () => {
    const url = "http://h/v?usr=admin&channel=1&codec=h264&spin=2&ping=3&step=4&subtype=0";
    expect(shownUrl(url)).toBe(url);
  });
  test("is without it wherever somebody repeats it", () => {
    const url = "rtsp://me:p%40ssword@10.0.0.7/1?token=abcdef";
    const said = `can't open '${url}': p@ssword and p%40ssword were refused, so was abcdef`;
    expect(withoutSecrets(said, url)).toBe(
      "can't open 'rtsp://me:***@10.0.0.7/1?token=***': *** and *** were refused, so was ***",
    );
  });
  test("names its host", () => {
    expect(hostOf("rtsp://user:my secret@127.0.0.1:1/x")).toBe("127.0.0.1:1");
    expect(hostOf("rtsp://me:secret@10.0.0.7:554/1")).toBe("10.0.0.7:554");
    expect(hostOf("http://[::1]:80/?x@y")).toBe("y");
    expect(hostOf("/tmp/a.mp4")).toBe("it");
  });
});
