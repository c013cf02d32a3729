// The report in the browser. It is put into the page as it stands, after lightweight-charts and uPlot, and reads the data
// that core/report-columns.ts packed. What comes from the user only ever becomes text.

/* global LightweightCharts, uPlot */

const $ = (id) => document.getElementById(id);

/** An element with attributes and what it holds: text or elements. */
function element(name, attributes = {}, ...inside) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...inside);
  return made;
}

/** `2017-04-19 09:00`, UTC; seconds only when there are any. */
function timeText(ms) {
  if (Number.isNaN(ms)) return "–";
  const text = new Date(ms).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, ms % 60_000 === 0 ? 16 : 19)}`;
}
const amounts = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const plain = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 9 });
const sign = (n) => (n > 0 ? "won" : n < 0 ? "lost" : "");

// The data: a length (four bytes, least first), so many bytes of JSON, and the columns that it points into.

async function unpacked() {
  const text = $("data").textContent.trim();
  const packed = Uint8Array.fromBase64
    ? Uint8Array.fromBase64(text)
    : Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  $("data").remove();
  const size = new DataView(bytes.buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size)));
  return { head, column: (place) => column(bytes, 4 + size + place.at, place) };
}

/** The values of a packed column, as packColumn wrote them. */
function column(bytes, from, { length, scale }) {
  const values = new Float64Array(length);
  let at = from;
  let n = 0;
  for (let i = 0; i < length; i++) {
    let byte = bytes[at++];
    let code = byte & 127;
    // Four bytes fit the fast whole numbers; more are rare.
    for (let shift = 7; byte > 127 && shift < 28; shift += 7) {
      byte = bytes[at++];
      code |= (byte & 127) << shift;
    }
    if (byte > 127) {
      for (let weight = 2 ** 28; byte > 127; weight *= 128) {
        byte = bytes[at++];
        code += (byte & 127) * weight;
      }
      n += code % 2 === 1 ? (code - 1) / 2 : -code / 2;
    } else if (code === 0) {
      values[i] = Number.NaN;
      continue;
    } else {
      n += code & 1 ? code >> 1 : -(code >> 1);
    }
    values[i] = n / scale;
  }
  return values;
}

// Colours: the canvases are told those of the page, for the desktop's theme or for paper.

const probe = element("i", { hidden: "" });
document.body.append(probe);
function colour(name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}
const faded = (name, share) =>
  colour(name).replace(/^rgba?\((\d+), (\d+), (\d+).*/, `rgba($1, $2, $3, ${share})`);
const LINES = ["c0", "c1", "c2", "c3", "c4", "c5", "c6"];
const themed = [];
const paint = () => {
  for (const each of themed) each();
};
/** Calls it now, and again whenever the colours are others. */
function withTheme(each) {
  themed.push(each);
  each();
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
addEventListener("beforeprint", () => {
  document.documentElement.classList.add("paper");
  paint();
});
addEventListener("afterprint", () => {
  document.documentElement.classList.remove("paper");
  paint();
});

// Levels of detail: level n has a candle for 2ⁿ bars.

function coarser(level) {
  const length = Math.ceil(level.time.length / 2);
  const next = { lines: [] };
  for (const key of ["time", "open", "high", "low", "close", "volume"]) next[key] = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    const a = 2 * i;
    const b = Math.min(a + 1, level.time.length - 1);
    next.time[i] = level.time[a];
    next.open[i] = level.open[a];
    next.high[i] = Math.max(level.high[a], level.high[b]);
    next.low[i] = Math.min(level.low[a], level.low[b]);
    next.close[i] = level.close[b];
    next.volume[i] = level.volume[a] + (b > a ? level.volume[b] : 0);
  }
  for (const values of level.lines) {
    const line = new Float64Array(length);
    for (let i = 0; i < length; i++) {
      const last = values[2 * i + 1];
      line[i] = last === undefined || Number.isNaN(last) ? values[2 * i] : last;
    }
    next.lines.push(line);
  }
  return next;
}

/** A candle takes at least so many pixels. */
const CANDLE = 4;
/** More entries and exits than these on the candles that the chart is given would hide the prices. */
const MOST_MARKS = 600;

/**
 * The chart of prices. It is given the candles in sight and as many on either side, of the level that shows each with a
 * few pixels; when the view leaves them it is given others. The view is ours (in bars, fractions of them too), since
 * the chart's own would be lost with each change of its data.
 */
function priceChart(data) {
  const { head, trades } = data;
  const host = $("price");
  host.tabIndex = 0;
  const chart = LightweightCharts.createChart(host, {
    autoSize: true,
    handleScroll: false,
    handleScale: false,
    layout: { attributionLogo: false, fontFamily: "system-ui, sans-serif", panes: { enableResize: false } },
    timeScale: { timeVisible: true, minBarSpacing: 0.1, rightOffset: 0, lockVisibleTimeRangeOnResize: false },
    crosshair: { mode: 0 },
    localization: { locale: "en-US", timeFormatter: (seconds) => timeText(seconds * 1000) },
  });
  const candles = chart.addSeries(LightweightCharts.CandlestickSeries, { priceLineVisible: false });
  const marks = LightweightCharts.createSeriesMarkers(candles, []);
  const volumes = chart.addSeries(LightweightCharts.HistogramSeries, {
    priceScaleId: "",
    priceFormat: { type: "volume" },
    priceLineVisible: false,
    lastValueVisible: false,
  });
  volumes.priceScale().applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
  const chosenLine = chart.addSeries(LightweightCharts.LineSeries, {
    lineWidth: 2,
    lineStyle: 2,
    priceLineVisible: false,
    lastValueVisible: false,
    crosshairMarkerVisible: false,
  });

  /** The symbol that is shown, its levels as far as they were needed, and its lines. */
  let shown;
  let view = { from: 0, to: 1 };
  /** What the chart has been given: level and first candle, and how many. */
  let given = { level: -1, first: 0, count: 0 };
  let chosen = -1;

  const bars = () => shown.levels[0].time.length;
  function levelOf(n) {
    while (shown.levels.length <= n) shown.levels.push(coarser(shown.levels.at(-1)));
    return shown.levels[n];
  }

  function show(number) {
    for (const { series } of shown?.lines ?? []) chart.removeSeries(series);
    const symbol = data.symbol(number);
    const { decimals } = symbol;
    candles.applyOptions({ priceFormat: { type: "price", precision: decimals, minMove: 10 ** -decimals } });
    const panes = new Map();
    const lines = symbol.lines.map(({ name, pane }, n) => {
      // Lines of one indicator share a pane.
      const group = name.split(".")[0];
      if (pane === "own" && !panes.has(group)) panes.set(group, panes.size + 1);
      const options = { lineWidth: 1, priceLineVisible: false, lastValueVisible: false };
      if (pane === "price") options.priceFormat = candles.options().priceFormat;
      const series = chart.addSeries(
        LightweightCharts.LineSeries,
        options,
        pane === "own" ? panes.get(group) : 0,
      );
      return { name, series, colour: LINES[n % LINES.length] };
    });
    shown = { number, symbol, lines, levels: [symbol.columns], trades: trades.of(number) };
    given = { level: -1, first: 0, count: 0 };
    host.style.height = `${Math.min(1200, 430 + 110 * panes.size)}px`;
    for (const [n, pane] of chart.panes().entries()) pane.setStretchFactor(n === 0 ? 4 : 1);
    for (const { series, colour: name } of lines) series.applyOptions({ color: colour(name) });
    volumes.applyOptions({ visible: symbol.columns.volume.some((volume) => volume > 0) });
    if ($("symbol").value !== String(number)) $("symbol").value = String(number);
    move(0, bars());
  }

  const width = () => Math.max(200, host.clientWidth - 80);

  /** Shows these bars: as they are asked for, but never fewer than ten or far beyond the ends. */
  function move(from, to) {
    const all = bars();
    const span = Math.min(Math.max(to - from, 10), all * 1.1 + 10);
    const start = Math.min(Math.max((from + to - span) / 2, -span / 2), all - span / 2);
    view = { from: start, to: start + span };
    draw();
  }

  let asked = false;
  function draw() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      drawNow();
    });
  }
  function drawNow() {
    const span = view.to - view.from;
    const n = Math.max(0, Math.ceil(Math.log2((span * CANDLE) / width())));
    const level = levelOf(n);
    const size = 2 ** n;
    const length = level.time.length;
    const first = Math.max(0, Math.floor(view.from / size));
    const last = Math.min(length, Math.ceil(view.to / size));
    if (given.level !== n || first < given.first || last > given.first + given.count) {
      const margin = last - first;
      give(level, n, Math.max(0, first - margin), Math.min(length, last + margin));
    }
    chart.timeScale().setVisibleLogicalRange({
      from: view.from / size - given.first - 0.5,
      to: view.to / size - given.first - 0.5,
    });
    const [a, b] = [Math.max(0, Math.round(view.from)), Math.min(bars(), Math.round(view.to))];
    const times = shown.levels[0].time;
    $("range").textContent =
      `${timeText(times[Math.min(a, bars() - 1)])} to ${timeText(times[Math.max(b - 1, 0)])}, ${plain.format(b - a)} bars` +
      `${n > 0 ? `, ${plain.format(size)} a candle` : ""}${given.hidden ? "; closer for entries and exits" : ""}`;
    legend(Math.min(last, length) - 1);
  }

  function give(level, n, first, end) {
    given = { level: n, first, count: end - first, hidden: false };
    const [candle, volume] = [[], []];
    const [won, lost] = [faded("won", 0.45), faded("lost", 0.45)];
    for (let i = first; i < end; i++) {
      const time = level.time[i] / 1000;
      const [open, close] = [level.open[i], level.close[i]];
      candle.push({ time, open, high: level.high[i], low: level.low[i], close });
      volume.push({ time, value: level.volume[i], color: close >= open ? won : lost });
    }
    candles.setData(candle);
    volumes.setData(volume);
    for (const [k, { series }] of shown.lines.entries()) {
      const line = [];
      for (let i = first; i < end; i++) {
        const value = level.lines[k][i];
        if (!Number.isNaN(value)) line.push({ time: level.time[i] / 1000, value });
      }
      series.setData(line);
    }
    mark(level, n, first, end);
  }

  function mark(level, n, first, end) {
    const size = 2 ** n;
    const [won, lost, buy, sell] = ["won", "lost", "c0", "c1"].map(colour);
    const found = new Map();
    const put = (bar, up, name, text, tone) => {
      const at = Math.floor(bar / size);
      if (at < first || at >= end) return;
      const shape = name === "entry" ? (up ? "arrowUp" : "arrowDown") : "circle";
      const key = `${at} ${up} ${name} ${tone}`;
      if (found.has(key)) return;
      const position = up ? "belowBar" : "aboveBar";
      found.set(key, {
        time: level.time[at] / 1000,
        position,
        shape,
        color: tone,
        text,
        size: name === "entry" ? 1 : 0.7,
      });
    };
    for (const k of shown.trades) {
      if (trades.exitBar[k] < first * size || trades.entryBar[k] >= end * size) continue;
      const long = trades.size[k] > 0;
      const label = k === chosen ? `#${k + 1}` : "";
      put(trades.entryBar[k], long, "entry", label, long ? buy : sell);
      put(trades.exitBar[k], !long, "exit", label, trades.pnl[k] > 0 ? won : lost);
      if (found.size > MOST_MARKS) break;
    }
    given.hidden = found.size > MOST_MARKS;
    marks.setMarkers(given.hidden ? [] : [...found.values()].sort((a, b) => a.time - b.time));
    const ends = [];
    if (chosen >= 0 && trades.symbol[chosen] === shown.number) {
      const [from, to] = [
        Math.floor(trades.entryBar[chosen] / size),
        Math.floor(trades.exitBar[chosen] / size),
      ];
      if (from >= first && to < end && from < to) {
        ends.push({ time: level.time[from] / 1000, value: trades.entryPrice[chosen] });
        ends.push({ time: level.time[to] / 1000, value: trades.exitPrice[chosen] });
      }
    }
    chosenLine.setData(ends);
  }

  function legend(at) {
    const level = levelOf(Math.max(0, given.level));
    if (!(at >= 0 && at < level.time.length)) return;
    const price = (value) => value.toFixed(shown.symbol.decimals);
    const parts = [
      element("span", {}, element("b", {}, shown.symbol.name), ` ${timeText(level.time[at])}`),
      ...["open", "high", "low", "close"].map((key) =>
        element("span", {}, element("span", { class: "dim" }, `${key} `), price(level[key][at])),
      ),
    ];
    if (level.volume[at] > 0) {
      parts.push(
        element("span", {}, element("span", { class: "dim" }, "volume "), plain.format(level.volume[at])),
      );
    }
    for (const [k, line] of shown.lines.entries()) {
      const value = level.lines[k][at];
      const key = element("i", { class: "key" });
      key.style.background = `var(--${line.colour})`;
      parts.push(element("span", {}, key, `${line.name} ${Number.isNaN(value) ? "–" : plain.format(value)}`));
    }
    $("legend").replaceChildren(...parts);
  }
  chart.subscribeCrosshairMove(({ logical }) => {
    if (logical !== undefined && logical !== null) legend(given.first + Math.round(logical));
  });

  withTheme(() => {
    const line = faded("line", 0.6);
    chart.applyOptions({
      layout: {
        background: { type: "solid", color: colour("card") },
        textColor: colour("dim"),
        panes: { separatorColor: colour("line") },
      },
      grid: { vertLines: { color: line }, horzLines: { color: line } },
      timeScale: { borderColor: line },
      rightPriceScale: { borderColor: line },
    });
    const [up, down] = [colour("won"), colour("lost")];
    candles.applyOptions({
      upColor: up,
      wickUpColor: up,
      downColor: down,
      wickDownColor: down,
      borderVisible: false,
    });
    chosenLine.applyOptions({ color: colour("ink") });
    for (const { series, colour: name } of shown?.lines ?? []) series.applyOptions({ color: colour(name) });
    if (!shown) return;
    given.level = -1;
    drawNow();
  });

  const zoom = (factor, at = (view.from + view.to) / 2) =>
    move(at - (at - view.from) * factor, at + (view.to - at) * factor);
  const pan = (share) =>
    move(view.from + (view.to - view.from) * share, view.to + (view.to - view.from) * share);
  const ways = {
    all: () => move(0, bars()),
    in: () => zoom(0.5),
    out: () => zoom(2),
    back: () => pan(-0.25),
    on: () => pan(0.25),
    start: () => move(0, view.to - view.from),
    end: () => move(bars() - (view.to - view.from), bars()),
  };
  for (const button of document.querySelectorAll("[data-view]")) {
    button.addEventListener("click", () => ways[button.dataset.view]());
  }
  const keys = {
    ArrowLeft: "back",
    ArrowRight: "on",
    "+": "in",
    "=": "in",
    "-": "out",
    Home: "start",
    End: "end",
    0: "all",
  };
  host.addEventListener("keydown", (event) => {
    const way = keys[event.key];
    if (!way || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    ways[way]();
  });
  const perPixel = () => (view.to - view.from) / Math.max(1, chart.timeScale().width());
  host.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      if (Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey) {
        pan((event.deltaX || event.deltaY) / 1000);
      } else {
        const left = event.clientX - host.getBoundingClientRect().left;
        zoom(Math.exp(Math.max(-300, Math.min(300, event.deltaY)) / 400), view.from + left * perPixel());
      }
    },
    { passive: false },
  );
  let dragged;
  host.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    dragged = { x: event.clientX, view };
    host.setPointerCapture(event.pointerId);
  });
  host.addEventListener("pointermove", (event) => {
    if (!dragged) return;
    const by = (dragged.x - event.clientX) * perPixel();
    move(dragged.view.from + by, dragged.view.to + by);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    host.addEventListener(end, () => {
      dragged = undefined;
    });
  }
  new ResizeObserver(draw).observe(host);

  for (const [n, { name }] of head.symbols.entries())
    $("symbol").append(element("option", { value: n }, name));
  $("symbol").hidden = head.symbols.length < 2;
  $("symbol").addEventListener("change", () => show(Number($("symbol").value)));
  show(0);
  return {
    /** Shows a trade in the middle of what comes before and after it. */
    goTo(k) {
      chosen = k;
      if (trades.symbol[k] !== shown.number) show(trades.symbol[k]);
      const [from, to] = [trades.entryBar[k], trades.exitBar[k]];
      const around = Math.max(40, to - from);
      given.level = -1;
      move(from - around, to + around);
    },
  };
}

// Curves: at each zoom, the lowest and the highest of what falls on a pixel.

/** Numbers of points between two that stand for all: the least and the greatest of each bucket, in order. */
function standing(values, from, to, buckets) {
  if (to - from <= buckets * 2) return Array.from({ length: to - from }, (_, n) => from + n);
  const found = [from];
  for (let bucket = 0; bucket < buckets; bucket++) {
    const begin = from + Math.floor(((to - from) * bucket) / buckets);
    const end = from + Math.floor(((to - from) * (bucket + 1)) / buckets);
    let [low, high] = [begin, begin];
    for (let i = begin; i < end; i++) {
      if (values[i] < values[low]) low = i;
      if (values[i] > values[high]) high = i;
    }
    for (const i of [Math.min(low, high), Math.max(low, high)]) if (i > found.at(-1)) found.push(i);
  }
  if (found.at(-1) < to - 1) found.push(to - 1);
  return found;
}

/** The first point at or after a value of an ascending column. */
function firstAt(column, value) {
  let [low, high] = [0, column.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (column[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Times below a curve: the date where a day begins, or alone when they are days apart. */
const timeLabels = (_, times, _axis, _space, step) =>
  times.map((ms) => {
    const text = new Date(ms).toISOString();
    if (step >= 86_400_000) return step >= 27 * 86_400_000 ? text.slice(0, 7) : text.slice(0, 10);
    return text.slice(11, 16) === "00:00" ? text.slice(5, 10) : text.slice(11, 16);
  });

const axes = (yText, xLabels) => {
  const common = {
    stroke: () => colour("dim"),
    grid: { stroke: () => faded("line", 0.6), width: 1 },
    ticks: { show: false },
  };
  return [
    { ...common, values: xLabels, space: 96 },
    { ...common, size: 84, values: (_, all) => all.map(yText) },
  ];
};

/**
 * A chart of columns over x that is given what stands for all of it at the present zoom. The first column decides which
 * points those are. The charts of a group are zoomed together.
 */
function curve(host, { x, columns, series, height, time, yText, bands, moved, group }) {
  const width = () => Math.max(200, host.clientWidth);
  const all = { min: x[0], max: x.at(-1) };
  const slice = ({ min, max }) => {
    const [from, to] = [Math.max(0, firstAt(x, min) - 1), Math.min(x.length, firstAt(x, max) + 1)];
    const at = standing(columns[0], from, to, width());
    return [x, ...columns].map((values) => Float64Array.from(at, (i) => values[i]));
  };
  const zoom = (range) => {
    for (const show of group) show(range);
  };
  const plot = new uPlot(
    {
      width: width(),
      height,
      ms: 1,
      tzDate: (ms) => uPlot.tzDate(new Date(ms), "Etc/UTC"),
      legend: { show: false },
      cursor: {
        drag: { x: true, y: false, setScale: false },
        bind: { dblclick: () => () => zoom(all) },
        points: { show: false },
      },
      scales: { x: { time, range: (_, min, max) => [min, max] } },
      axes: axes(
        yText,
        time ? timeLabels : (_, values) => values.map((n) => (Number.isInteger(n) ? plain.format(n) : "")),
      ),
      series: [{}, ...series],
      bands,
      hooks: {
        setCursor: [(chart) => moved?.(chart.cursor.idx === null ? null : chart.data[0][chart.cursor.idx])],
        setSelect: [
          (chart) => {
            const { left, width: wide } = chart.select;
            if (wide < 3) return;
            chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            zoom({ min: chart.posToVal(left, "x"), max: chart.posToVal(left + wide, "x") });
          },
        ],
      },
    },
    slice(all),
    host,
  );
  group.push((range) => {
    plot.setData(slice(range), false);
    plot.setScale("x", range);
  });
  new ResizeObserver(() => plot.setSize({ width: width(), height })).observe(host);
  themed.push(() => plot.redraw(false));
}

function curves({ head, column }) {
  const time = column(head.time);
  const equity = column(head.equity);
  if (equity.length < 2) return;
  $("curves").hidden = false;
  const columns = [equity];
  const stroke = (name) => () => colour(name);
  const series = [{ stroke: stroke("c0"), width: 1.5, points: { show: false } }];
  const names = [["c0", "equity"]];
  if (head.hold) {
    columns.push(column(head.hold));
    series.push({ stroke: stroke("c6"), width: 1, dash: [4, 3], points: { show: false } });
    names.push(["c6", "buy & hold"]);
  }
  const drawdown = new Float64Array(equity.length);
  let peak = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < equity.length; i++) {
    if (equity[i] > peak) peak = equity[i];
    drawdown[i] = peak > 0 ? (equity[i] / peak - 1) * 100 : 0;
  }
  for (const [name, text] of names) {
    const key = element("i", { class: "key" });
    key.style.background = `var(--${name})`;
    $("names").append(element("span", { class: "dim" }, key, `${text}  `));
  }
  const tell = (ms) => {
    if (ms === null || ms === undefined) return;
    const i = Math.min(firstAt(time, ms), time.length - 1);
    $("at").textContent = `${timeText(time[i])}  ${amounts.format(equity[i])}  ${drawdown[i].toFixed(2)} %`;
  };
  const common = { x: time, time: true, moved: tell, group: [] };
  curve($("equity"), { ...common, columns, series, height: 280, yText: (n) => amounts.format(n) });
  const area = { stroke: stroke("lost"), fill: () => faded("lost", 0.25), width: 1, points: { show: false } };
  curve($("drawdown"), {
    ...common,
    columns: [drawdown],
    series: [area],
    height: 150,
    yText: (n) => `${n.toFixed(1)} %`,
  });
}

function fan({ head, column }) {
  if (!head.fan) return;
  $("fan").hidden = false;
  const bands = head.fan.bands.map(column);
  const last = bands.length - 1;
  const middle = last / 2;
  curve($("orders"), {
    x: column(head.fan.after),
    time: false,
    group: [],
    columns: bands,
    series: bands.map((_, n) => ({
      stroke: () => (n === middle ? colour("c0") : faded("c0", 0.35)),
      width: n === middle ? 2 : 1,
      points: { show: false },
    })),
    // From the outside in, each over the one around it.
    bands: Array.from({ length: Math.floor(bands.length / 2) }, (_, n) => ({
      series: [last - n + 1, n + 1],
      fill: () => faded("c0", 0.14),
    })),
    height: 280,
    yText: (n) => amounts.format(n),
  });
}

// Tables.

function statistics({ head }) {
  for (const { heading, rows } of head.statistics) {
    const list = element("dl");
    list.append(
      ...rows.map(([label, value]) => element("div", {}, element("dt", {}, label), element("dd", {}, value))),
    );
    if (heading) $("statistics").append(element("h3", {}, heading));
    $("statistics").append(list);
  }
}

function months({ head }) {
  if (head.months.length === 0) return;
  $("months").hidden = false;
  const [top, body] = [$("months").querySelector("thead"), $("months").querySelector("tbody")];
  const names = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec Year".split(" ");
  top.append(
    element(
      "tr",
      {},
      element("th"),
      ...names.map((name) => element("th", { scope: "col", class: "number" }, name)),
    ),
  );
  const largest = Math.max(
    1,
    ...head.months.flatMap(({ months: all }) => all.map((value) => Math.abs(value ?? 0))),
  );
  const cell = (value) => {
    if (value === null) return element("td");
    const made = element("td", { class: sign(value) }, `${value > 0 ? "+" : ""}${value.toFixed(2)}`);
    made.style.setProperty("--share", `${Math.round(8 + 72 * Math.min(1, Math.abs(value) / largest))}%`);
    return made;
  };
  for (const { year, months: all, total } of head.months) {
    body.append(
      element("tr", {}, element("th", { scope: "row" }, String(year)), ...all.map(cell), cell(total)),
    );
  }
}

/** The trades as columns, and which of them are a symbol's. */
function tradesOf({ head, column }) {
  const columns = Object.fromEntries(
    Object.entries(head.trades.columns).map(([key, place]) => [key, column(place)]),
  );
  const length = columns.size.length;
  const { whys, tags, prices } = head.trades;
  const price = (k, value) => value.toFixed(prices[columns.symbol[k]]);
  return {
    ...columns,
    length,
    of: (symbol) => [...Array(length).keys()].filter((k) => columns.symbol[k] === symbol),
    /** What each column of the table holds: a value to sort by, and how it is written. */
    cells: [
      { name: "#", number: true, by: (k) => k + 1, text: (k) => String(k + 1) },
      { name: "Symbol", by: (k) => head.symbols[columns.symbol[k]].name },
      { name: "Side", by: (k) => (columns.size[k] > 0 ? "long" : "short") },
      {
        name: "Size",
        number: true,
        by: (k) => Math.abs(columns.size[k]),
        text: (k) => plain.format(Math.abs(columns.size[k])),
      },
      { name: "Entry", by: (k) => columns.entryTime[k], text: (k) => timeText(columns.entryTime[k]) },
      { name: "Exit", by: (k) => columns.exitTime[k], text: (k) => timeText(columns.exitTime[k]) },
      {
        name: "Bars",
        number: true,
        by: (k) => columns.exitBar[k] - columns.entryBar[k],
        text: (k) => plain.format(columns.exitBar[k] - columns.entryBar[k]),
      },
      {
        name: "Entry price",
        number: true,
        by: (k) => columns.entryPrice[k],
        text: (k) => price(k, columns.entryPrice[k]),
      },
      {
        name: "Exit price",
        number: true,
        by: (k) => columns.exitPrice[k],
        text: (k) => price(k, columns.exitPrice[k]),
      },
      {
        name: "PnL",
        number: true,
        tone: true,
        by: (k) => columns.pnl[k],
        text: (k) => amounts.format(columns.pnl[k]),
      },
      {
        name: "Return",
        number: true,
        tone: true,
        by: (k) => columns.returnFraction[k],
        text: (k) => `${(columns.returnFraction[k] * 100).toFixed(2)} %`,
      },
      {
        name: "Costs",
        number: true,
        by: (k) => columns.costs[k],
        text: (k) => amounts.format(columns.costs[k]),
      },
      {
        name: "MAE",
        number: true,
        by: (k) => columns.mae[k],
        text: (k) => `${(columns.mae[k] * 100).toFixed(2)} %`,
      },
      {
        name: "MFE",
        number: true,
        by: (k) => columns.mfe[k],
        text: (k) => `${(columns.mfe[k] * 100).toFixed(2)} %`,
      },
      { name: "Why", by: (k) => whys[columns.why[k]] },
      { name: "Tag", by: (k) => tags[columns.tag[k]] ?? "" },
    ],
  };
}

const ROW = 28;
/** Rows on paper. */
const MOST_PRINTED = 2000;

/** The table of trades: rows in sight alone are in the page, however many there are. */
function tradesTable({ head, trades }, choose) {
  if (trades.length === 0) return;
  $("trades").hidden = false;
  const box = $("rows");
  box.tabIndex = 0;
  const body = box.querySelector("tbody");
  const cells = trades.cells.filter(({ name }) => name !== "Symbol" || head.symbols.length > 1);
  const textOf = (cell, k) => (cell.text ? cell.text(k) : cell.by(k));
  /** All of a trade's cells, in small letters, once it was looked through. */
  const texts = [];
  const found = (k, words) => {
    texts[k] ??= cells
      .map((cell) => textOf(cell, k))
      .join("\n")
      .toLowerCase();
    return texts[k].includes(words);
  };
  let order = [];
  let sorted = { cell: cells[0], down: false };
  let chosen = -1;
  let printing = false;
  /** The rows that are in the page. */
  let there = {};

  const heads = cells.map((cell) => {
    const button = element("button", { type: "button" }, cell.name);
    button.addEventListener("click", () => {
      sorted = { cell, down: sorted.cell === cell ? !sorted.down : false };
      list();
    });
    return element("th", { scope: "col", class: cell.number ? "number" : "" }, button);
  });
  box.querySelector("thead tr").append(...heads);

  function list() {
    const words = $("find").value.toLowerCase().trim();
    const [symbol, side, end] = [$("of").value, $("side").value, $("end").value];
    order = [];
    for (let k = 0; k < trades.length; k++) {
      if (symbol !== "" && trades.symbol[k] !== Number(symbol)) continue;
      if (side !== "" && trades.size[k] > 0 !== (side === "long")) continue;
      if (end !== "" && trades.pnl[k] > 0 !== (end === "1")) continue;
      if (words !== "" && !found(k, words)) continue;
      order.push(k);
    }
    const { cell, down } = sorted;
    const by = new Map(order.map((k) => [k, cell.by(k)]));
    const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
    order.sort((a, b) => (compare(by.get(a), by.get(b)) || a - b) * (down ? -1 : 1));
    for (const [n, head] of heads.entries()) {
      if (cells[n] === cell) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    const sum = order.reduce((total, k) => total + trades.pnl[k], 0);
    $("count").textContent =
      `${plain.format(order.length)} of ${plain.format(trades.length)}, PnL ${amounts.format(sum)}`;
    box.scrollTop = 0;
    rows();
  }

  /** Puts the rows in sight into the page, unless they are there: a click that is under way would be lost with its row. */
  function rows() {
    const from = printing ? 0 : Math.max(0, Math.floor(box.scrollTop / ROW) - 5);
    const to = Math.min(
      order.length,
      printing ? MOST_PRINTED : from + Math.ceil(box.clientHeight / ROW) + 12,
    );
    if (there.order === order && there.from === from && there.to === to) return;
    there = { order, from, to };
    const space = (count) => {
      const cell = element("td", { colspan: cells.length });
      cell.style.height = `${count * ROW}px`;
      return element("tr", { class: "space", "aria-hidden": "true" }, cell);
    };
    const made = order
      .slice(from, to)
      .map((k) =>
        element(
          "tr",
          { "data-trade": k, "aria-selected": k === chosen },
          ...cells.map((cell) =>
            element(
              "td",
              { class: [cell.number ? "number" : "", cell.tone ? sign(cell.by(k)) : ""].join(" ").trim() },
              textOf(cell, k),
            ),
          ),
        ),
      );
    const after = printing ? 0 : order.length - to;
    body.replaceChildren(...(from > 0 ? [space(from)] : []), ...made, ...(after > 0 ? [space(after)] : []));
  }

  function select(at) {
    const k = order[Math.max(0, Math.min(order.length - 1, at))];
    if (k === undefined) return;
    chosen = k;
    const top = order.indexOf(k) * ROW;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + 2 * ROW > box.scrollTop + box.clientHeight)
      box.scrollTop = top + 2 * ROW - box.clientHeight;
    rows();
    for (const row of body.rows) {
      if (row.dataset.trade) row.setAttribute("aria-selected", row.dataset.trade === String(k));
    }
    choose(k);
  }
  body.addEventListener("click", ({ target }) => {
    const row = target.closest("tr[data-trade]");
    if (row) select(order.indexOf(Number(row.dataset.trade)));
  });
  box.addEventListener("keydown", (event) => {
    const at = order.indexOf(chosen);
    const page = Math.max(1, Math.floor(box.clientHeight / ROW) - 2);
    const to = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: order.length,
    }[event.key];
    if (to === undefined || event.target !== box) return;
    event.preventDefault();
    select(to);
  });
  box.addEventListener("scroll", rows);
  // With its first rows the box grows to its height, and so sees more of them.
  new ResizeObserver(rows).observe(box);
  for (const id of ["find", "of", "side", "end"]) $(id).addEventListener("input", list);
  $("of").append(element("option", { value: "" }, "all symbols"));
  for (const [n, { name }] of head.symbols.entries()) $("of").append(element("option", { value: n }, name));
  $("of").hidden = head.symbols.length < 2;
  addEventListener("beforeprint", () => {
    printing = true;
    rows();
  });
  addEventListener("afterprint", () => {
    printing = false;
    rows();
  });
  list();
}

function log({ head }) {
  if (head.log.lines.length === 0) return;
  $("log").hidden = false;
  $("said").tabIndex = 0;
  const left = head.log.all - head.log.lines.length;
  const lines = head.log.lines.map(([time, symbol, text]) => `${timeText(time)}  ${symbol}  ${text}`);
  $("said").textContent = [...lines, ...(left > 0 ? [`and ${plain.format(left)} more`] : [])].join("\n");
}

async function start() {
  const { head, column } = await unpacked();
  document.title = head.title;
  $("title").textContent = head.title;
  $("about").textContent = head.about.join(" · ");
  $("made").prepend(head.made);
  $("note").textContent = head.note ?? "";
  $("note").hidden = head.note === null;

  const symbols = head.symbols.map((symbol) => {
    let known;
    return () => {
      if (known) return known;
      const columns = Object.fromEntries(
        Object.entries(symbol.columns).map(([key, place]) => [key, column(place)]),
      );
      columns.lines = symbol.lines.map(({ values }) => column(values));
      known = { ...symbol, columns };
      return known;
    };
  });
  const data = { head, column, symbol: (n) => symbols[n]() };
  data.trades = tradesOf(data);

  let chart;
  if (head.symbols.some(({ columns }) => columns.time.length > 0)) {
    $("prices").hidden = false;
    chart = priceChart(data);
  }
  curves(data);
  statistics(data);
  months(data);
  tradesTable(data, (k) => {
    chart?.goTo(k);
    const { top, bottom } = $("price").getBoundingClientRect();
    if (chart && (top < 0 || bottom > innerHeight)) $("prices").scrollIntoView({ block: "start" });
  });
  fan(data);
  log(data);
  $("waiting").hidden = true;
  document.documentElement.dataset.ready = "";
}

start().catch((error) => {
  $("waiting").textContent = `The report can't be opened: ${error.message}`;
  throw error;
});
