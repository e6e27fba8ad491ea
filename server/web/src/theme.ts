// Colours and type come from the style sheet alone, so that light, dark and print are decided in one place.

export interface Theme {
  readonly text: string;
  readonly soft: string;
  readonly line: string;
  readonly surface: string;
  readonly font: string;
  tone(name: string): string;
}

export function readTheme(place: HTMLElement): Theme {
  const style = getComputedStyle(place);
  const variable = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const ramp = variable("ramp").split(/\s+/);
  return {
    text: variable("text"),
    soft: variable("soft"),
    line: variable("line"),
    surface: variable("surface"),
    font: style.fontFamily,
    tone(name) {
      const rank = /^rank-(\d+)-(\d+)$/.exec(name);
      if (rank === null) return variable(`tone-${name}`);
      return mixed(ramp, Number(rank[1]), Number(rank[2]));
    },
  };
}

/** The colour at `place` of `count` on an evenly spread ramp: versions have an order, and so have their colours. */
function mixed(ramp: readonly string[], place: number, count: number): string {
  const at = count < 2 ? ramp.length - 1 : (place / (count - 1)) * (ramp.length - 1);
  const low = channels(ramp[Math.floor(at)] ?? "#888888");
  const high = channels(ramp[Math.ceil(at)] ?? "#888888");
  const part = at - Math.floor(at);
  const mix = low.map((channel, index) => Math.round(channel + ((high[index] ?? channel) - channel) * part));
  return `rgb(${mix.join(",")})`;
}

const channels = (hex: string): number[] => [1, 3, 5].map((start) => Number.parseInt(hex.slice(start, start + 2), 16));
