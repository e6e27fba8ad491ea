import { build } from "esbuild";

await build({ entryPoints: ["src/browser.ts"], bundle: true, minify: true, format: "esm", target: "es2020", outdir: "dist", logLevel: "warning" });
