// The executable of the probe looks for workers in its own folder.
import "../../../../src/detect/adapters/detector/detector.worker.ts";
