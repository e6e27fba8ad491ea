import { start } from "/windrow/browser.js";

start({ base: "/telemetry", route: () => document.querySelector('meta[name="windrow-route"]')?.content ?? "" });
