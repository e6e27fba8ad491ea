import { execFileSync } from "node:child_process";
import { build } from "esbuild";

await build({ entryPoints: ["src/browser.ts"], bundle: true, minify: true, format: "esm", target: "es2021", outdir: "dist", logLevel: "warning" });
execFileSync("npx", ["tsc", "--noEmit", "false", "--emitDeclarationOnly", "--declaration", "--outDir", "dist", "--rootDir", "src", "src/browser.ts", "--ignoreConfig", "--target", "es2022", "--lib", "es2022,dom", "--strict"], { stdio: "inherit" });
