// Colours and type come from the style sheet alone, so that light, dark and print are decided in one place.

export interface Theme {
  readonly text: string;
  readonly soft: string;
  readonly line: string;
  readonly surface: string;
  readonly font: string;
  tone(name: string): string;
  /** A tone, lighter: nearer to the surface that it lies on, so that no line of the grid shines through. */
  light(color: string): string;
}

export function readTheme(place: HTMLElement): Theme {
  const style = getComputedStyle(place);
  const variable = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const surface = variable("surface");
  const ramp = variable("ramp").split(/\s+/);
  return {
    text: variable("text"),
    soft: variable("soft"),
    line: variable("line"),
    surface,
    font: style.fontFamily,
    tone(name) {
      const rank = /^rank-(\d+)-(\d+)$/.exec(name);
      if (rank === null) return variable(`tone-${name}`);
      return onRamp(ramp, Number(rank[1]), Number(rank[2]));
    },
    light: (color) => mixed(surface, color, 0.4),
  };
}

/** The colour at `place` of `count` on an evenly spread ramp: versions have an order, and so have their colours. */
function onRamp(ramp: readonly string[], place: number, count: number): string {
  const at = count < 2 ? ramp.length - 1 : (place / (count - 1)) * (ramp.length - 1);
  return mixed(ramp[Math.floor(at)] ?? "#888888", ramp[Math.ceil(at)] ?? "#888888", at - Math.floor(at));
}

function mixed(from: string, to: string, part: number): string {
  const high = channels(to);
  const mix = channels(from).map((channel, index) => Math.round(channel + ((high[index] ?? channel) - channel) * part));
  return `#${mix.map((channel) => channel.toString(16).padStart(2, "0")).join("")}`;
}

const channels = (hex: string): number[] => [1, 3, 5].map((start) => Number.parseInt(hex.slice(start, start + 2), 16));
