import { existsSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { start } from "../src/browser";

interface Sent {
  url: string;
  body: { events: { name: string; properties: Record<string, unknown> }[] } | undefined;
}

const ON = { enabled: true, events: { page_view: ["route"], feature_click: ["feature"] }, routes: ["/agents"] };

/** What `start` needs of a window, with a server that answers as it is told. */
function browser(config: unknown, more: Record<string, unknown> = {}, answer: unknown = { enabled: true }) {
  const sent: Sent[] = [];
  const listeners: Record<string, (event: unknown) => void> = {};
  const listen = (kind: string, listener: (event: unknown) => void) => (listeners[kind] = listener);
  const fetch = (url: string, options: { body?: string }) => {
    sent.push({ url, body: options.body ? JSON.parse(options.body) : undefined });
    if (config instanceof Error) return Promise.reject(config);
    return Promise.resolve({ ok: true, json: () => Promise.resolve(url.endsWith("/config") ? config : answer) });
  };
  const scope = {
    navigator: { ...more },
    document: { addEventListener: listen },
    addEventListener: listen,
    setTimeout: (run: () => void, after: number) => setTimeout(run, after),
    fetch,
  } as unknown as Window & typeof globalThis;
  const events = () => sent.flatMap((request) => request.body?.events ?? []);
  const click = (feature: string | null) =>
    listeners.click?.({ target: { closest: () => feature && { getAttribute: () => feature } } });
  return { scope, sent, events, click, hide: () => listeners.pagehide?.({}) };
}

const soon = () => vi.advanceTimersByTimeAsync(1500);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("windrow/browser", () => {
  test("asks the server before anything else", async () => {
    const page = browser(ON);
    start({ scope: page.scope, route: () => "/agents" });
    expect(page.sent.map((request) => request.url)).toEqual(["/telemetry/config"]);
    await soon();
    expect(page.events()).toEqual([{ name: "page_view", properties: { route: "/agents" } }]);
  });

  test("sends clicks by the name in data-telemetry, and nothing for other clicks", async () => {
    const page = browser(ON);
    start({ scope: page.scope });
    await soon();
    page.click("agent.save");
    page.click(null);
    await soon();
    expect(page.events()).toEqual([{ name: "feature_click", properties: { feature: "agent.save" } }]);
  });

  test("sends a view once while the same route is shown", async () => {
    const page = browser(ON);
    const handle = start({ scope: page.scope, route: () => "/agents" });
    handle.view();
    handle.view();
    await soon();
    expect(page.events()).toHaveLength(1);
  });

  test.each([
    ["the server says off", { enabled: false }],
    ["the server does not answer", new Error("offline")],
    ["the answer is empty", {}],
  ])("fails closed when %s", async (_, config) => {
    const page = browser(config);
    const handle = start({ scope: page.scope, route: () => "/agents" });
    handle.track("page_view");
    await soon();
    page.click("agent.save");
    await soon();
    expect(page.sent).toHaveLength(1);
  });

  test.each([{ globalPrivacyControl: true }, { doNotTrack: "1" }])("asks nothing under %o", async (signal) => {
    const page = browser(ON, signal);
    start({ scope: page.scope, route: () => "/agents" }).track("page_view");
    await soon();
    expect(page.sent).toEqual([]);
  });

  test("stops at once when the server says so", async () => {
    const page = browser(ON, {}, { enabled: false });
    const handle = start({ scope: page.scope });
    await soon();
    handle.track("page_view", { route: "/agents" });
    await soon();
    handle.track("page_view", { route: "/" });
    await soon();
    expect(page.events()).toHaveLength(1);
  });

  test("keeps events that are not declared at home", async () => {
    const page = browser(ON);
    const handle = start({ scope: page.scope });
    handle.track("secret_event");
    await soon();
    handle.track("secret_event");
    await soon();
    expect(page.events()).toEqual([]);
  });

  test("hands over what is left when the page goes", async () => {
    const beacons: string[] = [];
    const page = browser(ON, { sendBeacon: (url: string) => beacons.push(url) > 0 });
    const handle = start({ scope: page.scope });
    await soon();
    handle.track("page_view", { route: "/agents" });
    page.hide();
    expect(beacons).toEqual(["/telemetry/events"]);
  });

  test("bounds what waits", async () => {
    const page = browser(ON);
    const handle = start({ scope: page.scope });
    for (let n = 0; n < 500; n++) handle.track("page_view", { route: "/agents" });
    await soon();
    expect(page.events()).toHaveLength(50);
  });

  test("is at most 2 kB when packed", () => {
    const bundle = new URL("../dist/browser.js", import.meta.url);
    expect(existsSync(bundle), "npm run build comes first").toBe(true);
    expect(gzipSync(readFileSync(bundle)).length).toBeLessThanOrEqual(2048);
  });
});
