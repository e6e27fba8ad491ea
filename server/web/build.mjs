// Bundles the scripts and styles of the insights pages into the Python package, where the server finds them.
import { build } from "esbuild";

await build({
  entryPoints: ["src/insights.ts", "src/insights.css"],
  bundle: true, minify: true, format: "esm", target: "es2022", logLevel: "warning", legalComments: "eof",
  outdir: "../src/windrow_server/pages/static/dist",
});
