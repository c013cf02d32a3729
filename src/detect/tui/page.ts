import type { ReactNode } from "react";
import type { Leaving } from "../../kernel/attach.ts";
import type { Control, State } from "../../kernel/control.ts";
import type { Ask } from "../../kernel/tui/entry.ts";
import type { Keymap } from "../../kernel/tui/keys.ts";
import type { Tone } from "../../kernel/tui/theme.ts";
import type { Edit } from "../core/edit.ts";
import type { Picture } from "../core/frame.ts";
import type { Installation } from "../core/installation.ts";
import type { DetectView } from "../core/view.ts";

/** What the screen's pages share. */

/** What the screen is given. */
export type DetectScreenProps = Leaving & {
  control: Control;
  profile: string;
  /** The state as it is now. */
  first: State;
  /** A picture of a camera as it is now, about so many pixels wide; undefined while there is none. */
  picture(camera: string, width: number): Promise<Picture | undefined>;
  /** What is installed; the settings and teaching pages work on it. */
  installation(): Promise<Installation>;
  /** Changes the file: validated, saved atomically, applied live. Rejects with Expected: one line and a hint. */
  change(edit: Edit): Promise<Installation>;
  /** To begin on the teaching page of this camera. */
  teach?: string;
};

export type PageName = "detection" | "settings" | "teaching";

/** What is asked before it is done: `y` does it, `esc` leaves all as it is. */
export type Question = {
  readonly text: string;
  yes(): void;
  /** What `n` does; without it, nothing. */
  no?(): void;
};

/** What a page does and shows. */
export type Page = {
  /** What it works on, beside the command's name. */
  readonly title: string;
  /** Its keys are asked only while it is shown and nothing is asked. */
  readonly keymap: Keymap;
  readonly message?: Message | undefined;
  /** What has been asked of the session and isn't done yet, as it says so itself: `pausing`. */
  readonly pending?: string;
  readonly body: ReactNode;
};

/** A line that is typed. */
export type Typed = {
  readonly label: string;
  readonly initial?: string;
  /** Does what was typed. `false`: it was refused, and said why; then it is typed on. */
  take(text: string): boolean | Promise<boolean>;
};

export type Message = { readonly text: string; readonly tone: Tone };

/** What is installed, as it was read last. */
export type Installed = {
  current: Installation | undefined;
  /** Why it can't be read. */
  problem: string | undefined;
  /** Reads it anew; never rejects. */
  load(): Promise<void>;
  /** Changes it; what is refused is said, and changes nothing. @returns whether it was done */
  change(edit: Edit): Promise<boolean>;
};

/** What a page is given. */
export type Given = {
  readonly props: DetectScreenProps;
  readonly installed: Installed;
  /** Whether this is the page that is shown. */
  readonly isShown: boolean;
  /** The state as it was heard of last. */
  view(): DetectView;
  /** What there is to say of a host that isn't there: `host lost`. */
  gone(): string;
  /** ms since then. */
  passed(): number;
  /** Whether a host is alive that says so. */
  known(): boolean;
  /** The camera that is selected on all pages. */
  camera: { current: string | undefined };
  draw(): void;
  drawSoon(): void;
  /** Shows another page; one with unsaved changes asks first. @param then once it is shown */
  open(page: PageName, then?: () => void): void;
  /** Says what has come of what was asked for; nothing takes it back. */
  say(text: string | undefined, tone?: Tone): void;
  pose(question: Question): void;
  /** Has a line typed; until it is taken, keys do nothing else. */
  type(ask: Ask, typed: Typed): void;
  /** Asks the host; what goes wrong is said. @returns its answer, undefined where there is none */
  ask(name: string, args?: object, withinMs?: number): Promise<State | undefined>;
};
