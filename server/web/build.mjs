import { build } from "esbuild";

await build({
  entryPoints: ["src/insights.ts"],
  bundle: true, minify: true, format: "esm", target: "es2022", logLevel: "warning",
  outdir: "../src/windrow_server/pages/static/dist",
});
