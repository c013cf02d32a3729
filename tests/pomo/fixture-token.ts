/** Waits for the name of a profile on stdin, and says the token of its page; again and again. */
import { createInterface } from "node:readline";
import { pageToken } from "../../src/pomo/adapters/page/token.ts";

console.log("ready");
for await (const profile of createInterface({ input: process.stdin })) {
  console.log(pageToken(profile, (text) => console.error(text)));
}
