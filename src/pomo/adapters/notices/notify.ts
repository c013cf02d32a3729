import type { Log } from "../../../kernel/log.ts";
import { notifier } from "../../../kernel/notify.ts";
import { awayNotice, noticeOf } from "../../core/notices.ts";
import type { Teller } from "./notices.ts";

/** Shows notifications of starts and ends on the desktop, each session's in the place of its last one. */
export function notifications(log: Log): Teller {
  const desktop = notifier(log);
  return {
    tell(event, at) {
      const notice = noticeOf(event, at);
      if (notice) desktop.show(notice, at.session_id ?? "");
    },
    tellAway(at) {
      const notice = awayNotice(at);
      if (notice) desktop.show(notice, at.session_id ?? "");
    },
    [Symbol.asyncDispose]: () => desktop[Symbol.asyncDispose](),
  };
}
