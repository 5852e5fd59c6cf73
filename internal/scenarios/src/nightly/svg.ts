// Plots as SVG text: axes, curves, bars and a legend, enough for docs/simulation.md. Written by hand because a chart
// library would be the largest dependency of the repository for six pictures. Works on light and dark pages: it brings
// its own white ground.

export interface Curve {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Circles at the points, and a line only if there are two or more. Default: a line alone. */
  readonly marks?: boolean;
  readonly dashed?: boolean;
}

export interface Axis {
  readonly label: string;
  readonly log?: boolean;
  readonly min?: number;
  readonly max?: number;
  /** How a value is written. */
  readonly text?: (value: number) => string;
}

export interface Plot {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly curves: readonly Curve[];
  /** Bars instead of lines: one per point, curves side by side. */
  readonly bars?: boolean;
}

/** Pixels between two rows of names. */
const legendRow = 18;
const size = { width: 720, height: 400, left: 76, right: 32, top: 64, bottom: 52 };
/** Told apart by colour-blind readers too (Okabe and Ito 2008). */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'];
/** Ticks on an axis, about. */
const ticksWanted = 6;

interface Scale {
  readonly ticks: readonly number[];
  at(value: number): number;
}

function scaleOf(axis: Axis, values: readonly number[], from: number, to: number): Scale {
  const low = axis.min ?? Math.min(...values);
  const high = axis.max ?? Math.max(...values);
  if (axis.log === true) {
    const first = Math.floor(Math.log10(low));
    const last = Math.max(first + 1, Math.ceil(Math.log10(high) - 1e-9));
    const ticks = Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i));
    return { ticks, at: (value) => from + ((Math.log10(value) - first) / (last - first)) * (to - from) };
  }
  const ticks = ticksBetween(low, high === low ? low + 1 : high);
  const start = axis.min ?? (ticks[0] as number);
  const end = axis.max ?? (ticks.at(-1) as number);
  return {
    ticks: ticks.filter((tick) => tick >= start - 1e-9 && tick <= end + 1e-9),
    at: (value) => from + ((value - start) / (end - start)) * (to - from),
  };
}

/** Round numbers that hold the range. */
function ticksBetween(low: number, high: number): number[] {
  const rough = (high - low) / ticksWanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** With a space between thousands, from five digits on. */
export function grouped(value: number): string {
  return Number.isInteger(value) && value >= 10_000
    ? value.toLocaleString('en').replaceAll(',', ' ')
    : String(value);
}

/** The picture as text. */
export function drawPlot(plot: Plot): string {
  const points = plot.curves.flatMap((curve) => curve.points);
  const right = size.width - size.right;
  const bottom = size.height - size.bottom;
  const names = legendOf(plot.curves);
  const top = size.top + legendRow * (names.at(-1)?.row ?? 0);
  const margin = plot.bars === true ? 0.5 : 0;
  const xs = points.map(([x]) => x);
  const x = scaleOf(
    plot.bars === true ? { ...plot.x, min: Math.min(...xs) - margin, max: Math.max(...xs) + margin } : plot.x,
    xs,
    size.left,
    right,
  );
  const y = scaleOf(
    plot.y,
    points.map(([, value]) => value),
    bottom,
    top,
  );
  const body = plot.curves.map((curve, i) =>
    plot.bars === true ? drawBars(plot, i, x, y, bottom) : drawCurve(curve, colourOf(i), x, y),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" width="${size.width}" height="${size.height}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="${escaped(plot.title)}">`,
    `<rect width="${size.width}" height="${size.height}" fill="#fff"/>`,
    text(size.left, 22, plot.title, 'font-size="15" font-weight="600"'),
    ...drawLegend(names, plot.bars === true),
    ...axes(plot, { x, y, right, top, bottom }),
    ...body,
    '</svg>',
    '',
  ].join('\n');
}

interface Frame {
  readonly x: Scale;
  readonly y: Scale;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

function axes({ x: xAxis, y: yAxis }: Plot, { x, y, right, top, bottom }: Frame): string[] {
  const across = y.ticks.flatMap((tick) => [
    line(size.left, y.at(tick), right, y.at(tick), 'stroke="#ddd"'),
    text(size.left - 8, y.at(tick) + 4, (yAxis.text ?? grouped)(tick), 'text-anchor="end" fill="#444"'),
  ]);
  const along = x.ticks.flatMap((tick) => [
    line(x.at(tick), bottom, x.at(tick), bottom + 5, 'stroke="#444"'),
    text(x.at(tick), bottom + 18, (xAxis.text ?? grouped)(tick), 'text-anchor="middle" fill="#444"'),
  ]);
  const middle = (top + bottom) / 2;
  return [
    ...across,
    ...along,
    line(size.left, bottom, right, bottom, 'stroke="#444"'),
    text((size.left + right) / 2, size.height - 12, xAxis.label, 'text-anchor="middle"'),
    text(0, 0, yAxis.label, `text-anchor="middle" transform="translate(18 ${n(middle)}) rotate(-90)"`),
  ];
}

interface LegendEntry {
  readonly curve: Curve;
  readonly left: number;
  /** Above the plot, 0 first. */
  readonly row: number;
}

/** Where the curves are named: side by side, in a further row where the width does not hold them. */
function legendOf(curves: readonly Curve[]): LegendEntry[] {
  let left = size.left;
  let row = 0;
  return curves.map((curve) => {
    const width = 44 + 6.6 * curve.name.length;
    if (left > size.left && left + width > size.width) {
      left = size.left;
      row++;
    }
    const entry = { curve, left, row };
    left += width;
    return entry;
  });
}

function drawLegend(entries: readonly LegendEntry[], bars: boolean): string[] {
  return entries.flatMap(({ curve, left, row }, i) => {
    const down = row * legendRow;
    const dash = curve.dashed === true ? ' stroke-dasharray="5 4"' : '';
    const sample = bars
      ? `<rect x="${n(left)}" y="${36 + down}" width="14" height="10" fill="${colourOf(i)}"/>`
      : line(left, 41 + down, left + 18, 41 + down, `stroke="${colourOf(i)}" stroke-width="2"${dash}`);
    return [sample, text(left + 24, 45 + down, curve.name, 'fill="#222"')];
  });
}

function drawCurve(curve: Curve, colour: string, x: Scale, y: Scale): string {
  const at = curve.points.map(([a, b]) => `${n(x.at(a))},${n(y.at(b))}`);
  const dash = curve.dashed === true ? ' stroke-dasharray="5 4"' : '';
  const path =
    at.length < 2
      ? ''
      : `<polyline points="${at.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"${dash}/>`;
  const marks = curve.marks === true ? curve.points.map(([a, b]) => mark(x.at(a), y.at(b), colour)) : [];
  return [path, ...marks].join('');
}

function mark(x: number, y: number, colour: string): string {
  return `<circle cx="${n(x)}" cy="${n(y)}" r="4" fill="${colour}"/>`;
}

function drawBars(plot: Plot, index: number, x: Scale, y: Scale, bottom: number): string {
  const wide = (x.at(1) - x.at(0)) * 0.84;
  const each = Math.max(1, wide / plot.curves.length);
  return (plot.curves[index]?.points ?? [])
    .map(([at, value]) => {
      const left = x.at(at) - wide / 2 + index * each;
      const top = y.at(value);
      return `<rect x="${n(left)}" y="${n(top)}" width="${n(each)}" height="${n(Math.max(0, bottom - top))}" fill="${colourOf(index)}"/>`;
    })
    .join('');
}

function colourOf(i: number): string {
  return colours[i % colours.length] as string;
}

function line(x1: number, y1: number, x2: number, y2: number, more: string): string {
  return `<line x1="${n(x1)}" y1="${n(y1)}" x2="${n(x2)}" y2="${n(y2)}" ${more}/>`;
}

function text(x: number, y: number, words: string, more = ''): string {
  return `<text x="${n(x)}" y="${n(y)}" ${more}>${escaped(words)}</text>`;
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

/** Two digits are enough for pixels. */
function n(value: number): string {
  return String(Math.round(value * 100) / 100);
}
