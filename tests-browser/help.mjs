// What the browser tests share: the browser, signing in, axe, and the address of the server under test.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import https from 'node:https';
import { chromium } from 'playwright-core';

export const url = process.env.KLUIS_URL ?? 'https://localhost:18443';
export const secret = readFileSync(need('KLUIS_SECRET_FILE'), 'utf8').trim();
const authority = readFileSync(need('KLUIS_CA'));
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core'), 'utf8');
export const artifacts = new URL('./artifacts/', import.meta.url).pathname;
mkdirSync(artifacts, { recursive: true });

function need(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set. hint: run ./tests-browser/run, which starts a server and sets it`);
  return value;
}

export function launch() {
  return chromium.launch({
    executablePath: process.env.KLUIS_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
}

// A fresh browser window; what the page complains about is kept in `complaints`.
export async function open(browser, options = {}) {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true, locale: 'nl-NL', viewport: { width: 1280, height: 800 }, ...options,
  });
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (message) => {
    const text = message.text();
    // The browser itself notes answers such as 422 in the console; those are checked where they are expected.
    if (['error', 'warning'].includes(message.type()) && !text.startsWith('Failed to load resource')) complaints.push(text);
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  return { context, page, complaints };
}

export async function signIn(page, credential = secret) {
  await page.goto(`${url}/console/sign-in`);
  await page.fill('#credential', credential);
  await Promise.all([page.waitForURL(`${url}/console`), page.click('main button[type=submit]')]);
}

// Every finding of axe for WCAG 2.0 to 2.2, A and AA.
export async function axe(page) {
  await page.evaluate(axeSource);
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
  const result = await page.evaluate((tags) => globalThis.axe.run(document, { runOnly: tags }), tags);
  return result.violations.map((found) => `${found.id}: ${found.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`);
}

// Pixels by which a page is wider than the window.
export function overflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
}

// A plain request that trusts the vault's own authority only.
export function ask(path, { method = 'GET', headers = {}, body = '' } = {}) {
  return new Promise((resolve, reject) => {
    const request = https.request(url + path, { method, headers, ca: authority, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part) => { text += part; });
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

// The file of customers that the tests import: two that can be told apart, one refused line.
export const customersFile = {
  name: 'klanten.csv',
  mimeType: 'text/csv',
  buffer: Buffer.from([
    'email,first_name,last_name,phone,postcode,city,country,password',
    'noor@kanariegeel.example,Noor,van der Kanariegeel,0612345678,1234 AB,Wijkdorp,NL,geheim',
    'ravi@kanariegeel.example,Ravi,Kanariegeel,0687654321,1234 AC,Wijkdorp,NL,geheim',
    'lotte@zeegroen.example,Lotte,Zeegroen,0611112222,2345 BC,Zeedorp,NL,geheim',
    'te,weinig,cellen',
  ].join('\r\n') + '\r\n'),
};

// Imports the file from the page of a signed-in person; gives the page with the result.
export async function importCustomers(page) {
  await page.goto(`${url}/console/import`);
  await page.setInputFiles('#file', customersFile);
  await Promise.all([page.waitForURL(/\/console\/import\/[0-9a-f-]{36}$/), page.click('main form[enctype] button')]);
  await page.waitForSelector('form[action$="/run"]', { timeout: 20_000 });
}

// Searches as a person would; gives the page with the results.
export async function search(page, purpose, by, text) {
  await page.goto(`${url}/console/customers`);
  await page.selectOption('#purpose', purpose);
  await page.check(`#by-${by}`);
  await page.fill('#text', text);
  await Promise.all([page.waitForURL(/\/console\/customers\?search=/), page.click('form.find button')]);
}
