import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { findCycles, startOrder, stopWaves } from "../../../src/modules/core/order.ts";

type Node = { name: string; dependsOn: string[] };
const module = (name: string, ...dependsOn: string[]): Node => ({ name, dependsOn });
const startNames = (nodes: Node[]) => startOrder(nodes).map(({ name }) => name);

const NAMES = ["a", "b", "c", "d", "e", "f", "g"];
/** Modules in any order that depend on any others, one of which there isn't. */
const rack: fc.Arbitrary<Node[]> = fc
  .shuffledSubarray(NAMES)
  .chain((names) =>
    fc.tuple(
      ...names.map((name) =>
        fc.subarray([...NAMES, "unknown"], { maxLength: 2 }).map((dependsOn) => ({ name, dependsOn })),
      ),
    ),
  );
/** Everything that a module depends on, found in another way: until nothing more comes. */
function needed(name: string, nodes: readonly Node[]): Set<string> {
  let found = new Set<string>();
  for (;;) {
    const more = new Set(
      nodes.filter((node) => node.name === name || found.has(node.name)).flatMap((node) => node.dependsOn),
    );
    if (more.size === found.size) return found;
    found = more;
  }
}

describe("cycles", () => {
  test("are named along the dependencies", () => {
    expect(findCycles([module("c", "a"), module("b", "c"), module("a", "b"), module("d", "a")])).toEqual([
      ["a", "b", "c"],
    ]);
    expect(findCycles([module("a", "a")])).toEqual([["a"]]);
    expect(findCycles([module("a", "b", "c"), module("b", "a"), module("c", "a")])).toEqual([
      ["a", "b"],
      ["c", "a"],
    ]);
    expect(findCycles([module("a", "b", "x"), module("b")])).toEqual([]);
  });

  test("have every module that waits for itself in one, and no other", () => {
    fc.assert(
      fc.property(rack, (nodes) => {
        const cycles = findCycles(nodes);
        for (const cycle of cycles) {
          cycle.forEach((name, at) => {
            const next = cycle[(at + 1) % cycle.length] ?? "";
            expect(nodes.find((node) => node.name === name)?.dependsOn).toContain(next);
          });
        }
        const waiting = NAMES.filter((name) => needed(name, nodes).has(name));
        expect([...new Set(cycles.flat())].sort()).toEqual(waiting);
      }),
    );
  });
});

describe("the order of starting", () => {
  test("is by name, dependencies first", () => {
    expect(startNames([module("c"), module("a", "c"), module("b")])).toEqual(["b", "c", "a"]);
    expect(startNames([module("b"), module("a", "gone")])).toEqual(["a", "b"]);
    expect(startNames([module("a", "b"), module("b", "a"), module("c", "a"), module("d")])).toEqual([
      "c",
      "d",
    ]);
  });

  test("has each module after what it depends on, and no later than it has to be", () => {
    fc.assert(
      fc.property(rack, (nodes) => {
        const order = startNames(nodes);
        const cyclic = NAMES.filter((name) => needed(name, nodes).has(name));
        expect([...order].sort()).toEqual(
          nodes
            .map(({ name }) => name)
            .filter((name) => !cyclic.includes(name))
            .sort(),
        );
        order.forEach((name, at) => {
          const on = nodes.find((node) => node.name === name)?.dependsOn ?? [];
          for (const other of on) expect(order.indexOf(other)).toBeLessThan(at);
          const before = order[at - 1];
          if (before !== undefined && name < before) expect(on).toContain(before);
        });
      }),
    );
  });
});

describe("stopping", () => {
  test("takes dependents first, and at the same time what has nothing to do with each other", () => {
    const nodes = [
      module("app", "db", "bus"),
      module("db", "disk"),
      module("bus"),
      module("disk"),
      module("x"),
    ];
    expect(stopWaves(["app", "db", "bus", "disk", "x"], nodes)).toEqual([
      ["app", "x"],
      ["bus", "db"],
      ["disk"],
    ]);
    // By way of one that goes on.
    expect(stopWaves(["disk", "app", "app"], nodes)).toEqual([["app"], ["disk"]]);
    expect(stopWaves([], nodes)).toEqual([]);
    expect(stopWaves(["gone", "bus"], nodes)).toEqual([["bus", "gone"]]);
  });

  test("of a circle is one group, between what depends on it and what it depends on", () => {
    const nodes = [module("a", "b"), module("b", "a", "z"), module("top", "a"), module("z")];
    expect(stopWaves(["a", "b", "top", "z"], nodes)).toEqual([["top"], ["a", "b"], ["z"]]);
  });

  test("of any modules has each once, after all that depend on it, and as soon as may be", () => {
    fc.assert(
      fc.property(rack, fc.subarray([...NAMES, "unknown"]), (nodes, names) => {
        const waves = stopWaves(names, nodes);
        expect(waves.flat().sort()).toEqual([...names].sort());
        const before = (one: string, other: string) =>
          needed(one, nodes).has(other) && !needed(other, nodes).has(one);
        waves.forEach((wave, at) => {
          expect(wave).toEqual([...wave].sort());
          for (const name of wave) {
            for (const later of waves.slice(at).flat()) expect(before(later, name)).toBe(false);
            if (at > 0) expect(waves[at - 1]?.some((other) => before(other, name))).toBe(true);
          }
        });
      }),
    );
  });

  test("of a thousand modules in a row is worked out at once", () => {
    const nodes = Array.from({ length: 1000 }, (_, at) => module(`m${at}`, `m${at + 1}`));
    const begun = performance.now();
    expect(
      stopWaves(
        nodes.map(({ name }) => name),
        nodes,
      ),
    ).toHaveLength(1000);
    expect(startOrder(nodes)).toHaveLength(1000);
    expect(performance.now() - begun).toBeLessThan(3000);
  });
});
