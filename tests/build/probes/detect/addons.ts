/** Says why it can't use what detect needs of native code. */
import { message } from "../../../../src/kernel/errors.ts";

for (const use of [
  () => import("onnxruntime-node"),
  async () => (await import("node-hid")).default.devices(),
]) {
  await use().then(
    () => console.log("it is there"),
    (error: unknown) => console.log(message(error)),
  );
}
