import { lines, Wrong } from "../../../kernel/exchange.ts";
import { isPomodoro, readPomodoro, roundedUp, writePomodoro } from "../../core/openpomodoro.ts";
import type { Format } from "./format.ts";

/** `~/.pomodoro/history`, see core/openpomodoro.ts. */
export const openpomodoro: Format = {
  holds: isPomodoro,
  *write(rows) {
    for (const row of rows) yield `${writePomodoro(row)}\n`;
  },
  *read(text) {
    for (const [line, each] of lines(text)) {
      const fields = readPomodoro(each);
      if (typeof fields === "string") throw new Wrong(line, fields);
      yield { line, fields, exact: false, roundedUp: roundedUp(fields) };
    }
  },
};
