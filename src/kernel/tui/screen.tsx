import { Box, Text, useInput, usePaste, useStdin, useWindowSize } from "ink";
import {
  createContext,
  type ReactNode,
  use,
  useCallback,
  useLayoutEffect,
  useReducer,
  useRef,
  useState,
} from "react";
import { type Ask, edit, entryRow, type Line, lineOf, paste } from "./entry.ts";
import {
  barGap,
  bound,
  byKey,
  type HelpText,
  helpLines,
  isQuit,
  isQuitKey,
  type Keymap,
  keyBar,
  keyNames,
  withHelp,
} from "./keys.ts";
import { cells, cut, fit } from "./text.ts";
import { type Tone, tones } from "./theme.ts";

/** The smallest terminal a screen is laid out for, in cells. */
const least = { columns: 60, rows: 16 };
/** Title, message and key bar. */
const frameRows = 3;
/** One free column on either side of everything. */
const margin = 1;

/** The size of a screen's body, in cells. */
export type Body = { readonly width: number; readonly height: number };

const bodyOf = (columns: number, rows: number): Body => ({
  width: columns - 2 * margin,
  height: rows - frameRows,
});

const BodyContext = createContext<Body>(bodyOf(80, 24));

/**
 * The room a view has: at least that of a 60×16 terminal, whatever the terminal is. Outside a `<Screen>`, as
 * in a test of a view, that of an 80×24 one.
 */
export const useBody = (): Body => use(BodyContext);

/** Blanks the whole terminal: the frame that is drawn next is drawn in full. Outside a shown screen, nothing. */
export const ClearContext = createContext(() => {});

/** @returns draws the screen in full, as it also is when the terminal's size has changed */
function useRedraw(columns: number, rows: number): () => void {
  const clear = use(ClearContext);
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const size = useRef({ columns, rows });
  const again = useCallback(() => {
    clear();
    redraw();
  }, [clear]);
  // Frames differ from the one before, which another size has wrapped, cut or moved.
  useLayoutEffect(() => {
    if (size.current.columns === columns && size.current.rows === rows) return;
    size.current = { columns, rows };
    again();
  }, [columns, rows, again]);
  return again;
}

export type ScreenProps = {
  /** The command and what it works on: `stint backtest  sma-cross EURUSD`. */
  readonly title: string;
  /** On the right of the title: the state's word in its tone, then what else belongs there (profile, clock). */
  readonly status: { readonly word: string; readonly tone: Tone; readonly notes?: readonly string[] };
  /** The keys; `?` is the screen's own. A keymap with a key twice, or without a way out, is a render error. */
  readonly keymap: Keymap;
  /** The last thing that happened, above the key bar; a line that a key asks for is typed in its place. */
  readonly message?: { readonly text: string; readonly tone?: Tone } | undefined;
  /** What matters most in one row, for a terminal that is too small for the rest. */
  readonly small?: string | undefined;
  /** The body, {@link useBody} in size. */
  readonly children: ReactNode;
};

/** The frame every full screen has: title line, body, message line, key bar; help on `?`, a line to type where asked. */
export function Screen({ title, status, keymap, message, small, children }: ScreenProps) {
  const { columns, rows } = useWindowSize();
  const tooSmall = columns < least.columns || rows < least.rows;
  const body = bodyOf(Math.max(columns, least.columns), Math.max(rows, least.rows));
  const redraw = useRedraw(columns, rows);
  const { keys, help, typing } = useKeys(keymap, body.height, redraw);
  return (
    <Box width={columns} height={rows} flexDirection="column" overflowY="hidden">
      {tooSmall && <Small small={small} typing={typing} columns={columns} rows={rows} />}
      {/* What isn't shown is hidden and not gone: it keeps what it remembers. */}
      <Box display={tooSmall ? "none" : "flex"} flexDirection="column" paddingX={margin}>
        <TitleLine title={title} status={status} width={body.width} />
        <Box display={help ? "none" : "flex"} height={body.height} overflowY="hidden" flexDirection="column">
          {/* What is too much is cut off below; shrinking would draw rows over each other. */}
          <Box flexDirection="column" flexShrink={0}>
            <BodyContext value={body}>{children}</BodyContext>
          </Box>
        </Box>
        {help && <HelpPage lines={help} {...body} />}
        {typing ? (
          <Text>{entryRow(typing.label, typing.line, body.width)}</Text>
        ) : (
          <Text {...tones[message?.tone ?? "plain"]}>{fit(message?.text ?? "", body.width)}</Text>
        )}
        <KeyBar keymap={keys} width={body.width} />
      </Box>
    </Box>
  );
}

/** What there is room for: what matters most, and below it the line that is typed or why there is no more. */
function Small(props: Pick<ScreenProps, "small"> & Pick<Keys, "typing"> & { columns: number; rows: number }) {
  const { small, typing, columns, rows } = props;
  const why = `too small (${least.columns}×${least.rows} needed, now ${columns}×${rows})`;
  const below = typing ? entryRow(typing.label, typing.line, columns) : why;
  if (small === undefined) return <Text>{below}</Text>;
  return (
    <>
      {(rows > 1 || !typing) && <Text>{cut(small, columns)}</Text>}
      {(rows > 1 || typing) && <Text>{cut(below, columns)}</Text>}
    </>
  );
}

/** The keys as they are now, the help's lines while it is open, and the line that is typed while one is. */
type Keys = {
  readonly keys: Keymap;
  readonly help: readonly HelpText[] | undefined;
  readonly typing: Typing | undefined;
};
type Typing = { readonly label: string; readonly line: Line; readonly end: (text?: string) => void };

/** Presses the keys, and keeps the help and the line that is typed. */
function useKeys(keymap: Keymap, height: number, drawAnew: () => void): Keys {
  // The first line of the help that is shown. A ref as below, since several keys can arrive between two renders.
  const from = useRef<number | undefined>(undefined);
  const typing = useRef<Typing | undefined>(undefined);
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const [, raise] = useState<never>();
  const scroll = (to: number | undefined) => () => {
    from.current = to;
    redraw();
  };
  const ask: Ask = ({ label, initial = "", done }) => {
    typing.current?.end();
    const end = (text?: string) => {
      typing.current = undefined;
      redraw();
      done(text);
    };
    typing.current = { label, line: lineOf(initial), end };
    redraw();
  };
  const type = (change: (line: Line) => Line) => {
    const now = typing.current;
    if (!now) return;
    typing.current = { ...now, line: change(now.line) };
    redraw();
  };

  const own = withHelp(keymap, scroll(0));
  const lines = helpLines(own);
  const ownByKey = byKey(own);
  const keysNow = (): Keymap => {
    if (typing.current) {
      const { end, line } = typing.current;
      const leave = bound(ownByKey, "ctrl+c");
      return [
        { keys: ["enter"], label: "ok", help: "", run: () => end(line.before + line.after) },
        { keys: ["esc"], label: "cancel", help: "", run: () => end() },
        // Every other key is typed.
        ...(leave ? [{ ...leave, keys: ["ctrl+c"] }] : []),
      ];
    }
    const first = from.current;
    if (first === undefined) return own;
    const last = Math.max(0, lines.length - helpRows(height));
    return [
      { keys: ["esc", "?"], label: "close help", help: "", run: scroll(undefined) },
      { keys: ["down", "j"], label: "more", help: "", run: scroll(first + 1), when: () => first < last },
      { keys: ["up", "k"], label: "back", help: "", run: scroll(first - 1), when: () => first > 0 },
      // No other key acts on what can't be seen; what leaving may ask is asked of one who sees it.
      ...keymap.filter(isQuit).map((quit) => ({
        ...quit,
        keys: quit.keys.filter(isQuitKey),
        run: (ask: Ask) => {
          scroll(undefined)();
          quit.run(ask);
        },
      })),
    ];
  };
  const press = (name: string) => {
    // In every program that has the whole terminal: whatever another has written over it goes.
    if (name === "ctrl+l") return drawAnew();
    const binding = bound(byKey(keysNow()), name);
    if (binding) binding.run(ask);
    else type((line) => edit(line, name));
  };

  const { isRawModeSupported } = useStdin();
  useInput(
    (input, key) => {
      try {
        for (const name of keyNames(input, key)) press(name);
      } catch (error) {
        // To the error boundary, as if it had been thrown while rendering.
        raise(() => {
          throw error;
        });
      }
    },
    { isActive: isRawModeSupported },
  );
  // Pasted text presses no keys.
  usePaste((text) => type((line) => paste(line, text)), { isActive: isRawModeSupported });

  return {
    keys: keysNow(),
    help: from.current === undefined ? undefined : lines.slice(from.current),
    typing: typing.current,
  };
}

function TitleLine({ title, status, width }: Pick<ScreenProps, "title" | "status"> & { width: number }) {
  const word = cut(status.word, width);
  const notes = cut((status.notes ?? []).map((note) => ` · ${note}`).join(""), width - cells(word));
  const room = width - cells(word) - cells(notes);
  return (
    <Text>
      <Text bold>{fit(cut(title, room - 1), room)}</Text>
      <Text {...tones[status.tone]}>{word}</Text>
      {notes}
    </Text>
  );
}

function KeyBar({ keymap, width }: { keymap: Keymap; width: number }) {
  return (
    <Text wrap="truncate">
      {keyBar(keymap, width).map(({ key, label }, i) => (
        <Text key={key}>
          {" ".repeat(i === 0 ? 0 : barGap)}
          <Text bold>{key}</Text> {label}
        </Text>
      ))}
    </Text>
  );
}

/** Lines of help in a body of that height, below its heading. */
const helpRows = (height: number): number => height - 1;

function HelpPage({ lines, height, width }: Body & { lines: readonly HelpText[] }) {
  const shown = lines.slice(0, helpRows(height));
  const keyWidth = Math.max(...lines.map((line) => cells(line.keys)));
  return (
    <Box flexDirection="column" height={height}>
      <Text bold>Keys</Text>
      {shown.map(({ keys, help, active }) => (
        <Text key={keys} {...tones[active ? "plain" : "secondary"]}>
          {cut(`${fit(keys, keyWidth)}  ${help}${active ? "" : " (not now)"}`, width)}
        </Text>
      ))}
    </Box>
  );
}
