import type { SeenWindow, Window } from "./window.ts";

/** What the user's configuration says of titles. Patterns are regular expressions, upper or lower case. */
export type TitleSettings = {
  /** `drop`: none is kept. */
  readonly titles: "keep" | "drop";
  /** Where both fit, `with` is kept instead of the title; `''`: nothing. The first rule that fits counts. */
  readonly redact: readonly { readonly app: string; readonly title: string; readonly with: string }[];
};

/** A window after the rules. Of a private one no title is kept, and no picture may be taken while it is seen. */
export type Judged = SeenWindow & { readonly private: boolean };

export type TitleRules = (window: Window) => Judged;

/** Longer titles are cut before the user's rules see them: what is kept is what they saw. */
const MOST_CHARACTERS = 1_000;

/** A browser says that a window is private after the page's title, which can't push it out of sight: a title's end. */
const TAIL_CHARACTERS = 300;

/**
 * Firefox and its kin end a title in their name alone; in a private window with a few words about it, whatever the
 * language: `Mozilla Firefox Private Browsing`, `Mozilla Firefox (Privater Modus)`, `Navegação privativa do Mozilla
 * Firefox`. So any words there will do.
 */
const MOZILLA = "(?:Firefox|LibreWolf|Waterfox|Floorp|Zen Browser|IceCat)";
const ALONE = `(?:Mozilla |GNU )?${MOZILLA}(?: (?:ESR|Beta|Nightly|Developer Edition))?$`;
const DASH = "\\s[—–-]\\s";

/**
 * What is private whatever the user says. `app` is looked for in the program's name for itself and in that of its
 * process, both in lower case.
 *
 * - Firefox and its kin: in any language; on macOS, where their name isn't in the title, in English.
 * - Chrome, Chromium, Brave, Opera, Vivaldi: only where they put `(Incognito)` or the like after their name, as on
 *   macOS. On Linux they don't: Chromium 156 names an incognito window on X11 exactly like any other. There nothing can
 *   be told from a title; who uses such windows excludes the browser (`track.screenshot_exclude`) and drops its titles.
 * - Edge: `[InPrivate]`, in every language.
 * - Safari, Falkon: `Private Browsing`, in English.
 * - Tor Browser and Mullvad Browser: every window, since they have no other.
 * - Password managers and prompts for passwords: every window; of KeePassXC and its kin not one that says `[Locked]`.
 *
 * A page whose title ends like this is taken for private though it isn't; none can make a private window look like
 * another, since the browser has the last word. Programs that show pages within them, and browsers that aren't named
 * here, aren't recognised.
 */
const PRIVATE: readonly { readonly app: RegExp; readonly title: RegExp }[] = [
  {
    app: /firefox|librewolf|waterfox|floorp|\bzen\b|icecat|navigator/,
    title: new RegExp(`(?:^|${DASH})(?!${ALONE})(?!.*${DASH}).*${MOZILLA}`, "iu"),
  },
  {
    app: /chrom|brave|edge|opera|vivaldi/,
    title:
      /[—–-] (?:Google Chrome|Chrome|Chromium|Brave|Microsoft\u200b? Edge|Opera|Vivaldi)(?: \w+)? \([^()]+\)$/iu,
  },
  { app: /edge/, title: /(?:^|[—–-] )\[?InPrivate\]?(?: [—–-] |$)/iu },
  {
    app: /firefox|librewolf|waterfox|safari|falkon|brave|opera|vivaldi/,
    title: /[\s(](?:Private Browsing|Private Window|Private with Tor)\)?$/iu,
  },
  { app: /\b(?:tor|mullvad)[ -]?browser\b/, title: /^/ },
  { app: /keepass/, title: /^(?!.*\[Locked\])/iu },
  {
    app: /bitwarden|1password|enpass|nordpass|proton[ -]?pass|dashlane|lastpass|buttercup|seahorse|kwalletmanager|world\.secrets|pinentry|gcr-prompter|ksshaskpass|ssh-askpass/,
    title: /^/,
  },
];

function isPrivate({ app, process, title }: Window): boolean {
  const program = `${app} ${process ?? ""}`.toLowerCase();
  const end = title.slice(-TAIL_CHARACTERS).trim();
  return PRIVATE.some((rule) => rule.app.test(program) && rule.title.test(end));
}

/**
 * The rules by which a title is kept, replaced or dropped: first what is private, then the user's.
 * @throws SyntaxError for a pattern that is none
 */
export function titleRules({ titles, redact }: TitleSettings): TitleRules {
  const rules = redact.map((rule) => ({
    app: new RegExp(rule.app, "iu"),
    title: new RegExp(rule.title, "iu"),
    kept: rule.with === "" ? null : rule.with,
  }));
  return (window) => {
    const title = cut(window.title);
    const hidden = isPrivate(window);
    if (hidden || titles === "drop") return { ...window, title: null, private: hidden };
    const rule = rules.find((rule) => rule.app.test(window.app) && rule.title.test(title));
    return { ...window, title: rule ? rule.kept : title, private: false };
  };
}

/** In code units, without half a character at the end. */
const cut = (title: string): string =>
  title.length > MOST_CHARACTERS ? title.slice(0, MOST_CHARACTERS).replace(/[\ud800-\udbff]$/, "") : title;
