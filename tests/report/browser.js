// SPDX-License-Identifier: MIT
// node browser.js CHROMIUM PAGE SITES SCREENSHOTS [OUTSIDE ADDRESS...]: opens the page without a network, uses it
// as a reader would, and that of a trace with call stacks, and that of a snapshot, of which it goes to the
// addresses; and prints what it saw as JSON.
"use strict";
const { chromium } = require("playwright-core");

const [, , executablePath, file, sitesFile, shots, outsideFile, ...addresses] = process.argv;

// Milliseconds that one step may take on a busy machine.
const PATIENCE = 180000;

async function open(browser, options, shown = file) {
  const page = await browser.newPage({ ...options, offline: true });
  const seen = [];
  page.setDefaultTimeout(PATIENCE);
  page.on("console", (message) => seen.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => seen.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (!request.url().startsWith("file://") && !request.url().startsWith("data:")) {
      seen.push(`request: ${request.url()}`);
    }
  });
  await page.goto(`file://${shown}`);
  await page.waitForSelector("body[data-ready]");
  await page.waitForTimeout(300);
  return { page, seen };
}

const text = (page, selector) => page.locator(selector).innerText();

async function table(page, id) {
  return page.locator(`#${id} tbody tr`).evaluateAll((rows) => rows.map((row) =>
    [...row.cells].map((cell) => cell.querySelector("data")?.value ?? cell.innerText)));
}

// Moves the slider, and waits until the tables are those of the moment.
async function toMoment(page, moment) {
  const before = await text(page, "#moment");
  await page.locator("#slider").evaluate((slider, value) => {
    slider.value = value;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  }, moment);
  await page.waitForTimeout(500);
  return { before, after: await text(page, "#moment") };
}

const sample = (page) => page.locator("#map").evaluate((canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set();
  for (let i = 0; i < data.length; i += 4 * 97) {
    colours.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
  }
  return colours.size;
});

// Zooms in at places of the map until single blocks are told apart, and selects what is there.
async function selectBlocks(page) {
  const found = [];
  await page.locator("#map").scrollIntoViewIfNeeded();
  const box = await page.locator("#map").boundingBox();
  for (const [x, y] of [[0.2, 0.1], [0.5, 0.3], [0.8, 0.5], [0.35, 0.7]]) {
    await page.locator("#zoom-all").click();
    await page.mouse.move(box.x + box.width * x, box.y + box.height * y);
    for (let i = 0; i < 12; i++) {
      await page.mouse.wheel(0, -100);
      await page.waitForTimeout(60);
    }
    await page.mouse.click(box.x + box.width * x, box.y + box.height * y);
    await page.waitForTimeout(150);
    found.push({ selected: await text(page, "#selected"), range: await text(page, "#range") });
  }
  return found;
}

// Whether something is wider than the window, or labels of an axis overlap what is beside them.
const tooWide = (page) => page.evaluate(() => [...document.querySelectorAll("body *")]
  .filter((element) => !element.closest(".table") && element.getBoundingClientRect().right > innerWidth + 1)
  .map((element) => element.tagName + "#" + element.id + "." + element.className));

async function wide(browser) {
  const { page, seen } = await open(browser, { viewport: { width: 1280, height: 900 }, colorScheme: "light" });
  const result = { seen, title: await page.title(), ready: await page.evaluate(() => performance.now()) };
  result.colours = await sample(page);
  result.moments = [];
  for (const moment of [0, 100, 400, 511]) {
    result.moments.push({ moment, ...await toMoment(page, moment), groups: await table(page, "groups"),
      summary: await text(page, "#holds-summary"), pins: await table(page, "pins") });
  }
  await toMoment(page, 400);
  result.blocks = await selectBlocks(page);
  await page.screenshot({ path: `${shots}/near.png` });
  await page.locator("#zoom-all").click();
  await page.locator("#pins button").first().click();
  await page.waitForTimeout(200);
  result.pinned = { selected: await text(page, "#selected"), row: (await table(page, "pins"))[0] };
  await page.screenshot({ path: `${shots}/light.png`, fullPage: true });
  result.tooWide = await tooWide(page);
  return result;
}

async function narrow(browser) {
  const { page, seen } = await open(browser, { viewport: { width: 400, height: 800 }, colorScheme: "dark" });
  await page.screenshot({ path: `${shots}/dark-narrow.png`, fullPage: true });
  const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  return { seen, paper, tooWide: await tooWide(page), colours: await sample(page) };
}

async function sites(browser) {
  const { page, seen } = await open(browser, { viewport: { width: 1280, height: 900 }, colorScheme: "light" }, sitesFile);
  const result = { seen, rows: await table(page, "sites"), colour: await page.locator("#colour").inputValue() };
  await page.waitForTimeout(500);
  result.moment = await page.locator("#slider").inputValue();
  result.groups = await table(page, "groups");
  await page.locator("#group").selectOption("callers");
  result.callers = await table(page, "groups");
  await page.locator("#group").selectOption("site");
  await page.locator("#pins button").first().click();
  await page.waitForTimeout(200);
  result.pinned = { selected: await text(page, "#selected"), row: (await table(page, "pins"))[0] };
  await page.locator("#which").selectOption({ label: "elsewhere" });
  await page.waitForTimeout(500);
  result.elsewhere = { offered: await page.locator("#which option").allInnerTexts(), left: await text(page, "#selected"),
    groups: await table(page, "groups") };
  await page.locator("#pins button").first().click();
  await page.waitForTimeout(200);
  result.elsewhere.selected = await text(page, "#selected");
  await page.screenshot({ path: `${shots}/elsewhere.png`, fullPage: true });
  await page.locator("#which").selectOption({ label: "the recorded program" });
  await page.waitForTimeout(500);
  await page.locator("#sites th button").nth(1).click();
  result.byCount = await table(page, "sites");
  result.colours = await sample(page);
  await page.screenshot({ path: `${shots}/sites.png`, fullPage: true });
  result.tooWide = await tooWide(page);
  return result;
}

async function outside(browser, shown) {
  const { page, seen } = await open(browser, { viewport: { width: 1280, height: 900 }, colorScheme: "light" }, shown);
  const result = { seen, found: [], colours: await sample(page), legend: await text(page, "#legend") };
  await page.locator("#group").selectOption("kind");
  result.groups = await table(page, "groups");
  for (const address of addresses) {
    await page.locator("#go-to").fill(address);
    await page.locator("#go-to").press("Enter");
    await page.waitForTimeout(200);
    result.found.push(await text(page, "#selected"));
  }
  await page.locator("#zoom-all").click();
  await page.waitForTimeout(200);
  await page.screenshot({ path: `${shots}/outside.png`, fullPage: true });
  result.tooWide = await tooWide(page);
  return result;
}

(async () => {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  try {
    const result = { wide: await wide(browser), narrow: await narrow(browser),
      sites: await sites(browser) };
    if (outsideFile !== undefined) {
      result.outside = await outside(browser, outsideFile);
    }
    console.log(JSON.stringify(result));
  } finally {
    await browser.close();
  }
})().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
