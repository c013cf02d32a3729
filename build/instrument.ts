import { parseSync } from "oxc-parser";

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && typeof (value as Node).type === "string";

/** Statements that do nothing when their turn comes: declarations, hoisted or of types alone. */
const idle = new Set([
  "EmptyStatement",
  "ExportAllDeclaration",
  "FunctionDeclaration",
  "ImportDeclaration",
  "TSDeclareFunction",
  "TSExportAssignment",
  "TSImportEqualsDeclaration",
  "TSInterfaceDeclaration",
  "TSModuleDeclaration",
  "TSTypeAliasDeclaration",
]);

/**
 * Makes a module note which of its lines were run: before every statement, and before what an arrow function
 * returns, it sets `counters[line] = 1`. No line moves.
 *
 * @param counters an expression for an array, without side effects
 * @returns the module, and the lines that can be run, counted from 1
 */
export function instrument(file: string, code: string, counters: string): { code: string; lines: number[] } {
  const { program, errors } = parseSync(file, code);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`);
  const insertions: { at: number; text: string }[] = [];
  const lines = new Set<number>();
  const starts = [0, ...[...code.matchAll(/\n/g)].map((match) => match.index + 1)];

  const mark = (node: Node): string => {
    const line = starts.findLastIndex((start) => start <= node.start) + 1;
    lines.add(line);
    return `${counters}[${line}]=1`;
  };
  const insert = (at: number, text: string) => insertions.push({ at, text });

  /** Marks a statement of a list. */
  function listed(statement: Node): void {
    if (!isIdle(statement)) insert(statement.start, `${mark(statement)};`);
  }
  /** Marks what follows an `if (…)` or a loop's head: braces keep it one statement. */
  function governed(body: unknown): void {
    if (!isNode(body) || body.type === "BlockStatement" || body.type === "EmptyStatement") return;
    insert(body.start, `{${mark(body)};`);
    insert(body.end, "}");
  }

  function visit(node: Node): void {
    switch (node.type) {
      case "Program":
      case "BlockStatement":
      case "FunctionBody":
      case "StaticBlock":
        (node["body"] as Node[]).forEach(listed);
        break;
      case "SwitchCase":
        (node["consequent"] as Node[]).forEach(listed);
        break;
      case "IfStatement":
        governed(node["consequent"]);
        governed(node["alternate"]);
        break;
      case "ForStatement":
      case "ForInStatement":
      case "ForOfStatement":
      case "WhileStatement":
      case "DoWhileStatement":
        governed(node["body"]);
        break;
      case "ArrowFunctionExpression": {
        const body = node["body"] as Node;
        if (body.type === "BlockStatement" || body.type === "FunctionBody") break;
        insert(body.start, `(${mark(body)},`);
        insert(body.end, ")");
        break;
      }
    }
    for (const child of Object.values(node).flat()) if (isNode(child)) visit(child);
  }
  visit(program as unknown as Node);

  // Nodes are visited from the outside in. Where several begin, the outer opens first; where several end, the inner
  // closes first; and what ends goes before what begins.
  const rank = ({ text }: { text: string }, visited: number) =>
    /^[)}]$/.test(text) ? -1 - visited : visited;
  const ordered = insertions
    .map((insertion, i) => ({ ...insertion, rank: rank(insertion, i) }))
    .sort((a, b) => a.at - b.at || a.rank - b.rank);
  let result = "";
  let from = 0;
  for (const { at, text } of ordered) {
    result += code.slice(from, at) + text;
    from = at;
  }
  return { code: result + code.slice(from), lines: [...lines].sort((a, b) => a - b) };
}

function isIdle(statement: Node): boolean {
  if (idle.has(statement.type) || statement["declare"] === true || statement["directive"]) return true;
  if (statement.type !== "ExportNamedDeclaration" && statement.type !== "ExportDefaultDeclaration")
    return false;
  const declared = statement["declaration"];
  return !isNode(declared) || isIdle(declared);
}
