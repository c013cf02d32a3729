import { isDeepStrictEqual } from "node:util";
import type { Document, Node, Pair, YAMLMap, YAMLSeq } from "yaml";

type Yaml = typeof import("yaml");

/**
 * The text of a document that is to say something else: what says the same stays as it stands, comments and all, and
 * what is new is written as a person would. Items of a list are known by their `name` or `id`, so that their comments go
 * where they go.
 * @param value plain JSON, a map
 */
export function rewritten(doc: Document, value: Readonly<Record<string, unknown>>, yaml: Yaml): string {
  const { isAlias, isMap, isNode, isScalar, isSeq } = yaml;
  const says = (node: unknown): unknown => (isNode(node) ? node.toJS(doc) : node);

  const made = (value: unknown): Node => {
    const node = doc.createNode(value);
    // Lists of words and of points stand on one line.
    yaml.visit(node, {
      Seq: (_, seq) => {
        if (!seq.items.some(isMap)) seq.flow = true;
      },
    });
    return node;
  };

  /** A node in the place of another; it may be the same one, changed. */
  const merged = (node: unknown, value: unknown): unknown => {
    if (isNode(node) && isDeepStrictEqual(says(node), value)) return node;
    if (isMap(node) && isRecord(value)) return mergedMap(node, value);
    if (isSeq(node) && Array.isArray(value) && value.some(isRecord)) return mergedList(node, value);
    if (isScalar(node) && !isRecord(value) && !Array.isArray(value)) {
      node.value = value;
      return node;
    }
    const fresh = made(value);
    // An alias has no comment of its own that could be kept.
    if (isNode(node) && !isAlias(node)) {
      fresh.comment = node.comment ?? null;
      fresh.commentBefore = node.commentBefore ?? null;
      if (node.spaceBefore) fresh.spaceBefore = true;
    }
    return fresh;
  };

  const mergedMap = (map: YAMLMap, value: Readonly<Record<string, unknown>>) => {
    const keyOf = ({ key }: Pair) => String(isScalar(key) ? key.value : key);
    if (map.items.length === 0) map.flow = false;
    map.items = map.items.filter((pair) => Object.hasOwn(value, keyOf(pair)));
    for (const [key, inside] of Object.entries(value)) {
      const pair = map.items.find((each) => keyOf(each) === key);
      if (pair) pair.value = merged(pair.value, inside);
      else map.items.push(doc.createPair(key, made(inside)));
    }
    return map;
  };

  const mergedList = (list: YAMLSeq, values: readonly unknown[]) => {
    const before = list.items.map((node) => ({ node, name: nameOf(says(node)) }));
    if (before.length === 0) list.flow = false;
    const left = new Set(before);
    const take = (found: (typeof before)[number] | undefined) => {
      if (found) left.delete(found);
      return found;
    };
    const same = values.map((value) =>
      take([...left].find(({ name }) => name !== undefined && name === nameOf(value))),
    );
    // One that has no namesake is the one in its place under another name, unless that one went elsewhere.
    list.items = values.map((value, at) => {
      const there = before[at];
      const old = same[at] ?? take(there && left.has(there) ? there : undefined);
      return old ? merged(old.node, value) : made(value);
    });
    return list;
  };

  doc.contents = (isMap(doc.contents) ? mergedMap(doc.contents, value) : made(value)) as typeof doc.contents;
  // Long lines stay whole.
  return doc.toString({ lineWidth: 0, flowCollectionPadding: false });
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const nameOf = (value: unknown): unknown => (isRecord(value) ? (value["name"] ?? value["id"]) : undefined);
