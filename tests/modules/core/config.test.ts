import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { bareConfig, parseConfig, setEnabled } from "../../../src/modules/core/config.ts";

const AT = { name: "camera", folder: "/rack/modules/camera" };
const parse = (text: string) => parseConfig(text, AT);
/** What a file with a command says beside it. */
const read = (text: string) => {
  const { config, problems } = parse(`command = run\n${text}`);
  expect(problems).toEqual([]);
  return config;
};
/** What is wrong with the second line of a file. */
const wrong = (line: string): string => {
  const { config, problems } = parse(`command = run\n${line}\n`);
  expect(config).toBeUndefined();
  expect(problems.map(({ line }) => line)).toEqual([2]);
  const [problem] = problems;
  return [problem?.text, problem?.hint].filter(Boolean).join(" | ");
};
const command = (text: string) => parse(`command = ${text}`).config?.command as string[] | undefined;

describe("a config.txt", () => {
  test("may say everything", () => {
    const text = `# the camera above the door
enabled = no
command = ffmpeg -i "/dev/my camera" out.mkv   # until it is stopped
cwd = data
env.LANG = C.UTF-8
env.NOTE = "# kept"
env.EMPTY =
stop_signal = int
start_deadline = 1m30s
stop_deadline = 500ms
restart = on-failure
depends_on = gps, audio	clock
ready = pattern:listening on \\d+
resume_recording = true
watchdog = 15s
`;
    expect(parse(text)).toEqual({
      config: {
        name: "camera",
        enabled: false,
        command: ["ffmpeg", "-i", "/dev/my camera", "out.mkv"],
        cwd: "/rack/modules/camera/data",
        env: { LANG: "C.UTF-8", NOTE: "# kept", EMPTY: "" },
        stopSignal: "SIGINT",
        startDeadline: 90_000,
        stopDeadline: 500,
        restart: "on-failure",
        dependsOn: ["gps", "audio", "clock"],
        ready: { by: "pattern", pattern: "listening on \\d+" },
        resumeRecording: true,
        watchdog: 15_000,
      },
      enabled: false,
      problems: [],
      lines: expect.objectContaining({}),
    });
  });

  test("needs a command alone", () => {
    const bare = {
      name: "camera",
      enabled: true,
      command: ["run"],
      cwd: "/rack/modules/camera",
      env: {},
      stopSignal: "SIGTERM",
      startDeadline: 30_000,
      stopDeadline: 10_000,
      restart: "no",
      dependsOn: [],
      ready: { by: "event" },
      resumeRecording: false,
      watchdog: undefined,
    };
    expect<unknown>(parse("command=run").config).toEqual(bare);
    expect<unknown>(bareConfig(AT.name, AT.folder)).toEqual({ ...bare, command: ["camera"] });
  });

  test("without a command says so, and how to write one", () => {
    const [problem, ...others] = parse("enabled = true\n").problems;
    expect(problem).toEqual({
      line: undefined,
      text: "command isn't set",
      hint: expect.stringContaining("command ="),
    });
    expect(others).toEqual([]);
    expect(parse("command = 'x").problems).toHaveLength(1);
  });

  test("may come from any editor: BOM, CRLF, blank lines, no end of the last line", () => {
    const { config, lines } = parse(
      "\ufeffenabled = off\r\n\r\n  \t\r\n  command = run me\r\nrestart=always",
    );
    expect(config).toMatchObject({ enabled: false, command: ["run", "me"], restart: "always" });
    expect([...lines]).toEqual([
      ["enabled", 1],
      ["command", 4],
      ["restart", 5],
    ]);
  });

  test("has comments at the beginning of a line and after a blank, not in quotes or words", () => {
    expect(read("#enabled = no\n  # enabled = no\nenabled = yes # no\t#")?.enabled).toBe(true);
    expect(read("env.A = a#b # c")?.env).toEqual({ A: "a#b" });
    expect(read("env.A = 'a # b'\t# c")?.env).toEqual({ A: "a # b" });
    expect(read("env.A = it's # c's")?.env).toEqual({ A: "it's" });
    expect(read("env.A = # nothing")?.env).toEqual({ A: "" });
  });

  test("tells all that is wrong, each with its line", () => {
    const { config, problems } = parse(
      "enabled = maybe\n\nnonsense\ncommand = run\ncwd =\nstart_deadline = 2h\n",
    );
    expect(config).toBeUndefined();
    expect(problems).toEqual([
      { line: 1, text: "enabled: 'maybe' is neither true nor false" },
      { line: 3, text: "it isn't of the form key = value" },
      { line: 5, text: "cwd: there is no value" },
      {
        line: 6,
        text: "start_deadline: '2h' isn't a duration from 100ms to 1h",
        hint: "as in 500ms, 10s or 1m30s",
      },
    ]);
  });

  test.each([
    ["enable = no", "there is no key 'enable' | did you mean enabled?"],
    ["Command = x", "there is no key 'Command' | did you mean command?"],
    ["restarts = no", "there is no key 'restarts' | did you mean restart?"],
    ["colour = red", "there is no key 'colour' | there are enabled, command, "],
    ["constructor = x", "there is no key 'constructor'"],
    ["= x", "it isn't of the form key = value"],
    ["two words = x", "it isn't of the form key = value"],
    ["command run", "'command' isn't of the form key = value"],
    ["command = again", "command is set in line 1 already"],
    ["enabled = 'yes", "enabled: a quote that doesn't end"],
    ["enabled = 'yes' or no", "enabled: a quote that doesn't end, or ends before the value does"],
    ["cwd = ~/data", "cwd: ~ is no folder here | the whole path, from /"],
    ["env.1X = x", "env.1X: '1X' isn't a name of a variable"],
    ["env. = x", "env.: '' isn't a name of a variable"],
    ["env.STINT_PROFILE = x", "env.STINT_PROFILE: what begins with STINT_ is stint's own"],
    ["env.X = a\0b", "env.X: there is a control character in it"],
    ["stop_signal = SIGTREM", "stop_signal: 'SIGTREM' is none of SIGTERM, "],
    ["stop_signal = trem", "did you mean SIGTERM?"],
    [
      "restart = on_failure",
      "restart: 'on_failure' is none of no, on-failure, always | did you mean on-failure?",
    ],
    ["start_deadline = 99ms", "isn't a duration from 100ms to 1h"],
    ["stop_deadline = -1", "isn't a duration"],
    ["stop_deadline = 1d", "isn't a duration"],
    ["stop_deadline = 1s2", "isn't a duration"],
    ["watchdog = 0.5s", "watchdog: '0.5s' isn't a duration from 1s to 24h"],
    ["watchdog = 25h", "isn't a duration"],
    ["depends_on = gps/../x", "depends_on: 'gps/../x' isn't a name of a module"],
    ["depends_on = gps camera", "depends_on: camera can't depend on itself"],
    ["ready = soon", "ready: 'soon' doesn't say how it is known to be ready | event, pattern:REGEX"],
    ["ready = pattern:(", "ready: '(' isn't a regular expression"],
    ["ready = pattern:", "doesn't say how"],
    ["ready = //", "doesn't say how"],
    ["ready = tcp:0", "doesn't say how"],
    ["ready = tcp:65536", "doesn't say how"],
    ["ready = http:localhost", "doesn't say how"],
    ["ready = http://[", "doesn't say how"],
    ["ready = 61m", "doesn't say how"],
  ])("refuses %s", (line, words) => {
    expect(wrong(line)).toContain(words);
  });

  test.each([
    ["event", { by: "event" }],
    ["pattern:^ready$", { by: "pattern", pattern: "^ready$" }],
    ["/listening on .*\\/x/", { by: "pattern", pattern: "listening on .*\\/x" }],
    ['"/a # b/" # a comment', { by: "pattern", pattern: "a # b" }],
    ["tcp:8080", { by: "tcp", port: 8080 }],
    ["http:http://localhost:80/x#y", { by: "http", url: "http://localhost:80/x#y" }],
    ["https://localhost/", { by: "http", url: "https://localhost/" }],
    ["0", { by: "time", ms: 0 }],
    ["1.5s", { by: "time", ms: 1500 }],
    ["1h", { by: "time", ms: 3_600_000 }],
  ])("is ready = %s", (text, ready) => {
    expect(read(`ready = ${text}`)?.ready).toEqual(ready as never);
  });

  test.each([
    ["2", 2000],
    ["0.1", 100],
    ["100ms", 100],
    ["1m30s", 90_000],
    ["1h", 3_600_000],
    ["1s500ms", 1500],
  ])("takes %s for a deadline", (text, ms) => {
    expect(read(`stop_deadline = ${text}`)?.stopDeadline).toBe(ms);
  });

  test("takes the other words for its values", () => {
    for (const yes of ["true", "YES", "On", "1", "'true'"])
      expect(read(`enabled = ${yes}`)?.enabled).toBe(true);
    for (const no of ["False", "no", "OFF", "0", '"no"'])
      expect(read(`enabled = ${no}`)?.enabled).toBe(false);
    expect(read("stop_signal = SigKill")?.stopSignal).toBe("SIGKILL");
    expect(read("watchdog = off")?.watchdog).toBeUndefined();
    expect(read("depends_on = gps,, gps ,audio")?.dependsOn).toEqual(["gps", "audio"]);
    expect(read("cwd = .")?.cwd).toBe("/rack/modules/camera");
    expect(read("cwd = /srv/my data # c")?.cwd).toBe("/srv/my data");
    expect(read("env.__proto__ = x")?.env).toEqual(Object.fromEntries([["__proto__", "x"]]));
  });

  test("of nonsense without end is told a hundred times, soon", () => {
    const begun = performance.now();
    expect(parse("x\n".repeat(500_000)).problems).toHaveLength(101);
    expect(parse(`${" ".repeat(1 << 20)}x`).problems).toHaveLength(2);
    expect(parse(`command = ${" x".repeat(1 << 19)}`).config?.command).toHaveLength(1 << 19);
    expect(parse(`env.X = a${" ".repeat(1 << 20)}b\n${"y".repeat(1 << 20)} = 1`).problems).toHaveLength(2);
    expect(performance.now() - begun).toBeLessThan(3000);
    expect(parse(`${"y".repeat(1000)} = x`).problems[0]?.text).toMatch(/^there is no key '\P{Cc}{60}…'$/u);
    const long = `env.${"y".repeat(1000)} = 'x\n`;
    for (const { text } of parse(long + long).problems) expect(text.length).toBeLessThan(150);
  });

  test.each([
    "env.PASSWORD hunter2",
    "env.PASSWORD:hunter2",
    "env.PASSWORD: hunter2=",
    "env.PASSWORD:hunter2==",
    "env.PASSWORD-> hunter2 = x",
    "env.PASSWORD\thunter2",
    'env.PASSWORD"hunter2"',
    "env.PASSWORD\u00a0hunter2",
    "env.PASSWORD = 'hunter2",
    "env.PASSWORD = hunter2\0",
    "env.PASSWORD = 'hunter2' 'hunter2'",
    "env.A B = hunter2",
    "env.1 = hunter2",
    "env.STINT_X = hunter2",
    "PASSWORD=hunter2",
    "export PASSWORD=hunter2",
    "hunter2",
    "hunter2/x= = 1",
    "postgres://me:hunter2@host/db?x=1",
    "command run --password hunter2",
    "command: run --password hunter2",
    "command = run 'hunter2",
    "command = run hunter2\\",
    "command = PASSWORD=hunter2 run",
    "env.PASSWORD = hunter2\nenv.PASSWORD = hunter2",
    "command = run\ncommand = run hunter2",
  ])("keeps what may be a secret out of its problems: %j", (text) => {
    const { problems } = parse(`${text}\n`);
    expect(problems.length).toBeGreaterThan(0);
    expect(JSON.stringify(problems)).not.toContain("hunter2");
  });

  test("keeps values of variables and the command out of its problems, whatever is wrong", () => {
    const key = fc.constantFrom("env.TOKEN", "env.1", "command", "env.STINT_X", "env.");
    const between = fc.constantFrom("", " ", ":", ": ", "=", " = ", " = '", ' = "', " = \\", " == ", "\t");
    const around = fc.string({ unit: fc.constantFrom(" ", "'", '"', "\\", "=", "#", "\0", ":", "\r") });
    fc.assert(
      fc.property(fc.array(fc.tuple(key, between, around, around)), (lines) => {
        const text = lines.map(
          ([key, between, before, after]) => `${key}${between}${before}~S3CR3T~${after}`,
        );
        expect(JSON.stringify(parse(text.join("\n")).problems)).not.toContain("S3CR3T");
      }),
    );
  });

  test("whose command begins with a variable is told where that belongs", () => {
    expect(parse("command = LANG=C run").problems).toEqual([
      { line: 1, text: "command: it begins with a variable, not a program", hint: "env.LANG = … sets it" },
    ]);
    expect(command("./a=b x=y")).toEqual(["./a=b", "x=y"]);
  });

  test.each([
    ["enabled = no\nnonsense", false],
    ["nonsense\nenabled = yes", true],
    ["nonsense", true],
    ["", true],
    ["enabled = perhaps\nenabled = no", undefined],
    ["enabled", true],
    [`${"x\n".repeat(200)}enabled = no`, undefined],
    [`enabled = no\n${"x\n".repeat(200)}`, false],
  ])("that is wrong still says whether its module is wanted: %#", (text, enabled) => {
    const { config, ...rest } = parse(text);
    expect([config, rest.enabled]).toEqual([undefined, enabled]);
  });

  test("is read whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const { config, problems } = parse(text);
        expect(config === undefined).toBe(problems.length > 0);
      }),
    );
  });
});

describe("a command", () => {
  test.each([
    ["a  b\tc ", ["a", "b", "c"]],
    [`"a b" 'c d' e\\ f`, ["a b", "c d", "e f"]],
    [`a"b"'c'\\d`, ["abcd"]],
    [`x "" ''`, ["x", "", ""]],
    [`x "say \\"hi\\" \\$5 \\\\ \\n" 'a\\'`, ["x", 'say "hi" $5 \\ \\n', "a\\"]],
    [`x '"' "'"`, ["x", '"', "'"]],
    ["x a#b '#' \\# # comment 'not a quote", ["x", "a#b", "#", "#"]],
    ["x $HOME ~ *.ts `id` > out", ["x", "$HOME", "~", "*.ts", "`id`", ">", "out"]],
    ["prüfe 'Ä 📷'", ["prüfe", "Ä 📷"]],
  ])("%s is split as a shell does, and nothing expanded", (text, words) => {
    expect(command(text)).toEqual(words);
  });

  test.each([
    ["a 'b", "command: the quote ' doesn't end"],
    ['a "b\\"', "command: the quote \" doesn't end"],
    ["a \\", "command: nothing follows the backslash"],
    ["", "command: there is no program"],
    ["'' x", "command: there is no program"],
    ["# x", "command: there is no program"],
  ])("%s is refused", (text, words) => {
    expect(parse(`command = ${text}`).problems.map(({ text }) => text)).toEqual([words]);
  });

  test("in quotes comes back as it was", () => {
    const word = fc.string({ unit: "grapheme" }).filter((text) => !/\p{Cc}/u.test(text));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), (args) => {
        const single = args.map((arg) => `'${arg.replaceAll("'", `'\\''`)}'`).join(" ");
        const double = args.map((arg) => `"${arg.replace(/[$`"\\]/g, "\\$&")}"`).join(" ");
        expect(command(`x ${single}`)).toEqual(["x", ...args]);
        expect(command(`x ${double}`)).toEqual(["x", ...args]);
      }),
    );
  });
});

describe("writing enabled back", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const set = (text: string, enabled: boolean) =>
    new TextDecoder("utf-8", { ignoreBOM: true }).decode(setEnabled(bytes(text), enabled));

  test.each([
    ["enabled = true\n", "enabled = false\n"],
    ["\tenabled\t=  YES   # why\r\ncommand = x\r\n", "\tenabled\t=  NO   # why\r\ncommand = x\r\n"],
    ["\ufeffenabled=On", "\ufeffenabled=Off"],
    ['a\nenabled = "1" # 2\nb', 'a\nenabled = "0" # 2\nb'],
    ["enabled = tRUE", "enabled = false"],
    ["# enabled = true\ncommand = x\n", "# enabled = true\ncommand = x\nenabled = false\n"],
    ["command = x\r\nrestart = no", "command = x\r\nrestart = no\r\nenabled = false\r\n"],
    ["", "enabled = false\n"],
    ["enabled = # later\n", "enabled = false # later\n"],
    ["enabled =\n", "enabled = false\n"],
    ["enabled = perhaps # later\n", "enabled = false # later\n"],
    ["enabled = 'true\n", "enabled = false\n"],
  ])("%j becomes %j", (text, becomes) => {
    expect(set(text, false)).toBe(becomes);
  });

  test("a file that says so already is the very same", () => {
    for (const text of ["enabled = Yes # x", "command = x", ""]) {
      const file = bytes(text);
      expect(setEnabled(file, true)).toBe(file);
    }
  });

  /** Lines that parse, with all the ways in which a line may be spaced and end. */
  const blank = fc.string({ unit: fc.constantFrom(" ", "\t"), maxLength: 3 });
  const yesNo = fc.constantFrom("true", "FALSE", "yes", "No", "on", "Off", "1", "0", "tRuE");
  const word = fc.tuple(fc.constantFrom("", "'", '"'), yesNo).map(([quote, word]) => quote + word + quote);
  const comment = fc
    .tuple(fc.constantFrom(" ", "\t"), fc.string({ unit: "grapheme" }))
    .map(([blank, text]) => `${blank}#${text.replace(/\p{Cc}/gu, "")}`);
  const enabledLine = fc
    .tuple(blank, blank, blank, word, blank, fc.option(comment, { nil: "" }))
    .map(([a, b, c, word, d, comment]) => ({ before: `${a}enabled${b}=${c}`, word, after: d + comment }));
  const other = fc.constantFrom(
    "",
    "  ",
    "# enabled = no",
    "cwd = enabled = no",
    "env.A = 'ä' # ö",
    "\trestart=no",
  );
  const file = fc
    .record({
      bom: fc.constantFrom("", "\ufeff"),
      newline: fc.constantFrom("\n", "\r\n"),
      before: fc.uniqueArray(other),
      enabled: fc.option(enabledLine, { nil: undefined }),
      end: fc.boolean(),
    })
    .map(({ bom, newline, before, enabled, end }) => {
      const lines = [...before, "command = x"].map((line) => line + newline).join("");
      const head = bom + lines + (enabled?.before ?? "");
      return { head, word: enabled?.word, tail: enabled ? enabled.after + (end ? newline : "") : "" };
    });

  test("what was written is what is read, whatever the file, and only the value's bytes differ", () => {
    fc.assert(
      fc.property(file, fc.boolean(), ({ head, word, tail }, enabled) => {
        const text = head + (word ?? "") + tail;
        expect(parse(text).problems).toEqual([]);
        const changed = set(text, enabled);
        expect(parse(changed).config?.enabled).toBe(enabled);
        expect(changed).toStartWith(head);
        if (word !== undefined) expect(changed).toEndWith(tail);
        expect(set(changed, enabled)).toBe(changed);
      }),
    );
  });

  test("there and back again is the file as it was, in its own words", () => {
    const proper = fc.constantFrom("true", "NO", "Yes", "off", "On", "1", "0", "FALSE");
    fc.assert(
      fc.property(file, proper, ({ head, tail }, word) => {
        if (!/enabled[ \t]*=[ \t]*$/.test(head)) return;
        const text = head + word + tail;
        const said = parse(text).config?.enabled === true;
        expect(set(set(text, !said), said)).toBe(text);
      }),
    );
  });

  test("bytes that aren't UTF-8 stay as they are", () => {
    const any = fc.uint8Array();
    const noise = any.map((bytes) => bytes.filter((byte) => byte !== 10));
    fc.assert(
      fc.property(noise, noise, (comment, rest) => {
        const before = [...bytes("# "), ...comment, ...bytes("\nenabled = ")];
        const after = [...bytes(" # "), ...comment, ...bytes("\n# "), ...rest];
        const file = Uint8Array.from([...before, ...bytes("on"), ...after]);
        expect([...setEnabled(file, false)]).toEqual([...before, ...bytes("off"), ...after]);
      }),
    );
    fc.assert(
      fc.property(any, fc.boolean(), (file, enabled) => {
        const changed = setEnabled(file, enabled);
        expect(setEnabled(changed, enabled)).toBe(changed);
      }),
    );
  });
});
