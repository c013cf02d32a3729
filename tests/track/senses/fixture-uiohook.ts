/** What counts, as the executable starts it: `stint track __uiohook`. */
import { runCommand } from "../../../src/kernel/command.ts";
import { Life } from "../../../src/kernel/life.ts";
import { countInput } from "../../../src/track/adapters/senses/uiohook/child.ts";

const count = { usage: "__uiohook", summary: "", run: countInput };
const root = { usage: "stint", summary: "", commands: [{ usage: "track", summary: "", commands: [count] }] };
const life = new Life((code) => process.exit(code));
void runCommand(root, process.argv.slice(2), life).then((code) => process.exit(code));
