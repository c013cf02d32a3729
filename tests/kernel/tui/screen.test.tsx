import { afterEach, describe, expect, test } from "bun:test";
import { Text } from "ink";
import { Field, Progress } from "../../../src/kernel/tui/components.tsx";
import type { Binding, Keymap } from "../../../src/kernel/tui/keys.ts";
import { Screen, type ScreenProps, useBody } from "../../../src/kernel/tui/screen.tsx";
import { sessionTone } from "../../../src/kernel/tui/theme.ts";
import { closeTerminals, terminal } from "./memory.ts";

afterEach(closeTerminals);

const leave: Binding = { keys: ["q"], label: "leave", help: "Leave the screen", run: () => {} };

function Room() {
  const { width, height } = useBody();
  return <Text>{`body ${width}×${height}`}</Text>;
}

const screen = (props: Partial<ScreenProps> = {}) => (
  <Screen title="stint test" status={{ word: "running", tone: "running" }} keymap={[leave]} {...props}>
    {props.children ?? <Room />}
  </Screen>
);

describe("the frame", () => {
  test("fills the terminal: title and status, body, message, key bar", () => {
    const t = terminal(80, 24);
    t.open(
      screen({
        status: { word: "paused", tone: "waiting", notes: ["acme", "14:05"] },
        message: { text: "restored from 13:52" },
      }),
    );
    const rows = t.rows();
    expect(rows).toHaveLength(24);
    expect(rows[0]).toMatch(/^ stint test {40,}paused · acme · 14:05$/);
    expect(rows[0]).toHaveLength(79);
    expect(rows[1]).toBe(" body 78×21");
    expect(rows[22]).toBe(" restored from 13:52");
    expect(rows[23]).toBe(" ? help   q leave");
  });
  test("cuts the title before the status, and a body that is too high", () => {
    const t = terminal(60, 16);
    t.open(
      screen({
        title: `stint ${"title ".repeat(20)}`,
        status: { word: "running", tone: "running", notes: ["default"] },
        children: Array.from({ length: 30 }, (_, i) => <Text key={String(i)}>{`row ${i}`}</Text>),
      }),
    );
    const rows = t.rows();
    expect(rows).toHaveLength(16);
    expect(rows[0]).toMatch(/^ stint title .*… running · default$/);
    expect(rows[13]).toBe(" row 12");
    expect(rows[15]).toBe(" ? help   q leave");
  });
  test("says so in a terminal that is too small, where keys still work", async () => {
    let left = 0;
    const t = terminal(59, 16);
    t.open(screen({ keymap: [{ ...leave, run: () => left++ }] }));
    expect(t.rows()[0]).toBe("too small (60×16 needed, now 59×16)");
    expect(t.rows().join("\n").trim()).not.toContain("\n");
    await t.press("q");
    expect(left).toBe(1);
  });
  test("shows what matters most in one that is too small, and the line that is typed", async () => {
    const shown = (columns: number, rows: number) => {
      const t = terminal(columns, rows);
      const name: Binding = {
        ...leave,
        keys: ["n"],
        run: (ask) => ask({ label: "name", done: () => {} }),
      };
      t.open(screen({ small: "WORK 24:31 write the report", keymap: [name, leave] }));
      return t;
    };
    expect(shown(59, 16).rows().slice(0, 2)).toEqual([
      "WORK 24:31 write the report",
      "too small (60×16 needed, now 59×16)",
    ]);
    const narrow = shown(12, 2);
    expect(narrow.rows()).toEqual(["WORK 24:31 …", "too small (…"]);
    await narrow.press("n", "a", "b");
    expect(narrow.rows()).toEqual(["WORK 24:31 …", "name: ab▏"]);
    const one = shown(40, 1);
    expect(one.rows()).toEqual(["WORK 24:31 write the report"]);
    await one.press("n", "a");
    expect(one.rows()).toEqual(["name: a▏"]);
  });
  test("takes each key of a burst, and Ctrl+C as the way out", async () => {
    const pressed: string[] = [];
    const key = (name: string): Binding => ({ ...leave, keys: [name], run: () => pressed.push(name) });
    const t = terminal(80, 24);
    t.open(screen({ keymap: [key("j"), key("ctrl+r"), key("q")] }));
    await t.press("jjzj", "\x12", "\x03");
    expect(pressed).toEqual(["j", "j", "j", "ctrl+r", "q"]);
  });
});

describe("the help", () => {
  const many: Keymap = [
    ...Array.from({ length: 26 }, (_, i): Binding => {
      const name = String.fromCharCode(65 + i);
      return { keys: [name], label: name, help: `Help of ${name}`, run: () => {}, bar: false };
    }),
    leave,
  ];
  const page = (rows: string[]) => rows.slice(2, 14).map((row) => row.trim());

  test("scrolls when it has more lines than the screen", async () => {
    const t = terminal(60, 16);
    t.open(screen({ keymap: many }));
    await t.press("?");
    expect(page(t.rows())[0]).toBe("A  Help of A");
    expect(t.rows()[15]).toBe(" esc close help   ↓ more   q leave");
    await t.press("k", "j", "\x1b[B");
    expect(page(t.rows())[0]).toBe("C  Help of C");
    expect(t.rows()[15]).toBe(" esc close help   ↓ more   ↑ back   q leave");
    await t.press("j".repeat(40));
    expect(page(t.rows()).at(-1)).toBe("q  Leave the screen");
    await t.press("\x1b[A");
    expect(page(t.rows()).at(-1)).toBe("?  Show this help");
  });
  test("keeps the screen's keys from acting unseen, except the way out", async () => {
    const pressed: string[] = [];
    const stop: Binding = { ...leave, keys: ["x"], label: "stop", run: () => pressed.push("stop") };
    const out: Binding = { ...leave, keys: ["q", "esc"], run: () => pressed.push("leave") };
    const t = terminal(80, 24);
    t.open(screen({ keymap: [stop, out] }));
    await t.press("?x");
    expect(pressed).toEqual([]);
    // Leaving may ask something: the help is closed for it.
    await t.press("q", "x");
    expect(pressed).toEqual(["leave", "stop"]);
  });
});

describe("a line to type", () => {
  /** A screen whose `n` asks for a name, and what was answered. */
  function asking(initial?: string) {
    const answers: (string | undefined)[] = [];
    const pressed: string[] = [];
    const name: Binding = {
      ...leave,
      keys: ["n"],
      label: "name",
      run: (ask) => {
        ask({
          label: "name",
          ...(initial === undefined ? {} : { initial }),
          done: (text) => answers.push(text),
        });
      },
    };
    const stop: Binding = { ...leave, keys: ["x"], run: () => pressed.push("stop") };
    const out: Binding = { ...leave, run: () => pressed.push("leave") };
    const t = terminal(60, 16);
    t.open(screen({ keymap: [name, stop, out], message: { text: "restored from 13:52" } }));
    return { ...t, answers, pressed, message: () => t.rows()[14], bar: () => t.rows()[15] };
  }

  test("stands in place of the message, and enter answers with it", async () => {
    const t = asking();
    expect(t.message()).toBe(" restored from 13:52");
    await t.press("n");
    expect(t.message()).toBe(" name: ▏");
    expect(t.bar()).toBe(" enter ok   esc cancel   ^c leave");
    await t.press("a", " ü", "端");
    expect(t.message()).toBe(" name: a ü端▏");
    await t.press("\r");
    expect(t.answers).toEqual(["a ü端"]);
    expect(t.message()).toBe(" restored from 13:52");
  });
  test("lets no other key act but Ctrl+C", async () => {
    const t = asking();
    await t.press("n", "xq?n");
    expect(t.message()).toBe(" name: xq?n▏");
    await t.press("\x03");
    expect(t.pressed).toEqual(["leave"]);
    await t.press("\x12", "\x1bx", "\t", "\x1b[A");
    expect(t.message()).toBe(" name: xq?n▏");
    expect(t.answers).toEqual([]);
  });
  test("takes what is typed faster than it is drawn", async () => {
    const t = asking();
    await t.press("nab\rx");
    expect(t.answers).toEqual(["ab"]);
    expect(t.pressed).toEqual(["stop"]);
  });
  test("can be changed where the cursor is", async () => {
    const t = asking("one two");
    await t.press("n");
    expect(t.message()).toBe(" name: one two▏");
    await t.press("\x7f", "\x7f", "\x1b[D", "!");
    expect(t.message()).toBe(" name: one !▏t");
    await t.press("\x15", "\x1b[C", "\x1b[C", "o");
    expect(t.message()).toBe(" name: to▏");
  });
  test("takes pasted text as one row, without what a terminal would obey", async () => {
    const t = asking();
    await t.press("n", "\x1b[200~one\r\ntwo\tthree\x07\n\x1b[201~");
    expect(t.message()).toBe(" name: one two three ▏");
    expect(t.answers).toEqual([]);
    await t.press("\r", "\x1b[200~x\x1b[201~");
    expect(t.answers).toEqual(["one two three "]);
    expect(t.pressed).toEqual([]);
  });
});

describe("the rows every screen uses", () => {
  test("are cut to the body", () => {
    const t = terminal(60, 16);
    t.open(
      screen({
        children: [
          <Field key="1" label="position" value={`long ${"8,583 ".repeat(20)}`} />,
          <Field key="2" label="equity" labelWidth={12} value="11,204.53" tone="running" />,
          <Progress key="3" fraction={0.5} text="612,331 of 1,000,000" />,
          <Progress key="4" fraction={1} text={"words ".repeat(20)} />,
        ],
      }),
    );
    const rows = t.rows();
    expect(rows[1]).toMatch(/^ position long 8,583 .*…$/);
    expect(rows[1]).toHaveLength(59);
    expect(rows[2]).toBe(" equity      11,204.53");
    expect(rows[3]).toBe(` ${"━".repeat(18)}${"─".repeat(18)}  612,331 of 1,000,000`);
    expect(rows[4]).toMatch(/^ {3}words .*…$/);
    expect(rows[5]).toBe("");
  });
});

test("a session's state has a tone, an unknown word none", () => {
  expect(sessionTone("running")).toBe("running");
  expect(sessionTone("paused")).toBe("waiting");
  expect(sessionTone("crashed")).toBe("failed");
  expect(sessionTone("nonsense")).toBe("plain");
});
