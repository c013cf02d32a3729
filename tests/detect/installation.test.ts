import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  checkInstallation,
  installationPath,
  loadInstallation,
} from "../../src/detect/adapters/installation.ts";
import { Expected } from "../../src/kernel/errors.ts";
import { InstallationScene } from "../support/installation.ts";

let scene: InstallationScene;
beforeEach(() => {
  scene = new InstallationScene();
});
afterEach(() => scene[Symbol.dispose]());

const load = async (text: string) => {
  scene.write(text);
  return (await loadInstallation("default")).installation;
};
/** Everything that is wrong, as `line:column key: text`, with hints in (). */
const wrong = async (text: string): Promise<string[]> => {
  scene.write(text);
  const { problems, installation } = await checkInstallation("default");
  expect(installation === undefined).toBe(problems.length > 0);
  return problems.map(
    ({ line, column, key, text, hint }) => `${line}:${column} ${key}: ${text}${hint ? ` (${hint})` : ""}`,
  );
};
const failure = async (promise: Promise<unknown>) => {
  const error = await promise.then(
    () => new Error("nothing failed"),
    (error: unknown) => error,
  );
  if (!(error instanceof Expected)) throw error;
  return { exit: error.exit, text: error.message, hint: error.hint };
};

const triangle = "[[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]";
/** A file with one camera, whose only zone says this, and a relay `lamp`. */
const withZone = (zone: string, relay = "{ id: lamp }") => `version: 2
boards: [{ name: board }]
relays: [${relay}]
cameras:
  - name: hall
    url: /film.mp4
    zones:
      - name: press
        points: ${triangle}
        ${zone}
`;
const withCamera = (camera: string) => `version: 2
cameras:
  - name: hall
    ${camera}
`;

describe("what stands in the file", () => {
  test("is nothing where there is no file, an empty one, or only comments", async () => {
    const { installation, path } = await loadInstallation("default");
    expect(path).toBe(scene.path);
    expect(installation).toEqual({
      version: 2,
      detector: { model: "builtin", layout: "auto", score: 0.4, threads: 1 },
      cameras: [],
      boards: [],
      relays: [],
      retention: { days: 30, megabytes: 2000, clip_before_ms: 5000, clip_after_ms: 5000 },
      hooks: { trip: null, camera_lost: null, guard_dead: null, timeout_ms: 10_000 },
      mqtt: null,
    });
    for (const text of ["", "# nothing yet\n", "version: 2\ncameras:\n  # none\nhooks:\nmqtt:\n"]) {
      expect(await load(text)).toEqual(installation);
    }
  });

  test("is another's in another profile", async () => {
    expect(installationPath("shop")).toBe(join(scene.folder, "config/stint/detect.shop.yaml"));
  });

  test("needs no more than names, addresses and points", async () => {
    const { cameras, boards, relays } = await load(withZone("relays: [lamp]"));
    expect(cameras).toEqual([
      {
        name: "hall",
        url: "/film.mp4",
        fps: 5,
        width: 416,
        motion: false,
        masks: [],
        zones: [
          {
            name: "press",
            points: [
              [0.1, 0.1],
              [0.9, 0.1],
              [0.5, 0.9],
            ],
            mode: "alarm",
            relays: ["lamp"],
            on_camera_loss: "trip",
            hit: "foot",
            overlap: 0.3,
            min_score: 0.5,
            min_area: 0,
            max_area: 1,
            min_ratio: 0,
            max_ratio: 100,
            enter: { n: 3, m: 5 },
            dwell_ms: 0,
            hold_ms: 1000,
            armed: [],
          },
        ],
      },
    ]);
    expect(boards).toEqual([
      { name: "board", kind: "usb-hid", serial: null, path: null, socket: null, channels: 8 },
    ]);
    expect(relays).toEqual([
      { id: "lamp", board: "board", channel: 1, max_on_ms: 600_000, cooldown_ms: 0, latch: false },
    ]);
  });

  test("is read in its own words: durations, N of M, spans of the week", async () => {
    writeFileSync(join(scene.folder, "config/stint/people.onnx"), "");
    const installation = await load(`version: 2
detector: { model: people.onnx, layout: yolov8, score: 0.3, threads: 2 }
cameras:
  - name: hall
    url: rtsp://user:pass%23word@10.0.0.7:554/stream1
    masks: [${triangle}]
    zones:
      - name: press
        points: ${triangle}
        mode: permit
        relays: [press]
        frames: 1 of 1
        dwell: 1m30s
        hold: 500ms
        armed: [mon-fri 06:00-18:00]
boards:
  - { name: one, serial: BITFT, channels: 4 }
  - { name: two, kind: simulator, socket: /run/board.sock }
relays:
  - { id: press, board: one, channel: 4 }
  - { id: horn, board: two, channel: 4, max_on: 1h, cooldown: 30s, latch: true }
  - { id: lamp, board: two, channel: 5, max_on: never }
retention: { days: 7, megabytes: 100, clip_before: 0s, clip_after: 0s }
hooks: { trip: [notify-send, "a person"], timeout: 3s }
mqtt: { url: "mqtts://broker", username: stint, password: secret, topic: plant/hall, discovery: false }
`);
    expect(installation.detector).toEqual({
      model: join(scene.folder, "config/stint/people.onnx"),
      layout: "yolov8",
      score: 0.3,
      threads: 2,
    });
    expect(installation.cameras[0]?.zones[0]).toMatchObject({
      enter: { n: 1, m: 1 },
      dwell_ms: 90_000,
      hold_ms: 500,
      armed: [{ days: [1, 2, 3, 4, 5], from: 360, to: 1080 }],
    });
    const timed = installation.relays.map(({ id, board, max_on_ms }) => [id, board, max_on_ms]);
    expect(timed).toEqual([
      ["press", "one", null],
      ["horn", "two", 3_600_000],
      ["lamp", "two", null],
    ]);
    expect(installation.hooks.trip).toEqual(["notify-send", "a person"]);
    expect(installation.mqtt).toEqual({
      url: "mqtts://broker",
      username: "stint",
      password: "secret",
      topic: "plant/hall",
      discovery: false,
    });
  });
});

describe("a file that can't be taken", () => {
  test("names its line and column when it isn't YAML, and quotes no password", async () => {
    const text = "version: 2\ncameras:\n  - name: hall\n    url: rtsp://u:geheim@h\n   fps: 5\n";
    scene.write(text);
    const { exit, text: said } = await failure(loadInstallation("default"));
    expect(exit).toBe(78);
    expect(said).toStartWith(`${scene.path}:5:1: `);
    expect(await wrong(text)).toEqual([expect.stringMatching(/^5:1 : /)]);
    for (const odd of [
      'url: "rtsp://u:geheim@h" geheim',
      "url: 'rtsp://u:geheim@h",
      "}: rtsp://u:geheim@h",
    ]) {
      const { text: said } = await failure(load(`version: 2\n${odd}\n`));
      expect(said).not.toContain("geheim");
    }
  });

  test.each([
    [
      "an alias",
      "mqtt:\n  password: *S3cretQQ",
      "3:13 : Unresolved alias (the anchor must be set before the alias)",
    ],
    ["a tag", "mqtt:\n  password: !S3cretQQ", "3:13 : Unresolved tag"],
    ["a tag with a value", "mqtt:\n  password: !S3cretQQ x", "3:13 : Unresolved tag"],
    ["a tag of YAML's", "mqtt:\n  password: !!S3cretQQ", "3:13 : Unresolved tag"],
    ["a tag by its handle", "mqtt:\n  password: !S3cretQQ!x", "3:13 : Could not resolve tag"],
    ["a tag without an end", "mqtt:\n  password: !<S3cretQQ", "3:13 : Verbatim tags must end with a >"],
    ["a folded text", "mqtt:\n  password: >S3cretQQ", "3:14 : Block scalar header includes extra characters"],
    [
      "a block of text",
      "mqtt:\n  password: |S3cretQQ",
      "3:14 : Block scalar header includes extra characters",
    ],
    [
      "an anchor on nothing",
      "mqtt: { url: mqtt://h, password: &S3cretQQ }",
      "2:24 mqtt.password: is an anchor without a value",
    ],
  ])(
    "never quotes a password that YAML takes for %s: it names the place, and quotes",
    async (_, text, said) => {
      const [first, ...more] = await wrong(`version: 2\n${text}\n`);
      expect([first, more]).toEqual([`${said} (text that begins with *, &, !, | or > stands in quotes)`, []]);
      const { exit, text: told, hint } = await failure(loadInstallation("default"));
      expect([exit, `${told}${hint}`.includes("S3cretQQ")]).toEqual([78, false]);
    },
  );

  test("never quotes one that it takes for something else", async () => {
    for (const line of [
      'password: "\\US3cretQQ"',
      "password: @S3cretQQ",
      "%S3cretQQ",
      "%YAML S3cretQQ",
      "password: { S3cretQQ: }}",
      "password: !!S3cretQQ [a]",
      "password: !<S3cretQQ> x",
      "password: !S3cretQQ! x",
      'password: "a" S3cretQQ',
      "rtsp://me:S3cretQQ@h/1: x",
      "cameras: [{ rtsp://me:S3cretQQ@h/1: x }]",
      "cameras: [{ 'rtsp://me:S3 S3cretQQ@h/1': x }]",
    ]) {
      scene.write(`version: 2\n${line}\n`);
      const { problems } = await checkInstallation("default");
      expect(problems).not.toBeEmpty();
      expect(
        `${JSON.stringify(problems)}${JSON.stringify(await failure(loadInstallation("default")))}`,
      ).not.toContain("S3cretQ");
    }
  });

  test("may have anchors, where there is something for them to stand on", async () => {
    const { mqtt, cameras } = await load(
      'version: 2\ncameras: [&one { name: hall, url: &film /f }]\nmqtt: { url: "mqtt://h", password: *film, username: &no null }\n',
    );
    expect([mqtt?.password, mqtt?.username, cameras.length]).toEqual(["/f", null, 1]);
  });

  test("is told of all that is wrong at once, and of nothing that only follows from it", async () => {
    expect(
      await wrong(`version: 2
detector: { model: gone.onnx, score: 2 }
cameras:
  - { name: hall, url: /f, fps: 99, zones: [{ name: press, points: [], relays: [lamp, lmap] }] }
  - { name: hall, url: gopher://h }
boards: [{ name: one, serial: A, channels: 9 }, { name: two, serial: A }]
relays: [{ id: lamp, board: tow, max_on: 5 }, { id: lamp, board: one, channel: 12 }]
retention: { days: 0 }
`),
    ).toEqual([
      expect.stringMatching(/^2:13 detector\.model: .*no such file/),
      "2:31 detector.score: expected number to be <=1",
      "4:28 cameras[0].fps: expected number to be <=30",
      "4:60 cameras[0].zones[0].points: needs three points at least",
      "4:87 cameras[0].zones[0].relays[1]: there is no relay lmap (did you mean lamp?)",
      "5:7 cameras[1].name: hall is there already: cameras[0].name",
      expect.stringContaining("cameras[1].url: there are no cameras at gopher://"),
      "6:34 boards[0].channels: expected number to be <=8",
      "6:62 boards[1].serial: is that of one already",
      "7:22 relays[0].board: there is no board tow (did you mean two?)",
      expect.stringContaining("relays[0].max_on: isn't a duration"),
      "7:49 relays[1].id: lamp is there already: relays[0].id",
      expect.stringContaining("relays[1].channel: expected number to be <=8"),
      "8:14 retention.days: expected number to be >=1",
    ]);
    expect(
      await wrong(`version: 2
detector: { model: gone.onnx }
boards: [{ name: a b, serial: A }, { name: two, serial: A }]
relays: [{ id: c d }, { id: lamp, board: one }]
cameras: [{ name: hall, url: /f, zones: [{ name: press, points: ${triangle}, relays: [lmap] }] }]
`),
    ).toEqual([
      expect.stringMatching(/^2:13 detector\.model: .*no such file/),
      expect.stringMatching(/boards\[0\]\.name: isn't a name/),
      "3:49 boards[1].serial: is that of another already",
      expect.stringMatching(/relays\[0\]\.id: isn't a name/),
      "4:12 relays[0].id: its board isn't set, and there are several",
    ]);
  });

  test("is told by its first mistake, with a hint; all of them are by check", async () => {
    scene.write("version: 2\ncameras:\n  - name: hall\n    fsp: 3\nrelays: {}\n");
    expect(await failure(loadInstallation("default"))).toEqual({
      exit: 78,
      text: `${scene.path}:3:5: cameras[0].url: isn't set`,
      hint: "stint detect check tells the other 2 as well",
    });
    expect(await wrong(scene.text)).toEqual([
      "3:5 cameras[0].url: isn't set",
      "4:5 cameras[0].fsp: there is no such key (did you mean fps?)",
      "5:1 relays: expected array, received object",
    ]);
  });

  test("isn't one that says no version, an unknown one, or one of a newer stint", async () => {
    expect(await wrong("cameras: []\n")).toEqual([
      "1:1 version: isn't set (the first line says it: version: 2)",
    ]);
    expect(await wrong("version: two\n")).toEqual(["1:1 version: isn't a version (version: 2)"]);
    expect(await wrong("version: 0\n")).toEqual(["1:1 version: isn't a version (version: 2)"]);
    scene.write("version: 3\nsomething: new\n");
    expect(await failure(loadInstallation("default"))).toEqual({
      exit: 78,
      text: `${scene.path}:1:1: version: 3 is of a newer stint: this one knows 2`,
      hint: "bring stint up to date",
    });
  });

  test("isn't one that isn't text, no file, or a list", async () => {
    expect(await wrong("- 1\n")).toEqual([expect.stringContaining("isn't a map of settings")]);
    scene.write("version: 2\n");
    writeFileSync(scene.path, Buffer.from([0xff, 0xfe, 0]));
    expect((await failure(loadInstallation("default"))).text).toBe(`${scene.path} isn't text in UTF-8`);
    expect((await checkInstallation("default")).problems).toEqual([
      { file: scene.path, line: null, column: null, key: "", text: "isn't text in UTF-8" },
    ]);
    writeFileSync(scene.path, `# ${"x".repeat(256 << 10)}`);
    expect((await failure(loadInstallation("default"))).text).toBe(`${scene.path} is larger than 256 KB`);
  });
});

const Z = "cameras[0].zones[0]";
const C = "cameras[0]";
const rules: [what: string, file: string, said: string[]][] = [
  [
    "a key that there isn't",
    withZone("hald: 2s"),
    [`10:9 ${Z}.hald: there is no such key (did you mean hold?)`],
  ],
  [
    "a section that there isn't",
    "version: 2\ncamera: []\n",
    ["2:1 camera: there is no such key (did you mean cameras?)"],
  ],
  ["a number for a duration", withZone("hold: 2"), [expect.stringMatching(/^10:9 .*hold: .*needs its unit/)]],
  ["a duration without its unit", withZone('hold: "2"'), [expect.stringContaining("hold: isn't a duration")]],
  ["a duration out of range", withZone("dwell: 25h"), [expect.stringContaining("from 0s to 24h")]],
  ["more of fewer pictures", withZone("frames: 6 of 5"), [expect.stringContaining("frames: isn't N of M")]],
  ["of more pictures than are kept", withZone("frames: 6 of 61"), [expect.stringContaining("at most 60")]],
  [
    "a span that is none",
    withZone("armed: [weekdays]"),
    [expect.stringMatching(/armed\[0\]: isn't a span.*mon-fri/)],
  ],
  ["a mode that there isn't", withZone("mode: permti"), [expect.stringContaining("did you mean permit?")]],
  [
    "a permission that a lost camera leaves",
    withZone("mode: permit\n        on_camera_loss: hold"),
    [expect.stringContaining(`11:9 ${Z}.on_camera_loss: must be trip on a permit zone`)],
  ],
  ["limits the wrong way round", withZone("min_area: 1"), [`10:9 ${Z}.min_area: must be below max_area`]],
  [
    "limits that leave nothing",
    withZone("max_ratio: 0"),
    [expect.stringContaining("min_ratio: must be below")],
  ],
  ["a score above 1", withZone("min_score: 50"), [`10:9 ${Z}.min_score: expected number to be <=1`]],
  [
    "a relay that there isn't",
    withZone("relays: [lmap]"),
    [`10:18 ${Z}.relays[0]: there is no relay lmap (did you mean lamp?)`],
  ],
  ["a relay twice", withZone("relays: [lamp, lamp]"), [expect.stringContaining("lamp is there already")]],
  [
    "a limit of a permission in time",
    withZone("mode: permit\n        relays: [lamp]", "{ id: lamp, max_on: 1m }"),
    [expect.stringContaining("3:22 relays[0].max_on: is for alarms")],
  ],
  [
    "a max_on that is no duration",
    withZone("", "{ id: lamp, max_on: ever }"),
    [expect.stringMatching(/max_on: .*or never$/)],
  ],
  [
    "a relay of both modes",
    `${withZone("mode: permit\n        relays: [lamp]")}      - { name: door, points: ${triangle}, relays: [lamp] }\n`,
    [expect.stringMatching(/zones\[1\]\.relays\[0\]: lamp serves a zone of mode permit already/)],
  ],
  [
    "two zones of one name",
    `${withZone("mode: alarm")}      - { name: press, points: ${triangle} }\n`,
    [`11:11 cameras[0].zones[1].name: press is there already: ${Z}.name`],
  ],
  [
    "two cameras of one name",
    "version: 2\ncameras: [{ name: a, url: /f }, { name: a, url: /g }]\n",
    ["2:35 cameras[1].name: a is there already: cameras[0].name"],
  ],
  [
    "a name with a blank",
    withCamera("url: /f").replace("hall", "the hall"),
    [expect.stringContaining("isn't a name")],
  ],
  [
    "a name that YAML takes for a number",
    withCamera("url: /f").replace("hall", "12"),
    [expect.stringContaining("put it in quotes")],
  ],
  [
    "an address of another kind",
    withCamera("url: ftp://u:geheim@h"),
    [expect.stringMatching(/^4:5 cameras\[0\]\.url: there are no cameras at ftp:\/\/ /)],
  ],
  ["a slip in a scheme", withCamera("url: rstp://h"), [expect.stringContaining("did you mean rtsp?")]],
  [
    "an address without a scheme",
    withCamera("url: 10.0.0.7"),
    [expect.stringContaining("it lacks a scheme (rtsp://10.0.0.7/… ?)")],
  ],
  ["an address without a host", withCamera("url: rtsp://"), [expect.stringContaining("isn't an address")]],
  ["a password that isn't escaped", withCamera("url: rtsp://u:ge#heim@h/"), [expect.stringContaining("%23")]],
  [
    "a device without a path",
    withCamera("url: v4l2://video0"),
    [expect.stringContaining("no path follows v4l2://")],
  ],
  [
    "a control character in an address",
    withCamera('url: "rtsp://h/\\n"'),
    [expect.stringContaining("control character")],
  ],
  [
    "too many pictures a second",
    withCamera("url: /f\n    fps: 60"),
    [`5:5 ${C}.fps: expected number to be <=30`],
  ],
  [
    "a polygon of two points",
    withCamera("url: /f\n    masks: [[[0, 0], [1, 1]]]"),
    [`5:13 ${C}.masks[0]: needs three points at least`],
  ],
  [
    "a polygon that crosses itself",
    withZone("").replace(triangle, "[[0, 0], [1, 1], [1, 0], [0, 1]]"),
    [`9:9 ${Z}.points: crosses or touches itself`],
  ],
  [
    "a point outside the picture",
    withZone("").replace("0.5, 0.9", "0.5, 1.9"),
    [`9:9 ${Z}.points: has a point outside the picture: number 3`],
  ],
  [
    "points that are no pairs",
    withZone("").replace("[0.5, 0.9]", "[0.5]"),
    [expect.stringContaining("points[2]: isn't a point: [x, y]")],
  ],
  [
    "a relay without any board",
    "version: 2\nrelays: [{ id: a }]\n",
    ["2:12 relays[0].id: there is no board (add one to boards)"],
  ],
  [
    "a board that there isn't",
    "version: 2\nboards: [{ name: one }]\nrelays: [{ id: a, board: oen }]\n",
    ["3:19 relays[0].board: there is no board oen (did you mean one?)"],
  ],
  [
    "a relay of nobody knows which board",
    "version: 2\nboards: [{ name: a, serial: A }, { name: b, serial: B }]\nrelays: [{ id: a }]\n",
    ["3:12 relays[0].id: its board isn't set, and there are several"],
  ],
  [
    "a channel that the board hasn't",
    "version: 2\nboards: [{ name: one, channels: 2 }]\nrelays: [{ id: a, channel: 3 }]\n",
    [expect.stringContaining("3:19 relays[0].channel: one has only 2")],
  ],
  [
    "two relays on one channel",
    "version: 2\nboards: [{ name: one }]\nrelays: [{ id: a }, { id: b, board: one }]\n",
    ["3:21 relays[1].channel: a is on channel 1 of one already"],
  ],
  [
    "two boards with one serial",
    "version: 2\nboards: [{ name: a, serial: A }, { name: b, serial: A }]\n",
    ["2:45 boards[1].serial: is that of a already"],
  ],
  [
    "two boards at one socket",
    "version: 2\nboards:\n  - { name: a, kind: simulator, socket: /s }\n  - { name: b, kind: simulator, socket: /s }\n",
    ["4:33 boards[1].socket: is that of a already"],
  ],
  [
    "several boards that nothing tells apart",
    "version: 2\nboards: [{ name: a, path: /dev/hidraw0 }, { name: b }]\n",
    [expect.stringContaining("2:45 boards[1].name: there are several boards: its serial or path must say")],
  ],
  [
    "a serial and a path",
    "version: 2\nboards: [{ name: a, serial: A, path: /dev/hidraw0 }]\n",
    [expect.stringContaining("boards[0].path: a board is found by its serial or by its path")],
  ],
  [
    "a serial that YAML takes for a number",
    "version: 2\nboards: [{ name: a, serial: 00123 }]\n",
    [expect.stringContaining("put it in quotes")],
  ],
  [
    "a socket of a real board",
    "version: 2\nboards: [{ name: a, socket: /s }]\n",
    [expect.stringContaining("boards[0].socket: is a simulated board's")],
  ],
  [
    "a path of a simulated one",
    "version: 2\nboards: [{ name: a, kind: simulator, path: /s }]\n",
    [expect.stringContaining("boards[0].path: is a USB board's")],
  ],
  [
    "a hook that is a line for a shell",
    "version: 2\nhooks: { trip: 'x | y' }\n",
    [expect.stringContaining("hooks.trip: isn't a list of words")],
  ],
  [
    "a hook without a program",
    "version: 2\nhooks: { trip: [''] }\n",
    [expect.stringContaining("hooks.trip: there is no program")],
  ],
  [
    "a broker that is none",
    "version: 2\nmqtt: { url: 'http://u:geheim@h' }\n",
    [expect.stringContaining("2:9 mqtt.url: isn't a broker's address")],
  ],
  [
    "a topic with a wildcard",
    "version: 2\nmqtt: { url: 'mqtt://h', topic: 'a/#' }\n",
    [expect.stringContaining("mqtt.topic: isn't a topic")],
  ],
  [
    "a model that isn't there",
    "version: 2\ndetector: { model: gone.onnx }\n",
    [expect.stringMatching(/^2:13 detector\.model: \/.*gone\.onnx: no such file/)],
  ],
  [
    "a model that is a folder",
    "version: 2\ndetector: { model: / }\n",
    ["2:13 detector.model: / isn't a file"],
  ],
];

test.each(rules)("%s is refused, with its line", async (_, file, said) => {
  const found = await wrong(file);
  expect(found).toEqual(said);
  expect(found.join()).not.toContain("geheim");
});
