import { writeSync } from "node:fs";
import { isatty } from "node:tty";

/**
 * 1047 and not 1049, which also brings back a saved cursor position: on a terminal that never left its normal
 * screen that would send the cursor to the top left, over what stands there.
 */
const undo =
  "\x1b[?2026l" + // end a half-drawn frame, else nothing more shows
  "\x1b[?1047l" + // the normal screen
  "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l" + // no mouse reports
  "\x1b[?1004l" + // no focus reports
  "\x1b[?2004l" + // no bracketed paste
  "\x1b[?25h" + // the cursor
  "\x1b[0m"; // no colours

/**
 * Undoes on stdout what a full screen that was killed (kill -9, a native crash) left behind, and does nothing
 * when stdout isn't a terminal. For the next start, once it has found such a session. The terminal's line
 * discipline (raw mode) isn't touched: shells put theirs back at each prompt.
 */
export function resetTerminal(): void {
  if (!isatty(1)) return;
  try {
    writeSync(1, undo);
  } catch {
    // The terminal has gone: nothing is left to put right.
  }
}
