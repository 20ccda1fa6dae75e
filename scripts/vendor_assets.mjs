// Copies what pages load from node_modules into static/vendor, which is served from this machine: no CDN.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const TARGET = "static/vendor";
const TEXTS = {
  "tabler/tabler.min.css": "@tabler/core/dist/css/tabler.min.css",
  "tabler/tabler.min.js": "@tabler/core/dist/js/tabler.min.js",
  "tabler-icons/tabler-icons.min.css": "@tabler/icons-webfont/dist/tabler-icons.min.css",
  "idiomorph/idiomorph-ext.min.js": "idiomorph/dist/idiomorph-ext.min.js",
};
// All three that the style sheet names: hashing static files fails on a missing one.
const FONTS = ["tabler-icons.woff2", "tabler-icons.woff", "tabler-icons.ttf"];

rmSync(TARGET, { recursive: true, force: true });
for (const [name, source] of Object.entries(TEXTS)) {
  const target = join(TARGET, name);
  mkdirSync(dirname(target), { recursive: true });
  // Source maps stay behind (they are larger than the files), so the pointers to them go too.
  const text = readFileSync(join("node_modules", source), "utf8");
  writeFileSync(target, text.replace(/^(\/\/|\/\*)# sourceMappingURL=.*$/gm, ""));
}
for (const font of FONTS) {
  cpSync(
    join("node_modules/@tabler/icons-webfont/dist/fonts", font),
    join(TARGET, "tabler-icons/fonts", font),
  );
}
