// Judge pages with Lighthouse: node lighthouse.mjs ADDRESS... prints, as JSON, the scores of each page and the audits
// that it does not pass, with what they are about. CHROME_PATH says where Chromium is.
import { launch } from "chrome-launcher";
import lighthouse from "lighthouse";

const CATEGORIES = ["accessibility", "best-practices"];
const chrome = await launch({
  chromeFlags: ["--headless=new", "--no-sandbox", "--disable-gpu"],
  logLevel: "silent",
});

const judged = {};
try {
  for (const address of process.argv.slice(2)) {
    const { lhr } = await lighthouse(address, {
      port: chrome.port,
      onlyCategories: CATEGORIES,
      // Speed is not judged: nothing is slowed down, and a processor that other tests use is not waited for.
      throttlingMethod: "simulate",
      pauseAfterFcpMs: 0,
      pauseAfterLoadMs: 0,
      networkQuietThresholdMs: 500,
      cpuQuietThresholdMs: 0,
      disableFullPageScreenshot: true,
      maxWaitForLoad: 30_000,
      logLevel: "silent",
    });
    const failed = {};
    for (const category of Object.values(lhr.categories)) {
      for (const { id, weight } of category.auditRefs) {
        const audit = lhr.audits[id];
        if (!weight || audit.score === null || audit.score === 1) continue;
        failed[id] = (audit.details?.items ?? []).map((item) => item.node?.snippet ?? item.description ?? "");
      }
    }
    const scores = Object.fromEntries(CATEGORIES.map((name) => [name, lhr.categories[name].score]));
    judged[address] = { error: lhr.runtimeError?.message ?? null, scores, failed };
  }
} finally {
  await chrome.kill();
}
console.log(JSON.stringify(judged));
