import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type BoardWrite,
  bitsAfter,
  bitsText,
  channelsOf,
  decodeStatus,
  decodeWrite,
  encodeStatus,
  encodeWrite,
} from "../../../src/detect/core/dcttech.ts";

const anyWrite: fc.Arbitrary<BoardWrite> = fc.oneof(
  fc.record({ do: fc.constantFrom("on" as const, "off" as const), channel: fc.integer({ min: 1, max: 8 }) }),
  fc.record({ do: fc.constantFrom("all_on" as const, "all_off" as const) }),
);

describe("what a board is told", () => {
  test.each([
    [{ do: "on", channel: 2 }, [0xff, 2, 0, 0, 0, 0, 0, 0]],
    [{ do: "off", channel: 8 }, [0xfd, 8, 0, 0, 0, 0, 0, 0]],
    [{ do: "all_on" }, [0xfe, 0, 0, 0, 0, 0, 0, 0]],
    [{ do: "all_off" }, [0xfc, 0, 0, 0, 0, 0, 0, 0]],
  ] as const)("%o", (write, bytes) => {
    expect([...encodeWrite(write)]).toEqual([...bytes]);
  });

  test("comes back as it was", () => {
    fc.assert(fc.property(anyWrite, (write) => expect(decodeWrite(encodeWrite(write))).toEqual(write)));
  });

  test.each([
    ["no relay 0", [0xff, 0, 0, 0, 0, 0, 0, 0]],
    ["no relay 9", [0xff, 9, 0, 0, 0, 0, 0, 0]],
    ["another code", [0x12, 1, 0, 0, 0, 0, 0, 0]],
    ["too short", [0xff, 1]],
  ])("%s is nothing", (_, bytes) => {
    expect(decodeWrite(Uint8Array.from(bytes))).toBeUndefined();
  });

  test("ALL OFF leaves nothing on, and no other relay is touched by one of them", () => {
    fc.assert(
      fc.property(fc.nat(255), anyWrite, fc.integer({ min: 1, max: 8 }), (from, write, channels) => {
        const bits = from & ((1 << channels) - 1);
        const after = bitsAfter(bits, write, channels);
        expect(after >> channels).toBe(0);
        if (write.do === "all_off") expect(after).toBe(0);
        if (write.do === "on" || write.do === "off") {
          const bit = 1 << (write.channel - 1);
          expect(after & ~bit).toBe(bits & ~bit);
          if (write.channel <= channels) expect((after & bit) !== 0).toBe(write.do === "on");
        }
      }),
    );
  });
});

describe("what a board says", () => {
  test("its serial and its relays, with the id of the report before it or without", () => {
    const bytes = [0x42, 0x49, 0x54, 0x46, 0x54, 0, 0, 0b101];
    expect(decodeStatus(Uint8Array.from(bytes))).toEqual({ serial: "BITFT", bits: 5 });
    expect(decodeStatus(Uint8Array.from([0, ...bytes]))).toEqual({ serial: "BITFT", bits: 5 });
    expect(decodeStatus(encodeStatus({ serial: "A1", bits: 128 }))).toEqual({ serial: "A1", bits: 128 });
  });

  test.each([
    ["too short", [1, 2, 3]],
    ["too long", [1, 2, 3, 4, 5, 6, 7, 8, 9]],
    ["a serial that can't be printed", [1, 2, 3, 4, 5, 0, 0, 0]],
  ])("%s is none", (_, bytes) => {
    expect(decodeStatus(Uint8Array.from(bytes))).toBeUndefined();
  });

  test("for people", () => {
    expect([0, 1, 0b10000101].map(bitsText)).toEqual(["all off", "relay 1 on", "relays 1, 3, 8 on"]);
  });
});

test("the product's name tells how many relays there are, and whether it is such a board at all", () => {
  expect(["USBRelay4", "www.dcttech.com USBRelay8", "USBRelay2 "].map(channelsOf)).toEqual([4, 8, 2]);
  expect(["USBRelay", "USBRelay9", "Keyboard", ""].map(channelsOf)).toEqual(Array(4).fill(undefined));
});
