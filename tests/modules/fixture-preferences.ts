/** Saves the preference of a module and says what came of it: FOLDER NAME true|false. */
import { Preferences } from "../../src/modules/adapters/preferences.ts";
import { KeptLog } from "../support/kept-log.ts";

const [dir = "", name = "", enabled] = process.argv.slice(2);
try {
  await new Preferences(dir, new KeptLog()).save(name, enabled === "true");
  console.log("saved");
} catch (error) {
  console.log(`${(error as { exit?: number }).exit} ${(error as Error).message}`);
}
