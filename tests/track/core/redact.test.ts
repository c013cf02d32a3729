import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type TitleSettings, titleRules } from "../../../src/track/core/redact.ts";
import type { Window } from "../../../src/track/core/window.ts";

const window = (app: string, title: string, process: string | null = app): Window => ({
  app,
  title,
  pid: 4711,
  process,
});
const keep = (redact: Partial<TitleSettings["redact"][number]>[] = []): TitleSettings => ({
  titles: "keep",
  redact: redact.map((rule) => ({ app: ".*", title: ".*", with: "", ...rule })),
});
const judge = titleRules(keep());

describe("a private window", () => {
  test.each([
    ["firefox", "My bank — Mozilla Firefox Private Browsing"],
    ["firefox", "Mozilla Firefox Private Browsing"],
    ["firefox-esr", "My bank - Mozilla Firefox (Private Browsing)"],
    ["navigator", "Meine Bank — Mozilla Firefox (Privater Modus)"],
    ["firefox", "Ma banque — Mozilla Firefox (navigation privée)"],
    ["org.mozilla.firefox", "Meu banco — Navegação privativa do Mozilla Firefox"],
    ["firefox", "O meu banco — Navegação Privada Mozilla Firefox"],
    ["firefox", "Mijn bank — Mozilla Firefox-privénavigatie"],
    ["firefox", "銀行 — Mozilla Firefox 隱私瀏覽"],
    ["firefox", "銀行 - Mozilla Firefox (사생활 보호 모드)"],
    ["firefox-nightly", "x — Work — Firefox Nightly Private Browsing"],
    ["firefoxdeveloperedition", "x — Firefox Developer Edition (Private Browsing)"],
    ["librewolf", "x — LibreWolf Private Browsing"],
    ["firefox", "My bank — Private Browsing"],
    ["google-chrome", "My bank - Google Chrome (Incognito)"],
    ["google chrome", "Ma banque - Google Chrome (Navigation privée)"],
    ["chromium", "My bank - Chromium (Incognito)"],
    ["brave-browser", "My bank - Brave (Private)"],
    ["brave browser", "My bank - Brave (Private with Tor)"],
    ["microsoft-edge", "My bank - [InPrivate] - Microsoft Edge"],
    ["microsoft-edge", "My bank and 2 more pages - [InPrivate] - Microsoft\u200b Edge"],
    ["microsoft edge", "My bank - Microsoft Edge (InPrivate)"],
    ["vivaldi-stable", "My bank - Vivaldi (Private)"],
    ["safari", "My bank, Private Browsing"],
    ["falkon", "My bank - Falkon (Private Browsing)"],
    ["tor browser", "Any page at all"],
    ["mullvad browser", "Any page at all"],
    ["keepassxc", "Passwords.kdbx - KeePassXC"],
    ["bitwarden", "Bitwarden"],
    ["org.gnome.seahorse.application", "Passwords and Keys"],
  ])("of %s is recognised by '%s', and its title isn't kept", (app, title) => {
    expect(judge(window(app, title))).toEqual({ app, title: null, pid: 4711, process: app, private: true });
  });

  test("is recognised by its process where the window says nothing of its program", () => {
    const seen = window("navigator", "x — Mozilla Firefox Private Browsing", "firefox-esr");
    expect(judge(seen).private).toBe(true);
    expect(judge(window("", "Passwords - KeePassXC", "keepassxc")).private).toBe(true);
  });

  test("can't be hidden behind a page's long title, or by the user's rules", () => {
    const title = `${"a — Mozilla Firefox ".repeat(500)} — Mozilla Firefox Private Browsing`;
    expect(judge(window("firefox", title)).private).toBe(true);
    const shown = titleRules(keep([{ app: "firefox", with: "browsing" }]));
    expect(shown(window("firefox", title))).toMatchObject({ title: null, private: true });
    const dropped = titleRules({ titles: "drop", redact: [] });
    expect(dropped(window("firefox", title))).toMatchObject({ title: null, private: true });
  });

  test("whatever a page is called, its private window in Firefox is recognised", () => {
    const titles = fc.oneof(fc.string(), fc.stringMatching(/^[-—– Mozilla Firefox()]*$/));
    fc.assert(
      fc.property(titles, (page) => {
        const shown = judge(window("firefox", `${page} — Mozilla Firefox Private Browsing`));
        expect(shown).toMatchObject({ title: null, private: true });
      }),
    );
  });
});

describe("any other window", () => {
  test.each([
    ["firefox", "How private browsing works — Mozilla Firefox"],
    ["firefox", "What's new in Firefox 150 — Mozilla Firefox"],
    ["firefox", "Mozilla Firefox (Private Browsing) explained — Work — Mozilla Firefox"],
    ["firefox-esr", "Mozilla Firefox ESR"],
    ["firefox-nightly", "x — Firefox Nightly"],
    ["icecat", "x — GNU IceCat"],
    ["chromium", "My page - Chromium"],
    ["google-chrome", "Functions (Incognito) - Google Chrome"],
    ["google chrome", "x - Google Chrome – Ann (work)"],
    ["microsoft-edge", "InPrivate or not? - Profile 1 - Microsoft\u200b Edge"],
    ["code", "notes.md - Mozilla Firefox Private Browsing - Visual Studio Code"],
    ["xterm", "vim Firefox Private Browsing"],
    ["keepassxc", "Passwords.kdbx [Locked] - KeePassXC"],
    ["editor", "tor browser.txt"],
  ])("of %s keeps its title '%s'", (app, title) => {
    expect(judge(window(app, title))).toEqual({ app, title, pid: 4711, process: app, private: false });
  });
});

describe("the user's rules", () => {
  test("replace titles of the apps that fit, upper or lower case, and drop them without a replacement", () => {
    const rules = titleRules(
      keep([
        { app: "^slack$", title: "^salary", with: "pay" },
        { app: "SLACK", with: "chat" },
        { title: "secret" },
      ]),
    );
    expect(rules(window("slack", "Salary of Ann")).title).toBe("pay");
    expect(rules(window("slack", "#general")).title).toBe("chat");
    expect(rules(window("code", "my SECRET plan")).title).toBeNull();
    expect(rules(window("code", "my plan")).title).toBe("my plan");
  });

  test("may drop all titles", () => {
    const rules = titleRules({ titles: "drop", redact: [{ app: "x", title: ".*", with: "shown" }] });
    expect(rules(window("x", "title"))).toEqual({
      app: "x",
      title: null,
      pid: 4711,
      process: "x",
      private: false,
    });
  });

  test("see what is kept: a title is cut to 1,000 characters, none of them by half", () => {
    const kept = judge(window("code", "😀".repeat(600))).title ?? "";
    expect(kept).toBe("😀".repeat(500));
    expect(judge(window("code", `x${"😀".repeat(600)}`)).title).toBe(`x${"😀".repeat(499)}`);
  });
});
