import { describe, expect, test } from "bun:test";
import { StreamTail } from "../../../src/detect/core/stream-tail.ts";

const VIDEO = 0x100;
const PMT = 0x1000;

/** A packet of a transport stream. */
function packet(pid: number, { key = false, fill = 0 } = {}): Uint8Array {
  const bytes = new Uint8Array(188).fill(fill);
  bytes.set([0x47, (key ? 0x40 : 0) | (pid >> 8), pid & 0xff, key ? 0x30 : 0x10]);
  if (key) bytes.set([1, 0x40], 4);
  return bytes;
}

function tables(): Uint8Array {
  const pat = packet(0);
  pat.set([PMT >> 8, PMT & 0xff], 15);
  return Buffer.concat([pat, packet(PMT, { fill: 7 })]);
}

const frame = (fill: number, key = false) => packet(VIDEO, { key, fill });
/** The frames of a cut, after its tables. */
const fills = (cut: Uint8Array | undefined) =>
  cut && Array.from({ length: cut.length / 188 - 2 }, (_, at) => cut[(at + 2) * 188 + 100]);

/** A keyframe at each whole second from 1 to 5, and a frame half a second after each. */
function filled(keepMs: number, largest = 1 << 20): StreamTail {
  const tail = new StreamTail(keepMs, largest);
  tail.add(tables(), 0);
  tail.add(frame(9), 500);
  for (let second = 1; second <= 5; second++) {
    tail.add(frame(second, true), second * 1000);
    tail.add(frame(second + 100), second * 1000 + 500);
  }
  return tail;
}

describe("the last of a stream", () => {
  test("is cut from the last keyframe at or before its beginning", () => {
    const tail = filled(60_000);
    const cut = tail.cut(2_600, 4_000);
    expect(fills(cut)).toEqual([2, 102, 3, 103, 4]);
    expect(cut?.slice(0, 2 * 188)).toEqual(new Uint8Array(tables()));
    expect(fills(tail.cut(3_000, 3_000))).toEqual([3]);
    // From the first there is, where it wasn't kept for so long; nothing before it can be decoded.
    expect(fills(tail.cut(0, 1_000))).toEqual([1]);
    expect(tail.cut(0, 900)).toBeUndefined();
    expect(new StreamTail(1_000, 1 << 20).cut(0, 9_000)).toBeUndefined();
  });
  test("is what was sent, however it was cut on its way", () => {
    const whole = Buffer.concat([tables(), frame(1, true), frame(101), frame(2, true), frame(102)]);
    const tail = new StreamTail(60_000, 1 << 20);
    for (let at = 0; at < whole.length; at += 50) tail.add(whole.subarray(at, at + 50), 1_000);
    expect(Buffer.from(tail.cut(1_000, 1_000) as Uint8Array).subarray(2 * 188)).toEqual(
      whole.subarray(4 * 188),
    );
  });
  test("is no longer than it has to be, unless somebody waits for it", () => {
    expect(fills(filled(2_000).cut(0, 9_000))).toEqual([3, 103, 4, 104, 5, 105]);
    const tail = new StreamTail(0, 1 << 20);
    tail.add(tables(), 0);
    tail.add(frame(1, true), 1_000);
    {
      using _ = tail.want(1_500);
      tail.add(frame(2, true), 2_000);
      tail.add(frame(3, true), 3_000);
      expect(fills(tail.cut(1_500, 9_000))).toEqual([1, 2, 3]);
    }
    tail.add(frame(103), 3_500);
    expect(fills(tail.cut(1_500, 9_000))).toEqual([3, 103]);
  });
  test("never has more than there is room for", () => {
    const room = 5 * 188;
    const tail = filled(60_000, room);
    expect(tail.size).toBeLessThanOrEqual(room);
    expect(fills(tail.cut(0, 9_000))).toEqual([4, 104, 5, 105]);
    // Without a keyframe it goes on with the next.
    for (let n = 0; n < 10; n++) tail.add(frame(200), 6_000);
    expect(tail.size).toBe(0);
    tail.add(frame(7, true), 7_000);
    expect(fills(tail.cut(0, 9_000))).toEqual([7]);
  });
  test("is refused when it is none", () => {
    expect(() => filled(1_000).add(new Uint8Array(188), 6_000)).toThrow("no transport stream");
  });
});
