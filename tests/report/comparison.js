// SPDX-License-Identifier: MIT
// node comparison.js CHROMIUM FOLDER: opens the pages same.html, other.html and profiles.html of the folder
// as readers would, without a network, and prints what it saw as JSON.
"use strict";
const { chromium } = require("playwright-core");

const [, , executablePath, folder] = process.argv;

// Milliseconds that one step may take on a busy machine.
const PATIENCE = 180000;

async function open(browser, name, options) {
  const page = await browser.newPage({ ...options, offline: true });
  const seen = [];
  page.setDefaultTimeout(PATIENCE);
  page.on("console", (message) => seen.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => seen.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (!request.url().startsWith("file://")) {
      seen.push(`request: ${request.url()}`);
    }
  });
  await page.goto(`file://${folder}/${name}.html`);
  await page.waitForSelector("body[data-ready]");
  return { page, seen };
}

const text = (page, selector) => page.locator(selector).innerText();

// Waits until the page has drawn what is due.
const settle = (page) => page.evaluate(() => new Promise((done) =>
  requestAnimationFrame(() => requestAnimationFrame(done))));

async function tables(page) {
  for (const button of await page.locator("#tables button").all()) {
    await page.locator("#tables button").first().click();
  }
  return page.locator("#tables table").evaluateAll((all) => all.map((table) => ({
    key: table.id,
    rows: [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) =>
      cell.querySelector("data")?.value ?? cell.querySelector("summary")?.textContent ?? cell.textContent)),
  })));
}

const colours = (page) => page.locator("canvas").evaluateAll((all) => all.map((canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const found = new Set();
  for (let i = 0; i < data.length; i += 4 * 97) {
    found.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
  }
  return found.size;
}));

const tooWide = (page) => page.evaluate(() => [...document.querySelectorAll("body *")]
  .filter((element) => !element.closest(".table") && element.getBoundingClientRect().right > innerWidth + 1)
  .map((element) => element.tagName + "#" + element.id + "." + element.className));

// Selects what lies at places of both maps, zoomed in as far as to single runs.
async function selectRuns(page) {
  const found = [];
  for (const [side, x, y] of [["before", 0.1, 0.01], ["after", 0.3, 0.01], ["after", 0.02, 0.01]]) {
    await page.locator("#zoom-all").click();
    const map = page.locator(`#map-${side}`);
    await map.scrollIntoViewIfNeeded();
    const box = await map.boundingBox();
    await page.mouse.move(box.x + box.width * x, box.y + box.height * y);
    for (let i = 0; i < 6; i++) {
      await page.mouse.wheel(0, -100);
      await settle(page);
    }
    await page.mouse.click(box.x + box.width * x, box.y + box.height * y);
    await settle(page);
    found.push({ side, selected: await text(page, "#selected"),
      ranges: [await text(page, "#range-before"), await text(page, "#range-after")] });
  }
  return found;
}

async function goTo(page, address) {
  await page.locator("#go-to").fill(address);
  await page.locator("#go-to").press("Enter");
  await settle(page);
  return text(page, "#selected");
}

async function look(browser, name, options) {
  const { page, seen } = await open(browser, name, options);
  const result = { seen, colours: await colours(page), tooWide: await tooWide(page), tables: await tables(page),
    paper: await page.evaluate(() => getComputedStyle(document.body).backgroundColor),
    whole: name === "profiles" ? [] : [await text(page, "#range-before"), await text(page, "#range-after")] };
  if (name === "same") {
    result.runs = await selectRuns(page);
    result.places = [await goTo(page, "0x555500000008"), await goTo(page, "0x1"), await goTo(page, "x")];
  }
  await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
  await page.close();
  return result;
}

(async () => {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  try {
    const wide = { viewport: { width: 1280, height: 900 }, colorScheme: "light" };
    const narrow = { viewport: { width: 400, height: 800 }, colorScheme: "dark" };
    console.log(JSON.stringify({ same: await look(browser, "same", wide),
      other: await look(browser, "other", narrow), profiles: await look(browser, "profiles", narrow) }));
  } finally {
    await browser.close();
  }
})().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
