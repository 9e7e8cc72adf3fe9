// The console as people use it: by mouse, by keyboard, without scripts, on a telephone, in both languages.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ask, artifacts, axe, importCustomers, launch, open, overflow, search, secret, signIn, url } from './help.mjs';

let browser;
let customer;
let checked;
let failed;

before(async () => {
  browser = await launch();
  const { context, page } = await open(browser);
  await signIn(page);
  await importCustomers(page);
  await page.click('form[action$="/run"] button');
  await page.waitForSelector('.notice.ok', { timeout: 20_000 });
  await search(page, 'order', 'email', 'noor@kanariegeel.example');
  customer = (await page.getAttribute('.hit h3 a', 'href')).split('/').pop().split('?')[0];
  checked = await check(page, 'localhost');
  failed = await check(page, 'winkel.example');
  await context.close();
});
after(() => browser?.close());

describe('the frame', () => {
  test('answers carry the security headers and no page runs anything', async () => {
    for (const path of ['/', '/console/sign-in', '/console/nothing-here']) {
      const answer = await ask(path);
      const policy = answer.headers['content-security-policy'];
      assert.match(policy, /default-src 'none'/, path);
      assert.doesNotMatch(policy, /unsafe|script-src|\*|https?:/, path);
      assert.match(policy, /frame-ancestors 'none'/, path);
      assert.equal(answer.headers['x-content-type-options'], 'nosniff', path);
      assert.match(answer.headers['strict-transport-security'], /^max-age=\d+/, path);
      assert.equal(answer.headers['cache-control'], 'no-store', path);
      assert.doesNotMatch(answer.text, /<script|<style| style=|javascript:/, path);
    }
  });

  test('the style sheet has a name of its own and may be kept for a year', async () => {
    const { text } = await ask('/');
    const path = `/assets/${text.match(/console\.[0-9a-f]{16}\.css/)[0]}`;
    const answer = await ask(path);
    assert.equal(answer.status, 200);
    assert.match(answer.headers['cache-control'], /max-age=31536000, immutable/);
    assert.equal((await ask('/assets/console.0000000000000000.css')).status, 404);
  });

  test('the public page shows counts and nobody', async () => {
    const { text } = await ask('/');
    for (const secretWord of ['kanariegeel', 'Noor', 'kks_']) assert.ok(!text.includes(secretWord), secretWord);
    assert.equal(text.match(/class="tile"/g).length, 5);
  });

  test('every page of the console sends strangers to sign in', async () => {
    const inside = ['', '/customers', `/customers/${customer}`, `/customers/${customer}/erase`, '/connectors', '/connectors/new',
      '/connectors/secret', '/checks', checked.slice(8), `${checked.slice(8)}/file`, '/audit', '/audit/verified', '/import', '/exports', '/https', '/store', '/necessary', '/phishing',
      '/together'];
    for (const path of inside) {
      const answer = await ask(`/console${path}`);
      assert.equal(answer.status, 303, path);
      assert.equal(answer.headers.location, '/console/sign-in', path);
    }
    const forms = ['/checks', '/customers', `/customers/${customer}/consents`, `/customers/${customer}/access`, `/customers/${customer}/erase`,
      '/connectors/new', '/audit/verify', '/import', '/exports', '/sign-out'];
    for (const path of forms) {
      const answer = await ask(`/console${path}`, { method: 'POST', body: 'csrf=x', headers: { 'content-type': 'application/x-www-form-urlencoded' } });
      assert.equal(answer.status, 303, path);
    }
  });

  test('?lang= is remembered and leaves the address; it never leads off the site', async () => {
    const answer = await ask('/console/sign-in?ended=idle&lang=en');
    assert.equal(answer.headers.location, '/console/sign-in?ended=idle');
    assert.match(String(answer.headers['set-cookie']), /^__Host-klantkluis-lang=en; Path=\/; Secure; HttpOnly; SameSite=Strict/);
    const away = await ask('//evil.example/?lang=en');
    assert.ok(!String(away.headers.location ?? '/').startsWith('//'), 'stays here');
  });
});

describe('signing in', () => {
  test('works with the keyboard alone, and the cookie has every flag', async () => {
    const { context, page } = await open(browser);
    await page.goto(`${url}/console`);
    assert.equal(page.url(), `${url}/console/sign-in`);
    await tabTo(page, '#credential');
    await page.keyboard.type(secret);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${url}/console`);
    const cookies = await context.cookies();
    const session = cookies.find((cookie) => cookie.name === '__Host-klantkluis');
    assert.ok(session.secure && session.httpOnly && session.sameSite === 'Strict' && session.path === '/');
    assert.equal(session.domain, 'localhost');
    assert.equal(session.expires, -1, 'ends with the browser');
    assert.ok(session.value.length >= 43, 'at least 256 bits');
    for (const cookie of cookies) assert.ok(cookie.name.startsWith('__Host-') && cookie.secure && cookie.httpOnly, cookie.name);
    await context.close();
  });

  test('refuses every wrong credential in the same words', async () => {
    const { context, page } = await open(browser);
    const said = new Set();
    for (const wrong of ['x', 'kks_0000', `${secret.slice(0, -1)}_`, `kkc_${secret.slice(4)}`, secret.toUpperCase() + 'A']) {
      await page.goto(`${url}/console/sign-in`);
      await page.fill('#credential', wrong);
      await page.click('main button[type=submit]');
      said.add(await page.textContent('.problems'));
      assert.equal(new URL(page.url()).search, '', 'nothing in the address');
      assert.equal(await page.inputValue('#credential'), '', 'a credential is not shown again');
    }
    assert.equal(said.size, 1, [...said].join());
    assert.equal((await context.cookies()).filter((cookie) => cookie.name === '__Host-klantkluis').length, 0);
    await context.close();
  });

  test('ends when signing out, and the old cookie opens nothing', async () => {
    const { context, page } = await open(browser);
    await signIn(page);
    const [old] = (await context.cookies()).filter((cookie) => cookie.name === '__Host-klantkluis');
    await page.click('.who button');
    await page.waitForURL(`${url}/`);
    assert.equal((await context.cookies()).filter((cookie) => cookie.name === '__Host-klantkluis').length, 0);
    const answer = await ask('/console', { headers: { cookie: `__Host-klantkluis=${old.value}` } });
    assert.equal(answer.status, 303);
    await context.close();
  });

  test('a form without its token, or from elsewhere, changes nothing', async () => {
    const { context, page } = await open(browser);
    await signIn(page);
    const [cookie] = (await context.cookies()).filter((one) => one.name === '__Host-klantkluis');
    const token = await page.getAttribute('input[name=csrf]', 'value');
    const post = (body, headers = {}) => ask('/console/exports', {
      method: 'POST', body,
      headers: { 'content-type': 'application/x-www-form-urlencoded', cookie: `__Host-klantkluis=${cookie.value}`, ...headers },
    });
    assert.equal((await post('purpose=order')).status, 403);
    assert.equal((await post('csrf=&purpose=order')).status, 403);
    assert.equal((await post(`csrf=${token.slice(1)}x&purpose=order`)).status, 403);
    assert.equal((await post(`csrf=${token}&purpose=order`, { origin: 'https://evil.example' })).status, 403);
    assert.equal((await post(`csrf=${token}&purpose=order`, { 'sec-fetch-site': 'cross-site' })).status, 403);
    assert.equal((await post(`csrf=${token}&purpose=nothing`, { origin: url })).status, 422, 'the form itself counts');
    await context.close();
  });
});

describe('finding a customer', () => {
  test('works with the keyboard alone, purpose first, and nothing personal is in the address', async () => {
    const { context, page } = await open(browser);
    const visited = [];
    page.on('framenavigated', (frame) => visited.push(frame.url()));
    await signIn(page);
    await page.goto(`${url}/console/customers`);
    await tabTo(page, '#purpose');
    await page.keyboard.press('ArrowDown');
    await tabTo(page, '#by-name');
    await page.keyboard.press('ArrowRight');
    assert.ok(await page.isChecked('#by-email'));
    await tabTo(page, '#text');
    await page.keyboard.type('noor@kanariegeel.example');
    await page.keyboard.press('Enter');
    await page.waitForURL(/search=/);
    await tabTo(page, '.hit a');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/console\/customers\/[0-9a-f-]{36}\?purpose=/);
    for (const address of visited) assert.doesNotMatch(decodeURIComponent(address), /noor|kanariegeel/i);
    await context.close();
  });

  test('says what is missing, next to the field, and keeps what was typed', async () => {
    const { context, page } = await open(browser, { javaScriptEnabled: false });
    await signIn(page);
    await page.goto(`${url}/console/customers`);
    const token = await page.getAttribute('form.find input[name=csrf]', 'value');
    const answer = await context.request.post(`${url}/console/customers`, {
      form: { csrf: token, purpose: '', by: 'name', text: '' }, headers: { origin: url },
    });
    assert.equal(answer.status(), 422);
    const html = await answer.text();
    assert.match(html, /role="alert"/);
    assert.match(html, /id="purpose-wrong"/);
    assert.match(html, /id="text-wrong"/);
    await context.close();
  });
});

describe('without scripts', () => {
  test('a customer is read for a purpose, consent given and withdrawn, and all of it is on the record', async () => {
    const { context, page } = await open(browser, { javaScriptEnabled: false });
    await signIn(page);
    await page.goto(`${url}/console/customers/${customer}`);
    const unasked = await page.textContent('main');
    assert.ok(!unasked.includes('noor@kanariegeel.example'), 'nothing is shown before a purpose is chosen');
    await page.selectOption('#purpose', 'order');
    await page.click('main form.row-form button');
    await page.waitForURL(/purpose=order/);
    assert.match(await page.textContent('dl.pairs'), /noor@kanariegeel\.example/);
    assert.ok(await page.locator('.withheld li').count() > 0, 'says what is not shown');
    const newsletter = page.locator('.consents li', { has: page.locator('input[name=consent][value=newsletter]') });
    for (const expected of ['gegeven', 'ingetrokken']) {
      await newsletter.locator('button').click();
      await page.waitForSelector('.notice.ok');
      assert.equal(await newsletter.locator('.pill').textContent(), expected);
    }
    const log = await page.textContent('table.log');
    assert.match(log, /Gelezen/);
    assert.match(log, /Toestemming/);
    await context.close();
  });

  test('an access report can be saved as a page and as JSON', async () => {
    const { context, page } = await open(browser, { javaScriptEnabled: false, acceptDownloads: true });
    await signIn(page);
    await page.goto(`${url}/console/customers/${customer}`);
    for (const [format, pattern] of [['html', /^<!doctype html>/i], ['json', /^\{/]]) {
      const [download] = await Promise.all([page.waitForEvent('download'), page.click(`button[value=${format}]`)]);
      const text = await readAll(await download.createReadStream());
      assert.match(text, pattern);
      assert.ok(text.includes('noor@kanariegeel.example'), format);
    }
    await context.close();
  });

  test('a connector is made, its secret shown once, and revoked', async () => {
    const { context, page } = await open(browser, { javaScriptEnabled: false });
    await signIn(page);
    await page.goto(`${url}/console/connectors/new?kind=connector`);
    await page.fill('#name', 'Proefkoppeling');
    await page.click('main form button[type=submit]');
    assert.match(await page.textContent('.problems'), /doel/);
    assert.equal(await page.inputValue('#name'), 'Proefkoppeling');
    await page.check('input[name=purposes][value=order]');
    await page.check('input[name=operations][value=read]');
    await page.fill('#rows_per_hour', '1.000');
    await page.click('main form button[type=submit]');
    await page.waitForURL(`${url}/console/connectors/secret`);
    const shown = (await page.textContent('.secret')).trim();
    assert.match(shown, /^kkc_/);
    await page.reload();
    assert.ok(!(await page.content()).includes(shown), 'only once');
    assert.equal((await ask('/v1/subjects/search', {
      method: 'POST', body: '{}', headers: { authorization: `Bearer ${shown}`, 'content-type': 'application/json' },
    })).status !== 401, true, 'the credential works');
    await page.goto(`${url}/console/connectors`);
    const card = page.locator('.credentials li', { hasText: 'Proefkoppeling' }).first();
    await card.locator('a.danger-quiet').click();
    await page.click('button.danger');
    await page.waitForSelector('.notice.ok');
    await signInFails(shown);
    await context.close();
  });

  test('the shop is checked, followed to its report, and the report saved as a file', async () => {
    const { context, page } = await open(browser, { javaScriptEnabled: false, acceptDownloads: true });
    await signIn(page);
    await page.goto(`${url}/console/https`);
    await page.click('main a.button[href="/console/checks"]');
    await page.fill('#domain', 'http://10.0.0.1:80/');
    await page.click('main form.card button');
    assert.match(await page.textContent('.problems'), /geen domein/);
    await page.fill('#domain', 'https://localhost/');
    await page.click('main form.card button');
    await page.waitForURL(/\/console\/checks\/[0-9a-f-]{36}$/);
    await page.waitForSelector('.grade-letter', { timeout: 60_000 });
    assert.equal(await page.locator('.shield').count(), 3);
    assert.match(await page.textContent('#changes + ul'), /Niets veranderd|Cijfer/);
    assert.ok(await page.locator('table.log tbody tr').count() >= 2, 'the history');
    assert.ok(await page.locator('.chart circle').count() >= 2);
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('a[href$="/file"]')]);
    assert.match(download.suggestedFilename(), /^https-localhost-\d{4}-\d\d-\d\d\.html$/);
    const text = await readAll(await download.createReadStream());
    assert.match(text, /^<!doctype html>/);
    assert.doesNotMatch(text, /<script/);
    await context.close();
  });

  test('the vault is verified', async () => {
    const { context, page } = await open(browser, { javaScriptEnabled: false });
    await signIn(page);
    await page.goto(`${url}/console/audit`);
    await page.click('form[action$="/verify"] button');
    await page.waitForURL(/verified/);
    await page.waitForSelector('.notice', { timeout: 30_000 });
    assert.match(await page.textContent('.notice'), /Alles klopt/);
    await context.close();
  });

  test('an export needs a second person, and the file has a line per customer', async () => {
    const { context, page } = await open(browser, { javaScriptEnabled: false, acceptDownloads: true });
    await signIn(page);
    await page.goto(`${url}/console/exports`);
    await page.selectOption('#purpose', 'order');
    await page.click('main form button');
    await page.waitForSelector('.notice.ok');
    assert.equal(await page.locator('form[action$="/approve"]').count(), 0, 'not by the same person');
    const second = await open(browser, { javaScriptEnabled: false });
    await signIn(second.page, await newOwner(page));
    await second.page.goto(`${url}/console/exports`);
    await second.page.click('form[action$="/approve"] button');
    await second.page.waitForSelector('.notice.ok');
    await page.goto(`${url}/console/exports`);
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('form[action$="/file"] button')]);
    const lines = (await readAll(await download.createReadStream())).trim().split('\n').map((line) => JSON.parse(line));
    assert.ok(lines.length >= 3);
    assert.ok(lines.some((line) => line.fields.email === 'ravi@kanariegeel.example'));
    await second.context.close();
    await context.close();
  });

  test('a customer is erased after a preview, with a receipt', async () => {
    const { context, page } = await open(browser, { javaScriptEnabled: false });
    await signIn(page);
    await search(page, 'order', 'email', 'lotte@zeegroen.example');
    await page.click('.hit a');
    await page.click('a[href$="/erase"]');
    await shot(page, 'erase');
    await page.check('#sure');
    await page.click('button.danger');
    await page.waitForURL(/erased$/);
    assert.match(await page.textContent('.paper'), /—/, 'a signed note');
    await shot(page, 'erased');
    await search(page, 'order', 'email', 'lotte@zeegroen.example');
    assert.equal(await page.locator('.hit').count(), 0);
    await context.close();
  });

  test('an import shows what will happen, then its progress, then its result', async () => {
    const { context, page } = await open(browser, { javaScriptEnabled: false });
    await signIn(page);
    await importCustomers(page);
    const columns = await page.textContent('main');
    assert.match(columns, /E-mailadres/);
    assert.match(columns, /wordt niet bewaard: wachtwoord/);
    assert.ok(!columns.includes('noor@kanariegeel.example'), 'no value is shown');
    await shot(page, 'import-checked');
    await page.click('form[action$="/discard"] button');
    await page.waitForSelector('.notice.ok');
    await importCustomers(page);
    await page.click('form[action$="/run"] button');
    await page.waitForSelector('.notice.ok', { timeout: 20_000 });
    await shot(page, 'import-done');
    await page.setInputFiles('input', []).catch(() => {});
    await page.goto(`${url}/console/import`);
    await page.setInputFiles('#file', { name: 'leeg.csv', mimeType: 'text/csv', buffer: Buffer.from('') });
    await page.click('main form[enctype] button');
    assert.match(await page.textContent('.problems'), /leeg/);
    await context.close();
  });

  test('the menu opens and closes on a telephone', async () => {
    const { context, page } = await open(browser, { javaScriptEnabled: false, viewport: { width: 320, height: 640 } });
    await signIn(page);
    assert.ok(!(await page.isVisible('#menu')));
    await page.click('.menu-button');
    assert.ok(await page.isVisible('#menu'));
    await shot(page, 'menu-320');
    await page.click('#menu a[href="/console/audit"]');
    await page.waitForURL(`${url}/console/audit`);
    await context.close();
  });
});

describe('every page', () => {
  const places = () => ({
    status: '/', overview: '/console', https: '/console/https', store: '/console/store', necessary: '/console/necessary',
    phishing: '/console/phishing', together: '/console/together', customers: '/console/customers',
    customer: `/console/customers/${customer}?purpose=order`, 'customer-unasked': `/console/customers/${customer}`,
    erase: `/console/customers/${customer}/erase`, import: '/console/import', exports: '/console/exports',
    connectors: '/console/connectors', 'connector-new': '/console/connectors/new?kind=connector',
    'staff-new': '/console/connectors/new?kind=staff', audit: '/console/audit', missing: '/console/nothing-here',
    'audit-wrong': '/console/audit?subject=nonsense', checks: '/console/checks', check: checked, 'check-failed': failed,
  });

  for (const lang of ['nl', 'en']) {
    for (const colorScheme of ['light', 'dark']) {
      test(`${lang}, ${colorScheme}: axe is clean, nothing is too wide, nothing breaks the policy`, async () => {
        const { context, page, complaints } = await open(browser, { colorScheme, locale: lang === 'nl' ? 'nl-NL' : 'en-GB' });
        await page.goto(`${url}/console/sign-in`);
        assert.deepEqual(await axe(page), [], 'sign-in');
        await shot(page, `sign-in-${lang}-${colorScheme}`);
        await signIn(page);
        for (const [name, path] of Object.entries(places())) {
          await page.setViewportSize({ width: 1280, height: 800 });
          await page.goto(url + path);
          assert.equal(await page.getAttribute('html', 'lang'), lang, name);
          assert.deepEqual(await axe(page), [], `${name} is clean`);
          await shot(page, `${name}-${lang}-${colorScheme}`);
          await page.setViewportSize({ width: 320, height: 640 });
          assert.ok(await overflow(page) <= 0, `${name} fits 320 px`);
          if (lang === 'nl' && colorScheme === 'light') {
            assert.deepEqual(await axe(page), [], `${name} is clean at 320 px`);
            await shot(page, `${name}-320`);
          }
        }
        await page.setViewportSize({ width: 1280, height: 800 });
        await search(page, 'order', 'name', 'kanariegeel');
        assert.equal(await page.locator('.hit').count(), 2, 'found by name');
        assert.deepEqual(await axe(page), [], 'results');
        await shot(page, `results-${lang}-${colorScheme}`);
        assert.deepEqual(complaints, []);
        await context.close();
      });
    }
  }

  test('focus is visible and the content can be jumped to', async () => {
    const { context, page } = await open(browser);
    await signIn(page);
    await page.keyboard.press('Tab');
    const skip = page.locator('.skip');
    assert.ok(await skip.evaluate((link) => link === document.activeElement));
    assert.ok((await skip.boundingBox()).y >= 0, 'the jump is in sight');
    await page.keyboard.press('Tab');
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineWidth);
    assert.equal(outline, '3px');
    await context.close();
  });
});

// Checks a domain from the page of a signed-in person; gives the path of the page about it once it is over.
async function check(page, domain) {
  await page.goto(`${url}/console/checks`);
  await page.fill('#domain', domain);
  await Promise.all([page.waitForURL(/\/console\/checks\/[0-9a-f-]{36}$/), page.click('main form.card button')]);
  await page.waitForSelector('.grade-letter, .notice.bad', { timeout: 60_000 });
  return new URL(page.url()).pathname;
}

// Presses Tab until the focus is on what the selector names.
async function tabTo(page, selector) {
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return;
  }
  assert.fail(`the keyboard does not reach ${selector}`);
}

async function shot(page, name) {
  await page.screenshot({ path: `${artifacts}${name}.png`, fullPage: true });
}

async function readAll(stream) {
  let text = '';
  for await (const part of stream) text += part;
  return text;
}

// Makes a second owner from the page of the first and gives the credential.
async function newOwner(page) {
  await page.goto(`${url}/console/connectors/new?kind=staff`);
  await page.fill('#name', 'Tweede beheerder');
  await page.check('input[name=role][value=owner]');
  await page.click('main form button[type=submit]');
  return (await page.textContent('.secret')).trim();
}

async function signInFails(credential) {
  const answer = await ask('/v1/status', { headers: { authorization: `Bearer ${credential}` } });
  assert.equal(answer.status, 401);
}
