// The tooltip: elements and classes instead of markup, so that nothing in it needs an inline style.
import type { TooltipComponentOption } from "echarts/components";
import type { Data } from "./table.js";
import type { Theme } from "./theme.js";

export function tooltip(data: Data, theme: Theme, pointer: "line" | "shadow", reversed: boolean): TooltipComponentOption {
  return {
    trigger: "axis", confine: true, transitionDuration: 0, padding: 0, borderWidth: 0, backgroundColor: "transparent",
    extraCssText: "box-shadow:none", axisPointer: { type: pointer, label: { show: false },
      lineStyle: { color: theme.soft }, shadowStyle: { color: theme.soft, opacity: 0.12 } },
    formatter: (items) => {
      const first = Array.isArray(items) ? items[0] : items;
      return first === undefined ? "" : content(data, first.dataIndex, theme, reversed);
    },
  };
}

function content(data: Data, place: number, theme: Theme, reversed: boolean): HTMLElement {
  const box = element("div", "tip");
  const line = data.lines[place];
  if (line === undefined) return box;
  box.append(element("p", "tip-title", line.partial ? `${line.label}, so far` : line.label));
  const list = element("dl", "");
  const order = data.heads.map((_, index) => index);
  // A stack is read from its top, and so is its tooltip.
  for (const index of reversed ? order.reverse() : order) {
    const head = data.heads[index];
    const point = line.points[index];
    if (head === undefined || point === undefined || (reversed && point.value === 0)) continue;
    const name = element("dt", "", head.label);
    if (head.tone !== "") name.prepend(swatch(theme.tone(head.tone)));
    list.append(name, element("dd", "", point.text));
  }
  box.append(list);
  return box;
}

function swatch(color: string): HTMLElement {
  const mark = element("i", "");
  mark.style.background = color;
  return mark;
}

function element(name: string, classes: string, text = ""): HTMLElement {
  const made = document.createElement(name);
  if (classes !== "") made.className = classes;
  made.textContent = text;
  return made;
}
