import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { encodeOnnx } from "../../build/onnx.ts";
import { Sandbox, stint } from "../support/sandbox.ts";

class Box extends Sandbox {
  readonly path = join(this.home, "config/stint/detect.yaml");

  constructor(text?: string, env: Record<string, string> = {}) {
    super(stint.source, env);
    mkdirSync(dirname(this.path), { recursive: true });
    if (text !== undefined) writeFileSync(this.path, text, { mode: 0o600 });
  }
}

const zone = "name: press, points: [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]";

test.concurrent("an installation that is fine is no news to a program: exit 0", async () => {
  await using box = new Box(`version: 2
cameras: [{ name: hall, url: "rtsp://u:geheim@10.0.0.7/s", zones: [{ ${zone}, relays: [lamp] }] }]
boards: [{ name: board }]
relays: [{ id: lamp }]
`);
  const { code, lines, err } = await box.run(["detect", "check"]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  const { path } = box;
  const counts = { cameras: 1, zones: 1, relays: 1, problems: 0, warnings: 0 };
  expect(lines).toEqual([{ v: 1, type: "detect_check", path, exists: true, version: 2, ...counts }]);
});

test.concurrent("every problem is told with its line: exit 78, and no password is", async () => {
  await using box = new Box(
    "version: 2\ncameras:\n  - name: hall\n    url: gopher://u:geheim@h\n    fps: 99\n",
  );
  const { code, out, err, lines } = await box.run(["detect", "check"]);
  expect({ code, err }).toEqual({ code: 78, err: "" });
  const file = box.path;
  expect(lines.slice(0, -1)).toEqual([
    {
      v: 1,
      type: "problem",
      file,
      line: 4,
      column: 5,
      key: "cameras[0].url",
      text: "there are no cameras at gopher://",
      hint: expect.stringContaining("rtsp://, "),
    },
    {
      v: 1,
      type: "problem",
      file,
      line: 5,
      column: 5,
      key: "cameras[0].fps",
      text: "expected number to be <=30",
      hint: null,
    },
  ]);
  expect(lines.at(-1)).toMatchObject({ problems: 2, cameras: null });
  expect(out).not.toContain("geheim");
});

test.concurrent("what is allowed and perhaps not meant is warned of: exit 0", async () => {
  await using box = new Box(
    `version: 2
cameras:
  - { name: web, url: "http://u:geheim@10.0.0.7/s", zones: [{ ${zone} }] }
  - { name: film, url: /gone.mp4, zones: [{ ${zone}, mode: permit, min_area: 0.1, relays: [lamp] }] }
  - { name: usb, url: "v4l2:///dev/video-gone" }
  - { name: same, url: "file:///etc/hostname" }
boards: [{ name: board }]
relays: [{ id: lamp }]
`,
    { PATH: "/nowhere" },
  );
  chmodSync(box.path, 0o644);
  const { code, lines, out } = await box.run(["detect", "check"]);
  expect(code).toBe(0);
  expect(
    lines.filter(({ type }) => type === "warning").map(({ about, text }) => `${about}: ${text}`),
  ).toEqual([
    `${box.path}: others may read it, and passwords in it`,
    "ffmpeg: isn't in the PATH: no camera can be opened",
    "camera web: its password goes over the network in the clear",
    "zone web/press: it switches no relay",
    "camera film: /gone.mp4 isn't there",
    "zone film/press: people whose size or shape its limits leave out don't withdraw the permission",
    "camera usb: /dev/video-gone isn't there",
  ]);
  expect(out).not.toContain("geheim");
});

test.concurrent("a version that this stint doesn't know is told as it is", async () => {
  await using newer = new Box("version: 3\nsomething: new\n");
  await using none = new Box("cameras: []\n");
  await using broken = new Box("version: 2\n}\n");
  const found = await Promise.all([newer, none, broken].map((box) => box.run(["detect", "check"])));
  expect(found.map(({ code, lines }) => [code, lines.at(-1)?.["version"]])).toEqual([
    [78, 3],
    [78, null],
    [78, null],
  ]);
});

test.concurrent("a hook whose program isn't there is warned of", async () => {
  await using box = new Box(`version: 2
cameras: [{ name: hall, url: /etc/hostname }]
hooks: { trip: [no-such-program-here, x], camera_lost: [/nowhere/horn], guard_dead: [sh, -c, ":"] }
`);
  const { code, lines } = await box.run(["detect", "check"]);
  expect(code).toBe(0);
  expect(lines.slice(0, -1)).toMatchObject([
    { type: "warning", about: "hooks.trip", text: "there is no program no-such-program-here in the PATH" },
    { type: "warning", about: "hooks.camera_lost", text: "/nowhere/horn isn't there" },
  ]);
});

test.concurrent("a model that can't find people is a problem, whatever else is", async () => {
  await using box = new Box("version: 2\ndetector: { model: people.onnx }\nretention: { days: 0 }\n");
  const images = { name: "images", type: "float32", dims: [1, 3, 64, 64] } as const;
  const output = { name: "output0", type: "float32", dims: [2, 3] } as const;
  const graph = {
    inputs: [images],
    outputs: [output],
    nodes: [{ op: "Identity", inputs: ["values"], outputs: ["output0"] }],
    initializers: [{ ...output, name: "values", data: new Uint8Array(24) }],
  };
  const model = join(dirname(box.path), "people.onnx");
  writeFileSync(model, encodeOnnx(graph));
  const wrong = await box.run(["detect", "check"]);
  expect([wrong.code, wrong.err]).toEqual([78, ""]);
  expect(wrong.lines.filter(({ type }) => type === "problem")).toMatchObject([
    {
      ...{ line: 2, column: 13, key: "detector.model" },
      text: `the model ${model} has the output float32[2, 3]`,
      hint: expect.stringContaining("is expected"),
    },
    { line: 3, key: "retention.days" },
  ]);

  const right = { ...output, dims: [1, 84, 84] };
  const initializers = [{ ...right, name: "values", data: new Uint8Array(4 * 84 * 84) }];
  writeFileSync(model, encodeOnnx({ ...graph, outputs: [right], initializers }));
  writeFileSync(box.path, "version: 2\ndetector: { model: people.onnx }\n");
  expect(await box.run(["detect", "check"])).toMatchObject({ code: 0, err: "" });
});

test.concurrent("where there is no file it says where it would be, and that there are no cameras", async () => {
  await using box = new Box();
  const { code, lines } = await box.run(["detect", "check", "--profile", "shop"]);
  expect(code).toBe(0);
  expect(lines).toEqual([
    expect.objectContaining({ type: "warning", about: "cameras", text: "there are none" }),
    expect.objectContaining({
      type: "detect_check",
      path: box.path.replace("detect.yaml", "detect.shop.yaml"),
      exists: false,
    }),
  ]);
  expect(readdirSync(dirname(box.path))).toEqual([]);
});

test.concurrent("an earlier version is left as it is, and it is said that a run would migrate it", async () => {
  const text = "version: 1\ncameras: [{ name: hall, url: /etc/hostname }]\n";
  await using box = new Box(text);
  const { code, lines } = await box.run(["detect", "check"]);
  expect(code).toBe(0);
  expect(lines[0]).toMatchObject({
    type: "warning",
    about: box.path,
    text: expect.stringContaining("is of version 1"),
  });
  expect(readFileSync(box.path, "utf8")).toBe(text);
});

test.concurrent("what isn't a file is a problem like any other", async () => {
  await using box = new Box();
  mkdirSync(box.path);
  const { code, lines } = await box.run(["detect", "check"]);
  expect(code).toBe(78);
  expect(lines[0]).toMatchObject({ type: "problem", line: null, text: "isn't a regular file" });
});
