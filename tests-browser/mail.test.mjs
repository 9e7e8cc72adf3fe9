// The pages about mail in the shop's name, with reports of a month and a name server that knows the shop.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { artifacts, ask, axe, launch, open, overflow, signIn, url } from './help.mjs';

const DAYS = 28;
let browser;
let report;

before(async () => {
  browser = await launch();
  const { context, page } = await open(browser, { javaScriptEnabled: false });
  await signIn(page);
  await upload(page, monthOfReports());
  assert.match(await page.textContent('.notice.ok'), new RegExp(`${DAYS * 3} nieuwe rapporten`));
  report = await page.getAttribute('table.log tbody a', 'href');
  await context.close();
});
after(() => browser?.close());

describe('who sends mail in the name of the shop', () => {
  test('lights, numbers over time, senders and misuse are there without scripts', async () => {
    const { context, page, complaints } = await open(browser, { javaScriptEnabled: false });
    await signIn(page);
    await page.goto(`${url}/console/phishing`);
    assert.equal(await page.locator('.stream').count(), 3);
    assert.equal(await page.locator('.stream .lamp .lit, .stream .lamp.plain').count(), 3, 'each has its light');
    assert.ok(await page.locator('.bars .plot g').count() >= DAYS, 'a bar a day');
    assert.match(await page.textContent('.legend'), /Dienst [\d.]+/);
    assert.match(await page.getAttribute('.bars svg[role=img]', 'aria-label'), /Samen [\d.]+ mails/);
    await page.click('.bars summary');
    assert.equal(await page.locator('.bars >> nth=0').locator('tbody tr').count(), 30);
    assert.match(await page.textContent('#misuse ~ .counts, section[aria-labelledby=misuse]'), /Toch bezorgd/);
    assert.match(await page.textContent('.senders'), /Spotler/);
    await page.click('.periods a[href$="=7"]');
    assert.equal(await page.locator('.bars >> nth=0').locator('tbody tr').count(), 7);
    await page.click('.senders a[href*="spotler"]');
    await page.waitForSelector('h1:has-text("Spotler")');
    assert.deepEqual(complaints, []);
    await context.close();
  });

  test('what the name server says becomes the one thing to do, with a record to copy', async () => {
    const { context, page } = await open(browser);
    await signIn(page);
    // The vault looks at the DNS by itself soon after it starts.
    await page.goto(`${url}/console/phishing`);
    for (let tries = 0; tries < 60 && !(await page.locator('.cells').count()); tries += 1) {
      await page.waitForTimeout(1_000);
      await page.reload();
    }
    assert.match(await page.getAttribute('.cells', 'aria-label'), /7 van de 10/);
    const box = page.locator('.now textarea.copy');
    assert.match(await box.inputValue(), /^v=DMARC1; p=/);
    await box.focus();
    await page.keyboard.press('Control+A');
    const chosen = await box.evaluate((one) => one.value.slice(one.selectionStart, one.selectionEnd));
    assert.equal(chosen, await box.inputValue(), 'Ctrl+A takes the whole record and nothing else');
    assert.ok(!(await box.isEditable()));
    await shot(page, 'mail-next');
    await context.close();
  });

  test('a report shows its servers, and nonsense is kept apart until a person throws it away', async () => {
    const { context, page } = await open(browser, { javaScriptEnabled: false });
    await signIn(page);
    await page.goto(url + report);
    assert.ok(await page.locator('table.log tbody tr').count() >= 1);
    await upload(page, { name: 'raar.bin', mimeType: 'application/octet-stream', buffer: Buffer.from('raar') });
    assert.match(await page.textContent('.notice.warn'), /apart gezet/);
    await page.click('a[href$="/quarantine"]');
    await shot(page, 'mail-quarantine');
    await page.click('form[action$="/delete"] button');
    await page.waitForSelector('.calm');
    await upload(page, { name: 'leeg.xml', mimeType: 'text/xml', buffer: Buffer.from('') });
    assert.match(await page.textContent('.problems'), /niet leeg/);
    await context.close();
  });

  test('a key is made, and its record stands in the plan and is compared with the DNS', async () => {
    const { context, page } = await open(browser, { javaScriptEnabled: false });
    await signIn(page);
    await page.goto(`${url}/console/phishing/keys`);
    await page.selectOption('#domain', 'bestelling.winkel.example');
    await page.click('main form[action$="/keys"] button');
    await page.waitForSelector('.notice.ok');
    const record = await page.inputValue('textarea.copy');
    assert.match(record, /^v=DKIM1; .*p=/);
    await page.goto(`${url}/console/phishing/plan`);
    assert.ok((await page.locator('textarea.copy').evaluateAll((all) => all.map((one) => one.value))).includes(record));
    await page.click('main form button');
    await page.waitForSelector('#compare');
    assert.ok(await page.locator('#compare ~ ul > li').count() >= 3, 'much is not published yet');
    await shot(page, 'mail-compared');
    await context.close();
  });

  test('a stricter policy is tried on what was reported', async () => {
    const { context, page } = await open(browser, { javaScriptEnabled: false });
    await signIn(page);
    await page.goto(`${url}/console/phishing/what-if`);
    await page.selectOption('#policy', 'reject');
    await page.click('main form.card button');
    await page.waitForSelector('#outcome');
    assert.match(await page.textContent('section[aria-labelledby=outcome]'), /p=reject/);
    assert.ok(await page.locator('section[aria-labelledby=outcome] tbody tr').count() >= 3);
    await shot(page, 'mail-what-if-done');
    await context.close();
  });
});

describe('every page about mail', () => {
  const places = () => ({
    mail: '/console/phishing', 'mail-90': '/console/phishing?days=90', sender: '/console/phishing/senders/spotler',
    'sender-misuse': '/console/phishing/senders/misuse', reports: '/console/phishing/reports', report,
    quarantine: '/console/phishing/quarantine', keys: '/console/phishing/keys', plan: '/console/phishing/plan',
    'what-if': '/console/phishing/what-if', lookalikes: '/console/phishing/lookalikes', queue: '/console/phishing/queue',
  });

  test('strangers are sent to sign in', async () => {
    for (const path of Object.values(places())) {
      const answer = await ask(path);
      assert.equal(answer.status, 303, path);
      assert.equal(answer.headers.location, '/console/sign-in', path);
    }
    for (const path of ['keys', 'keys/step', 'plan', 'what-if', 'lookalikes', 'senders', 'reports']) {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const answer = await ask(`/console/phishing/${path}`, { method: 'POST', body: 'csrf=x', headers });
      assert.equal(answer.status, 303, path);
    }
  });

  for (const lang of ['nl', 'en']) {
    for (const colorScheme of ['light', 'dark']) {
      test(`${lang}, ${colorScheme}: axe is clean, nothing is too wide, nothing breaks the policy`, async () => {
        const locale = lang === 'nl' ? 'nl-NL' : 'en-GB';
        const { context, page, complaints } = await open(browser, { colorScheme, locale });
        await signIn(page);
        for (const [name, path] of Object.entries(places())) {
          await page.setViewportSize({ width: 1280, height: 800 });
          await page.goto(url + path);
          assert.equal(await page.getAttribute('html', 'lang'), lang, name);
          await page.evaluate(() => document.querySelectorAll('main details').forEach((one) => { one.open = true; }));
          assert.deepEqual(await axe(page), [], `${name} is clean with everything open`);
          await page.goto(url + path);
          await shot(page, `mail-${name}-${lang}-${colorScheme}`);
          await page.setViewportSize({ width: 320, height: 640 });
          assert.ok(await overflow(page) <= 0, `${name} fits 320 px`);
          if (lang === 'nl' && colorScheme === 'light') {
            assert.deepEqual(await axe(page), [], `${name} is clean at 320 px`);
            await shot(page, `mail-${name}-320`);
          }
        }
        assert.deepEqual(complaints, []);
        await context.close();
      });
    }
  }

  test('the parts of the bars and the lamps can be told from what is behind them', async () => {
    for (const colorScheme of ['light', 'dark']) {
      const { context, page } = await open(browser, { colorScheme });
      await signIn(page);
      await page.goto(`${url}/console/phishing`);
      const ratios = await page.evaluate(() => {
        const probe = document.body.appendChild(document.createElement('i'));
        const style = getComputedStyle(document.documentElement);
        const light = (name) => {
          probe.style.setProperty('color', style.getPropertyValue(name));
          const parts = getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map((part) => part / 255);
          const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const ratio = (one, other) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        const names = ['--s-own', '--s-service', '--s-forwarder', '--s-unknown', '--s-misuse', '--ok', '--warn', '--bad'];
        return names.map((name) => [name, ratio(light(name), light('--sheet'))]);
      });
      for (const [name, ratio] of ratios) assert.ok(ratio >= 3, `${name} has ${ratio} in ${colorScheme} (WCAG 1.4.11)`);
      await context.close();
    }
  });
});

// The last test: the search goes on for a while and its page refreshes itself.
test('names that look alike are looked for when a person asks, and not before', async () => {
  const { context, page } = await open(browser, { javaScriptEnabled: false });
  await signIn(page);
  await page.goto(`${url}/console/phishing/lookalikes`);
  assert.match(await page.textContent('main'), /nog niet gezocht/);
  await page.click('main form.card button');
  await page.waitForSelector('progress');
  assert.ok(await page.locator('meta[http-equiv=refresh]').count());
  await context.close();
});

async function upload(page, file) {
  await page.goto(`${url}/console/phishing/reports`);
  await page.setInputFiles('#file', file);
  await Promise.all([page.waitForLoadState('load'), page.click('main form[enctype] button')]);
  await page.waitForSelector('.notice, .problems', { timeout: 20_000 });
}

async function shot(page, name) {
  await page.screenshot({ path: `${artifacts}${name}.png`, fullPage: true });
}

// A mailbox with the reports of three receivers over four weeks: a shop, its newsletter, a forwarder, misuse in one week.
function monthOfReports() {
  const now = Math.floor(Date.now() / 1_000);
  const mails = [];
  for (let day = 1; day <= DAYS; day += 1) {
    const end = now - (day - 1) * 86_400 - 3_600;
    const busy = [9, 10, 8, 11, 12, 4, 3][day % 7];
    for (const [org, share] of [['google.com', 6], ['Outlook.com', 3], ['ziggo.example', 1]]) {
      const rows = [
        row('192.0.2.10', busy * share, 'bestelling.winkel.example', 'bestelling.winkel.example', 'bestelling.winkel.example'),
        row('192.0.2.20', share * 2, 'winkel.example', 'winkel.example', 'winkel.example'),
        row('198.51.100.44', share, 'winkel.example', 'winkel.example', 'doorstuurder.example'),
      ];
      if (day % 7 === 2) rows.push(row('198.51.100.7', share * 240, 'nieuws.winkel.example', 'nieuws.winkel.example', 'mailplus.nl'));
      if (day % 7 === 2) rows.push(row('198.51.100.8', share * 3, 'nieuws.winkel.example', '', 'mailplus.nl'));
      if (day > 8 && day < 14) rows.push(row('203.0.113.66', share * 31 * (day - 8), 'winkel.example', '', ''));
      mails.push(mail(org, xml(org, `${day}`, end, rows)));
    }
  }
  return { name: 'rapporten.mbox', mimeType: 'application/mbox', buffer: Buffer.from(mails.join('')) };
}

function row(source, count, from, signer, envelope) {
  const word = (isGood) => (isGood ? 'pass' : 'fail');
  const signature = signer && `<dkim><domain>${signer}</domain><selector>s1</selector><result>pass</result></dkim>`;
  return `<record><row><source_ip>${source}</source_ip><count>${count}</count><policy_evaluated><disposition>none</disposition>`
    + `<dkim>${word(signer === from)}</dkim><spf>${word(envelope === from)}</spf></policy_evaluated></row>`
    + `<identifiers><header_from>${from}</header_from></identifiers><auth_results>${signature}`
    + `<spf><domain>${envelope || 'evil.example'}</domain><result>${word(envelope)}</result></spf></auth_results></record>`;
}

function xml(org, id, end, rows) {
  return `<?xml version="1.0"?><feedback><report_metadata><org_name>${org}</org_name><email>dmarc@${org}</email>`
    + `<report_id>${id}</report_id><date_range><begin>${end - 86_399}</begin><end>${end}</end></date_range></report_metadata>`
    + `<policy_published><domain>winkel.example</domain><p>none</p></policy_published>${rows.join('')}</feedback>`;
}

function mail(org, report) {
  return `From reports@${org} Tue Nov 24 02:09:16 2026\nFrom: reports@${org}\nSubject: Report Domain: winkel.example\n`
    + `MIME-Version: 1.0\nContent-Type: application/xml; name="${org}!winkel.example.xml"\n\n${report}\n\n`;
}
