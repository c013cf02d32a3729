/** Opens a camera and says so once it is live: a process to be killed. */
import { cameraAt, Watched } from "./watched.ts";

const watched = await Watched.open(cameraAt(process.argv[2] ?? ""), { keepMs: 1_000 });
await watched.live();
process.stdout.write("live\n");
await new Promise((resolve) => setTimeout(resolve, 60_000));
