/**
 * Page views and feature clicks, by way of the product's own server. No cookie, no storage, no id; never a path, a
 * title, a referrer or the text of an element. Asks the server first and fails closed; silent whatever happens.
 */

export interface Options {
  /** Where the product serves `config` and `events`; same origin. */
  base?: string;
  /** The template of the route that is shown now, such as `/agents/:id`. Without it there are no page views. */
  route?: () => string;
  /** The window; tests bring their own. */
  scope?: Window & typeof globalThis;
}

export interface Handle {
  /** Something happened. Only declared events and properties leave. */
  track(name: string, properties?: Record<string, unknown>): void;
  /** The shown route may have changed; for routers that do not load a page. */
  view(): void;
}

interface Config {
  enabled?: boolean;
  events?: Record<string, string[]>;
  routes?: string[];
}

const MOST = 50;
const SOON = 1000; // ms

/** Start; returns at once. What is tracked before the server has answered waits, or is forgotten. */
export function start(options: Options = {}): Handle {
  const scope = options.scope ?? window;
  const base = options.base ?? "/telemetry";
  let queue: { name: string; properties: Record<string, unknown> }[] = [];
  let config: Config | undefined;
  let off = false;
  let timer: unknown;
  let shown = "";

  const stop = (): void => {
    off = true;
    queue = [];
  };

  const flush = (leaving = false): void => {
    timer = undefined;
    if (off || !config || !queue.length) return;
    const body = JSON.stringify({ events: queue });
    queue = [];
    const json = "application/json";
    if (leaving && scope.navigator.sendBeacon?.(base + "/events", new Blob([body], { type: json }))) return;
    scope
      .fetch(base + "/events", { method: "POST", body, headers: { "content-type": json }, keepalive: true, credentials: "same-origin" })
      .then((reply) => reply.json())
      .then((answer: Config) => answer.enabled || stop())
      .catch(() => {});
  };

  const track = (name: string, properties: Record<string, unknown> = {}): void => {
    if (off || queue.length >= MOST) return;
    if (config && !config.events?.[name]) return;
    queue.push({ name, properties });
    timer ??= scope.setTimeout(flush, SOON);
  };

  const view = (): void => {
    const route = options.route?.();
    if (!route || route === shown) return;
    shown = route;
    track("page_view", { route });
  };

  const navigator = scope.navigator as Navigator & { globalPrivacyControl?: boolean };
  if (navigator.globalPrivacyControl || navigator.doNotTrack === "1") stop();
  else {
    scope
      .fetch(base + "/config", { credentials: "same-origin" })
      .then((reply) => (reply.ok ? reply.json() : {}))
      .then((answer: Config) => {
        if (!answer.enabled) return stop();
        config = answer;
        queue = queue.filter((event) => answer.events?.[event.name]);
        if (queue.length) timer ??= scope.setTimeout(flush, SOON);
      })
      .catch(stop);
    scope.addEventListener("pagehide", () => flush(true));
    scope.document.addEventListener(
      "click",
      (event) => {
        const feature = (event.target as Element | null)?.closest?.("[data-telemetry]")?.getAttribute("data-telemetry");
        if (feature) track("feature_click", { feature });
      },
      true,
    );
    view();
  }
  return { track, view };
}
