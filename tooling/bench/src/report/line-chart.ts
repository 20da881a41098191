/** Lines over concurrency on logarithmic axes, as SVG, rendered without a browser. */

import { LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, TitleComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

use([LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly color: string;
  /** Drawn thin and without marks: a reference, not a measurement. */
  readonly reference?: boolean;
}

export interface Axis {
  readonly min: number;
  readonly max: number;
  /** The values that are named. */
  readonly ticks: readonly number[];
}

export interface LineChartOptions {
  readonly title: string;
  readonly subtitle: string;
  readonly x: string;
  readonly y: string;
  readonly xAxis: Axis;
  readonly yAxis: Axis;
  readonly lines: readonly Line[];
}

const TEXT = "#24292f";
const FAINT = "#57606a";
const GRID = "#d8dee4";
/** Of different sizes, the later the larger, hollow and further down, so that lines which coincide all show. */
const MARKS = [
  { symbol: "circle", symbolSize: 6 },
  { symbol: "emptyTriangle", symbolSize: 11 },
  { symbol: "emptyRect", symbolSize: 14 },
];
const DASHES = "path://M0 0H9V1.5H0ZM14 0H23V1.5H14Z";

export function lineChart(options: LineChartOptions): string {
  const references = options.lines.filter((line) => line.reference);
  const measured = options.lines.filter((line) => !line.reference);
  const chart = init(null, null, { renderer: "svg", ssr: true, width: 820, height: 460 });
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    textStyle: { fontFamily: "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif", color: TEXT },
    title: {
      text: options.title,
      subtext: options.subtitle,
      left: 24,
      top: 14,
      textStyle: { fontSize: 17, color: TEXT },
      subtextStyle: { fontSize: 12.5, color: FAINT },
    },
    legend: {
      bottom: 12,
      itemGap: 22,
      textStyle: { color: TEXT, fontSize: 12.5 },
      data: options.lines.map((line) => (line.reference ? { name: line.name, icon: DASHES } : { name: line.name })),
    },
    grid: { left: 78, right: 36, top: 92, bottom: 92 },
    xAxis: { ...axis(options.xAxis), name: options.x, nameLocation: "middle", nameGap: 32 },
    yAxis: { ...axis(options.yAxis), name: options.y, nameLocation: "middle", nameGap: 52 },
    series: [
      ...references.map(seriesOf),
      ...measured.map((line, index) => ({ ...seriesOf(line), ...MARKS[index], z: 9 - index })),
    ],
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg}\n`;
}

function seriesOf(line: Line): object {
  return {
    type: "line",
    name: line.name,
    data: line.points.map((point) => [...point]),
    color: line.color,
    symbol: "none",
    lineStyle: line.reference ? { width: 1.5, type: "dashed" } : { width: 2 },
  };
}

/** A logarithmic axis that names exactly its ticks. */
function axis({ min, max, ticks }: Axis): object {
  return {
    type: "log",
    min,
    max,
    nameTextStyle: { color: FAINT, fontSize: 12.5 },
    axisLine: { show: true, lineStyle: { color: FAINT } },
    axisTick: { show: true, customValues: ticks, lineStyle: { color: FAINT } },
    axisLabel: { customValues: ticks, color: TEXT, formatter: (value: number) => value.toLocaleString("en-US") },
    minorTick: { show: false },
    splitLine: { show: true, lineStyle: { color: GRID } },
  };
}
