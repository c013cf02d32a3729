import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RtspServer } from "../support/rtsp.ts";
import { Sandbox, stint } from "../support/sandbox.ts";

const PASSWORD = "s3cretword";
let server: RtspServer;
beforeAll(async () => {
  server = await RtspServer.start({ login: ["guard", PASSWORD] });
});
afterAll(() => server[Symbol.asyncDispose]());

test.concurrent("a camera is tried, added, shown without its password, tried again and removed", async () => {
  await using box = new Sandbox(stint.source);
  const cameras = (args: string[], input?: string) =>
    box.run(["detect", "cameras", ...args], input === undefined ? {} : { input });
  const added = await cameras(["add", "hall", "-", "--fps", "3"], `${server.url}\n`);
  expect([added.code, added.err]).toEqual([0, ""]);
  const shown = server.urlFor("guard", "***").replaceAll("%2A", "*");
  expect(added.lines).toEqual([
    {
      ...{ v: 1, type: "camera_added", name: "hall", url: shown },
      ...{ width: 768, height: 576, fps: expect.any(Number), codec: "h264", first_ms: expect.any(Number) },
    },
  ]);
  expect(readFileSync(join(box.home, "config/stint/detect.yaml"), "utf8")).toContain(PASSWORD);

  const away = await cameras(["add", "away", "rtsp://127.0.0.1:1/x", "--no-test"]);
  expect(away.lines).toMatchObject([{ type: "camera_added", name: "away" }]);
  const [listed, both, missed] = await Promise.all([
    cameras(["list"]),
    cameras(["test"]),
    cameras(["test", "hal"]),
  ]);
  expect(listed.lines).toMatchObject([
    { type: "camera", name: "hall", url: shown, fps: 3, zones: [] },
    { type: "camera", name: "away", url: "rtsp://127.0.0.1:1/x" },
  ]);
  expect(both.code).toBe(1);
  expect(both.lines.toSorted((a, b) => (String(a["name"]) < String(b["name"]) ? -1 : 1))).toMatchObject([
    { type: "camera_test", name: "away", ok: false, error: "nobody listens at 127.0.0.1:1" },
    { type: "camera_test", name: "hall", ok: true, error: null, codec: "h264", width: 768 },
  ]);
  expect([missed.code, missed.err]).toEqual([2, "stint: there is no camera hal\n  did you mean hall?\n"]);

  expect((await cameras(["remove", "hall"])).lines).toEqual([
    { v: 1, type: "camera_removed", name: "hall", zones: [] },
  ]);
  expect((await cameras(["list"])).lines).toMatchObject([{ name: "away" }]);
  const said = [added, away, listed, both].map(({ out, err }) => out + err).join("");
  expect(said).not.toContain(PASSWORD);
});

test.concurrent("an address that can't be is refused before anything is opened, and isn't repeated", async () => {
  await using box = new Sandbox(stint.source);
  const refused = await Promise.all(
    [
      ["rtsp://user:my S3cretQQ@127.0.0.1:1/x", "--no-test"],
      ["rtsp://user:S3/cretQQ@127.0.0.1/1"],
      ["rtsp://user:S3cretQQ@127.0.0.1:99999/1"],
    ].map((args) => box.run(["detect", "cameras", "add", "hall", ...args])),
  );
  expect(refused.map(({ code, out, err }) => [code, out, err])).toEqual([
    [2, "", "stint: that is no camera's address: there is a blank in it\n  a blank is written %20\n"],
    [2, "", expect.stringContaining("%2F")],
    [2, "", "stint: that is no camera's address: its port is above 65535\n"],
  ]);
});

test.concurrent("an address that lacks its scheme is told from a file", async () => {
  await using box = new Sandbox(stint.source);
  const add = (name: string, ...args: string[]) => box.run(["detect", "cameras", "add", name, ...args]);
  const [bare, secret, file] = await Promise.all([
    add("a", "10.0.0.7"),
    add("a", "me:S3cretQQ@10.0.0.7/S3cretQQ", "--no-test"),
    add("a", "none.mp4"),
  ]);
  const said = "stint: that is no camera's address: it lacks a scheme\n  rtsp://10.0.0.7/… ?\n";
  expect([bare.code, bare.err]).toEqual([2, said]);
  expect([secret.code, secret.err]).toEqual([2, said]);
  expect([file.code, file.err]).toEqual([69, expect.stringContaining("no such file")]);
  writeFileSync(join(box.work, "10.0.0.7"), "");
  expect((await add("odd", "10.0.0.7", "--no-test")).lines).toMatchObject([
    { type: "camera_added", url: join(box.work, "10.0.0.7") },
  ]);
});

test.concurrent("one that is there already isn't to be removed with its zones: it can be changed", async () => {
  await using box = new Sandbox(stint.source);
  const add = () => box.run(["detect", "cameras", "add", "hall", "rtsp://127.0.0.1:1/x", "--no-test"]);
  await add();
  const { code, err } = await add();
  expect([code, err]).toEqual([2, expect.stringContaining("there is a camera hall already")]);
  expect(err).toContain("page 2 of stint detect watch");
  expect(err).toContain(join(box.home, "config/stint/detect.yaml"));
  expect(err).not.toContain("remove");
});

test.concurrent("what can't be added isn't", async () => {
  await using box = new Sandbox(stint.source);
  const add = (...args: string[]) => box.run(["detect", "cameras", "add", ...args]);
  const [refused, nameless, addressless, textual, programless] = await Promise.all([
    add("hall", server.urlFor("guard", "wrongsecret")),
    add("the hall", server.url),
    add("hall", "gopher://127.0.0.1/x"),
    add("hall", join(import.meta.dir, "cameras-cli.test.ts")),
    box.run(["detect", "cameras", "add", "hall", server.url], { env: { PATH: "/nowhere" } }),
  ]);
  expect([refused.code, refused.err]).toEqual([
    69,
    "stint: the camera refuses the login (401)\n  nothing was added; --no-test adds it all the same\n",
  ]);
  expect([nameless.code, addressless.code, textual.code]).toEqual([2, 2, 69]);
  expect(textual.err).toContain("what it gives isn't video");
  expect([programless.code, programless.err.split("\n")[0]]).toEqual([
    69,
    "stint: there is no ffmpeg: apt install ffmpeg",
  ]);
  const { out, err } = await box.run(["detect", "cameras", "list"]);
  expect([out, err]).toEqual(["", "there are no cameras: stint detect cameras add NAME URL\n"]);
});
