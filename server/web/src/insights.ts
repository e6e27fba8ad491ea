// Draws every chart of the page from the table under it, so that the two cannot disagree.
import { BarChart, LineChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { init, use, type EChartsType } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { options, wanted } from "./charts.js";
import { readTable } from "./table.js";
import { readTheme } from "./theme.js";

use([AriaComponent, BarChart, GridComponent, LegendComponent, LineChart, SVGRenderer, TooltipComponent]);

const drawn = new Map<HTMLElement, EChartsType>();

function draw(place: HTMLElement): void {
  const table = document.querySelector<HTMLTableElement>(`table[data-figure="${place.dataset.of}"]`);
  if (table === null) return;
  const data = readTable(table);
  const kind = place.dataset.chart ?? "bars";
  const height = wanted(kind, data);
  if (height !== null) place.style.height = `${height}px`;
  const chart = drawn.get(place) ?? init(place, null, { renderer: "svg" });
  drawn.set(place, chart);
  chart.setOption(options(kind, data, readTheme(place), place.clientWidth), { notMerge: true });
}

const places = [...document.querySelectorAll<HTMLElement>("[data-chart]")];
const redraw = (): void => places.forEach(draw);
redraw();

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
matchMedia("print").addEventListener("change", redraw);
const watcher = new ResizeObserver((entries) => {
  for (const entry of entries) {
    const place = entry.target as HTMLElement;
    const chart = drawn.get(place);
    if (chart === undefined || Math.abs(chart.getWidth() - place.clientWidth) < 1) continue;
    chart.resize();
    draw(place);
  }
});
places.forEach((place) => watcher.observe(place));

// The pickers need no button where a script can press it.
document.querySelector<HTMLSelectElement>("select#product")?.addEventListener("change", (event) => {
  (event.target as HTMLSelectElement).form?.submit();
});
