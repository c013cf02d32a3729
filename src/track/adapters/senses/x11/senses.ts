import type { Senses } from "../sense.ts";
import { keyboard } from "./keyboard.ts";
import { mouse } from "./mouse.ts";
import { presence } from "./presence.ts";
import { screen } from "./screen.ts";
import { windows } from "./windows.ts";

/** What an X server offers, each over connections of its own. @param display its name, as DISPLAY has it */
export const x11Senses = (display: string): Senses => ({
  keyboard: { via: "x11", open: keyboard(display) },
  mouse: { via: "x11", open: mouse(display) },
  presence: { via: "x11", open: presence(display) },
  windows: { via: "x11", open: windows(display) },
  screen: { via: "x11", open: screen(display) },
});
