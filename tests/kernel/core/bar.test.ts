import { describe, expect, test } from "bun:test";
import {
  type Bar,
  FORMATS,
  fieldsOf,
  format,
  formatProblem,
  type Reading,
  shortTitle,
} from "../../../src/kernel/core/bar.ts";

type Walk = { title: string; km: number | null };
type Line = Walk & { today: { km: number } };
const line = (walk: Walk): Line => ({ ...walk, today: { km: 12 } });

/** Walks as a bar would show them; one without a title is over. */
const bar: Bar<Walk> = {
  read: ({ title, km }) => ({
    text: title && `${km} km ${shortTitle(title)}`,
    short: `${km} km`,
    mood: "walking",
    colour: "cyan",
    tooltip: [title, "", `${km} of 5`],
    percentage: 40,
  }),
  fields: {
    far: ({ km }) => (km === null ? null : `${km} km`),
    ...fieldsOf({ title: true, km: true }, line),
    ...fieldsOf<Walk>({ km: true }, (walk) => line(walk).today, "today."),
  },
  example: "{far} {title}",
};
const shown = (name: string, title: string, km: number | null = 2) => format(name, bar, { title, km });
const NASTY = `</span><b>R&D "x" 'y' #(reboot) %{A1:reboot:}\n\x1b]0;x\x07\u2028\u202e\ud800`;

describe("named formats", () => {
  test("waybar: one line of JSON with the five fields that it reads", () => {
    expect(JSON.parse(shown("waybar", "home"))).toEqual({
      text: "2 km home",
      alt: "walking",
      tooltip: "home\n2 of 5",
      class: "walking",
      percentage: 40,
    });
    const endless: Bar<Walk> = {
      ...bar,
      read(walk) {
        const { percentage: _, ...rest } = bar.read(walk);
        return rest;
      },
    };
    expect(JSON.parse(format("waybar", endless, { title: "", km: 0 }))).not.toHaveProperty("percentage");
  });

  test("tmux and polybar: in a colour that is reset; i3blocks: the text, a short one, the colour", () => {
    expect(shown("tmux", "home")).toBe("#[fg=cyan]2 km home#[default]");
    expect(shown("polybar", "home")).toBe("%{F#5fafaf}2 km home%{F-}");
    expect(shown("i3blocks", "home")).toBe("2 km home\n2 km\n#5fafaf");
  });

  test("each colour has a name and a number", () => {
    const colours: Reading["colour"][] = ["green", "cyan", "yellow", "grey"];
    const said = colours.map((colour) => {
      const coloured = { ...bar, read: (walk: Walk) => ({ ...bar.read(walk), colour }) };
      return (
        format("tmux", coloured, { title: "a", km: 1 }) + format("polybar", coloured, { title: "a", km: 1 })
      );
    });
    expect(new Set(said).size).toBe(4);
    expect(said[3]).toStartWith("#[fg=colour245]");
  });

  test("what has no text is hidden", () => {
    expect(["tmux", "polybar", "i3blocks"].map((name) => shown(name, ""))).toEqual(["", "", ""]);
    expect(JSON.parse(shown("waybar", ""))).toMatchObject({ text: "", class: "walking" });
  });

  test("a title can't be markup, a style, an action or a line of its own", () => {
    const { text, tooltip } = JSON.parse(shown("waybar", NASTY)) as Record<string, string>;
    expect(`${text}${tooltip}`).not.toMatch(/[<>"']|&(?!(amp|lt|gt|quot|#39);)/);
    expect(tooltip?.split("\n")).toHaveLength(2);
    expect(shown("tmux", "#[bg=red]#(reboot) c#")).toBe("#[fg=cyan]2 km ##[bg=red]##(reboot) c###[default]");
    const actions = shown("polybar", "%{A1:reboot:}x%{A} %%{B#f00}").match(/%\{[^}]*\}/g);
    expect(actions).toEqual(["%{F#5fafaf}", "%{F-}"]);
    expect(shown("i3blocks", "one\ntwo\r\nthree").split("\n")).toHaveLength(3);
    for (const name of ["{title}", "tmux", "polybar"]) {
      expect(shown(name, NASTY)).not.toMatch(/[\p{Cc}\u2028-\u202e\ud800]/u);
    }
  });
});

describe("templates", () => {
  test("fields by their names, doubled braces as braces, and nothing for what there isn't", () => {
    expect(shown("{far} {title} {km}/{today.km}", "home")).toBe("2 km home 2/12");
    expect(shown("{{{title}}} {{title}}", "a")).toBe("{a} {title}");
    expect(shown("[{far}{km}]", "a", null)).toBe("[]");
  });

  test("a title with a field in it isn't filled in", () => {
    expect(shown("{title}", "{km} $& $1")).toBe("{km} $& $1");
  });

  test("a long title is cut where space is short, and whole where it was asked for", () => {
    const title = "🍅".repeat(60);
    expect(shown("{title}", title)).toBe(title);
    expect(shortTitle(title)).toBe(`${"🍅".repeat(39)}…`);
    expect(shortTitle("🍅".repeat(40))).toBe("🍅".repeat(40));
  });
});

describe("formats that there aren't", () => {
  test.each(["Waybar", "json", "", "title", "%s"])("'%s' is refused with those there are", (name) => {
    expect(formatProblem(name, bar)).toEqual({
      refused: `there is no format '${name}'`,
      hint: `${FORMATS.join(", ")}, or a template: '{far} {title}'`,
    });
  });

  test("an unknown field is refused by its name, with those there are", () => {
    expect(formatProblem("{far} {tilte}", bar)).toEqual({
      refused: "there is no field {tilte}",
      hint: "the fields are far, title, km, today.km",
    });
    expect(formatProblem("{constructor}", bar)?.refused).toBe("there is no field {constructor}");
  });

  test.each(["{", "}", "{far", "a } b", "{Far}", "{}", "{{}"])("a brace that is no field's: %s", (text) => {
    expect(formatProblem(text, bar)?.refused).toContain("too many");
  });

  test.each([...FORMATS, "{far}", "{{", "{{{far}}}", "{far}\n{title}"])("'%s' is fine", (text) => {
    expect(formatProblem(text, bar)).toBeUndefined();
  });
});
