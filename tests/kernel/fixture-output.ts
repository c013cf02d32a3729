/** Writes with an Output: `fixture-output.ts WHAT [JSON options]`. Exits with 3 once it was told that the reader left. */
import { Expected } from "../../src/kernel/errors.ts";
import { Output } from "../../src/kernel/output.ts";

const [what, options = "{}"] = process.argv.slice(2);
const output = new Output(JSON.parse(options));
switch (what) {
  case "one":
    output.emit({ type: "bar", n: 1 }, () => output.paint(32, "bar one"));
    output.emit({ type: "only for programs" });
    output.note("a note");
    break;
  case "much":
    for (let n = 0; n < 20_000; n++) output.emit({ type: "bar", n, filler: "x".repeat(80) });
    output.note("all written");
    break;
  case "endless": {
    let left = false;
    output.onClosed(() => {
      left = true;
    });
    while (!left) output.text("y\n");
    output.text("nobody reads this\n");
    let again = false;
    output.onClosed(() => {
      again = true;
    });
    process.exit(left && again && output.closed ? 3 : 4);
    break;
  }
  // Says one line and has nothing more to say.
  case "follow":
    output.onClosed(() => process.exit(3));
    output.text("running\n");
    setInterval(() => {}, 60_000);
    break;
  case "fail":
    try {
      output.text("x");
      output.failure(new Expected(2, "no\x1b[31m such\nthing", "try another"));
    } catch (error) {
      output.failure(error);
      process.exit((error as Expected).exit);
    }
    break;
  case "bug":
    output.failure(new RangeError("too far"));
    break;
}
