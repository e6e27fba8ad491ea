// The five kinds of charts: area, bars, diverging, share, ranked.
import type { BarSeriesOption, LineSeriesOption } from "echarts/charts";
import type { GridComponentOption, LegendComponentOption, TooltipComponentOption } from "echarts/components";
import type { ComposeOption } from "echarts/core";
import type { Data, Head, Line } from "./table.js";
import type { Theme } from "./theme.js";
import { tooltip } from "./tooltip.js";

export type Options = ComposeOption<
  BarSeriesOption | GridComponentOption | LegendComponentOption | LineSeriesOption | TooltipComponentOption
>;
type Series = BarSeriesOption | LineSeriesOption;
interface Style {
  color: string;
  borderColor?: string;
  borderWidth?: number;
  borderType?: number[];
}

const NUMBERS = new Intl.NumberFormat("en-GB", { notation: "compact", maximumFractionDigits: 1 });
const ROW = 30;
const LABEL = 62;
const AREA_FROM = 9;

/** The height in pixels that a chart asks for; null: the style sheet's. */
export function wanted(kind: string, data: Data): number | null {
  return kind === "ranked" ? data.lines.length * ROW + 16 : null;
}

export function options(kind: string, data: Data, theme: Theme, width: number): Options {
  if (kind === "ranked") return ranked(data, theme, width);
  const heads = data.heads.map((head, index) => ({ head, index })).filter(({ head }) => head.tone !== "");
  const series = heads.flatMap(({ head, index }) => make(kind, data, head, index, theme));
  const areas = kind === "area" || (kind === "share" && flows(data));
  // A colour of one version says nothing without its name.
  const legend = heads.length > 1 || kind === "share";
  // Counted from the newest, so that the last bucket always has its label and the gaps are even.
  const step = Math.max(1, Math.ceil((data.lines.length * LABEL) / Math.max(width - 48, LABEL)));
  return {
    animation: false,
    aria: { enabled: false },
    textStyle: { fontFamily: theme.font },
    grid: { left: 4, right: areas ? 24 : 12, top: 12, bottom: legend ? legendRows(heads.map(({ head }) => head.label), width) * 24 + 6 : 4,
      outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    legend: legend
      ? { show: true, data: heads.map(({ head }) => head.label), bottom: 0, left: 0, itemWidth: 12, itemHeight: 12, itemGap: 14,
          icon: "roundRect", selectedMode: false, textStyle: { color: theme.text, fontFamily: theme.font, fontSize: 13 } }
      : { show: false },
    tooltip: tooltip(data, theme, areas ? "line" : "shadow", kind === "share"),
    xAxis: {
      type: "category", data: data.lines.map((line) => line.short), boundaryGap: !areas,
      axisLine: { lineStyle: { color: theme.soft } }, axisTick: { show: false },
      axisLabel: { color: theme.soft, fontSize: 12, interval: (place: number) => (data.lines.length - 1 - place) % step === 0,
        hideOverlap: true, ...(areas ? { alignMinLabel: "left" } : {}) },
    },
    yAxis: {
      type: "value", minInterval: 1, splitNumber: 4, ...(kind === "share" ? { max: 100, interval: 25 } : {}),
      splitLine: { lineStyle: { color: theme.line } },
      axisLabel: { color: theme.soft, fontSize: 12,
        formatter: (value: number) => (kind === "share" ? `${value} %` : NUMBERS.format(Math.abs(value))) },
    },
    series,
  };
}

/** Whether there are weeks enough for an area: out of one or two, all that it would draw is a sliver. */
function flows(data: Data): boolean {
  return data.lines.filter((line) => total(line) > 0).length >= AREA_FROM;
}

const total = (line: Line): number => line.points.reduce((sum, point) => sum + (point.value ?? 0), 0);

/** How many lines the legend takes: it is placed by the library, and the grid must leave room for it. */
function legendRows(labels: readonly string[], width: number): number {
  let rows = 1;
  let used = 0;
  for (const label of labels) {
    const entry = 12 + 5 + label.length * 7.5 + 14;
    if (used > 0 && used + entry > width) [rows, used] = [rows + 1, 0];
    used += entry;
  }
  return rows;
}

function make(kind: string, data: Data, head: Head, index: number, theme: Theme): Series[] {
  const color = theme.tone(head.tone);
  const value = (line: Line): number | null => line.points[index]?.value ?? null;
  if (kind === "area") return area(data, head, value, color, theme);
  if (kind === "share") return share(data, head, value, color, theme);
  const sign = head.tone === "gone" ? -1 : 1;
  return [{
    type: "bar", name: head.label, stack: "all", barCategoryGap: "22%", barMaxWidth: 44, itemStyle: { color },
    emphasis: { disabled: true },
    data: data.lines.map((line) => {
      const number = value(line);
      return { value: number === null ? "-" : sign * number, itemStyle: line.partial ? running(color, theme) : { color } };
    }),
  }];
}

/** What is not over: lighter, and in a dashed outline, for lighter alone is the colour of something else. */
function running(color: string, theme: Theme): Style {
  return { color: theme.light(color), borderColor: color, borderWidth: 1.5, borderType: [3, 2] };
}

/** The days that are over as a line, and the last step to the running day as a lighter, dashed one with an open dot. */
function area(data: Data, head: Head, value: (line: Line) => number | null, color: string, theme: Theme): Series[] {
  const last = data.lines.findIndex((line) => line.partial);
  const plain = { type: "line", symbol: "none", emphasis: { disabled: true }, color } as const;
  const over: LineSeriesOption = {
    ...plain, name: head.label, lineStyle: { color, width: 2 }, areaStyle: { color, opacity: 0.14 },
    data: data.lines.map((line) => (line.partial ? "-" : (value(line) ?? "-"))),
  };
  if (last < 0) return [over];
  const step: LineSeriesOption = {
    ...plain, name: `${head.label}, so far`, lineStyle: { color, width: 2, type: [3, 4] }, areaStyle: { color, opacity: 0.05 },
    data: data.lines.map((line, place) => ({
      value: place >= last - 1 ? (value(line) ?? "-") : "-",
      symbol: place === last ? "circle" : "none", symbolSize: 8,
      itemStyle: { color: theme.surface, borderColor: color, borderWidth: 2 },
    })),
    showSymbol: true,
  };
  return [over, step];
}

function share(data: Data, head: Head, value: (line: Line) => number | null, color: string, theme: Theme): Series[] {
  // A week without instances has no shares: a gap, and no fall to nought.
  const shares = data.lines.map((line) => (total(line) === 0 ? "-" : (100 * (value(line) ?? 0)) / total(line)));
  if (!flows(data)) {
    return [{ type: "bar", name: head.label, stack: "all", barCategoryGap: "14%", barMaxWidth: 120, color, emphasis: { disabled: true },
      data: shares.map((number, place) => ({ value: number,
        itemStyle: data.lines[place]?.partial ? running(color, theme) : { color, borderColor: theme.surface, borderWidth: 0.75 } })) }];
  }
  const last = data.lines.findIndex((line) => line.partial);
  const plain = { type: "line", symbol: "none", color, emphasis: { disabled: true },
    lineStyle: { width: 0.75, color: theme.surface } } as const;
  const over: LineSeriesOption = { ...plain, name: head.label, stack: "all", areaStyle: { color, opacity: 1 },
    data: shares.map((number, place) => (place === last ? "-" : number)) };
  if (last < 0) return [over];
  const step: LineSeriesOption = { ...plain, name: `${head.label}, so far`, stack: "so far",
    areaStyle: { color: theme.light(color), opacity: 1 },
    data: shares.map((number, place) => (place >= last - 1 ? number : "-")) };
  return [over, step];
}

function ranked(data: Data, theme: Theme, width: number): Options {
  const color = theme.tone("main");
  const room = Math.min(200, Math.round(width * 0.46));
  return {
    animation: false,
    textStyle: { fontFamily: theme.font },
    grid: { left: room, right: 64, top: 4, bottom: 4, outerBoundsMode: "none" },
    tooltip: tooltip(data, theme, "shadow", false),
    xAxis: { type: "value", show: false, min: 0 },
    yAxis: {
      type: "category", inverse: true, data: data.lines.map((line) => line.short), axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: { color: theme.text, fontSize: 13, width: room - 12, overflow: "truncate", interval: 0 },
    },
    series: [{
      type: "bar", name: data.heads[0]?.label ?? "", barWidth: 16, itemStyle: { color, borderRadius: [0, 3, 3, 0] },
      emphasis: { disabled: true }, data: data.lines.map((line) => line.points[0]?.value ?? 0),
      label: { show: true, position: "right", color: theme.soft, fontSize: 12, fontFamily: theme.font,
        formatter: (item) => data.lines[item.dataIndex]?.points[0]?.text ?? "" },
    }],
  };
}
