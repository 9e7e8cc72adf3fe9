# Texts of the console in English. Plain words, one word per thing (docs/GLOSSARY.md).

## Around every page
skip = Go to the content
menu = Menu
menu-close = Close menu
main-menu = Main menu
language = Language
signed-in-as = Signed in as
sign-out = Sign out
foot = Klantkluis: customer data under lock and key, read only for a purpose.
foot-time = All times are Dutch time.
tone-ok = Done:
tone-warn = Note:
tone-bad = Error:
error-prefix = Error:
problems-title =
    { $n ->
        [one] There is something to correct
       *[other] There are { $n } things to correct
    }
all = All
cancel = Cancel
never = Never
state = State
field = Field

nav-overview = Overview
nav-customers = Find a customer
nav-import = Import
nav-exports = Export
nav-connectors = Access and connectors
nav-checks = Check the web shop
nav-mail-keys = Keys
nav-mail-reports = Reports
nav-mail-lookalikes = Lookalike names
nav-audit = Audit log

## The five tips
tip = Tip
tip1 = Use https
tip2 = Store data securely
tip3 = Ask customers only for what is necessary
tip4 = Help protect your customers against phishing
tip5 = Let your customers help you
tip1-short = Https
tip2-short = Secure storage
tip3-short = Only what is needed
tip4-short = Against phishing
tip5-short = Together with customers
tip-does = What Klantkluis does
tip-not-yet = What Klantkluis does not do yet

## Status page
status-title = State of the vault
status-head = Customer data, under lock and key
status-lead = In this vault the shop keeps the data of its customers. Everything is stored encrypted. Whoever wants to read something first names the purpose, and that goes into the audit log.
status-open = The vault is open
status-open-text = Staff and connectors with a credential can work with it.
status-sealed = The vault is sealed
status-sealed-text = The key is not loaded. Nobody can read anything now, not even this server.
status-sign-in = To the console
status-holds = What the vault holds
status-tips = Five tips for handling customer data safely
status-tip1 = This vault can only be reached over https. Nobody can read or change on the way what you read and type.
status-tip1-until = The certificate is valid until
status-tip1-check = Last check of the web shop: grade { $grade }, on
status-tip2 =
    { $n ->
        [0] There are no customers in the vault yet.
        [one] The data of 1 customer is stored encrypted, with keys of its own.
       *[other] The data of { $n } customers is stored encrypted. Every customer has keys of their own.
    }
status-tip2-sealed = All data is stored encrypted. Every customer has keys of their own.
status-tip3 =
    There { $purposes ->
        [one] is 1 purpose
       *[other] are { $purposes } purposes
    } on record, for { $fields } fields in all. A field without a purpose is not kept.
status-tip3-sealed = A field without a purpose is not kept.
status-tip4 = E-mail addresses can only be read for a purpose. That keeps them away from people who send fake messages.
status-tip4-mail = The shop also watches who sends mail in its name, and signs its own mail.
status-tip5 =
    { $n ->
        [one] 1 customer has been erased on request.
       *[other] { $n } customers have been erased on request.
    } Customers may see their data, have it erased, and withdraw their consent.
status-tip5-none = Customers may see their data, have it erased, and withdraw their consent.
status-checkpoint = Latest signed checkpoint of the audit log:

count-customers = Customers
count-erased = Erased
count-purposes = Purposes
count-log = Log lines
count-credentials = Credentials

## Signing in
sign-in-title = Sign in
sign-in-lead = Sign in with your own credential. You got it from the owner of the vault.
sign-in-credential = Credential
sign-in-hint = Paste the whole credential. It begins with kks_.
sign-in-button = Sign in
sign-in-error = You cannot sign in with this credential. Check that you pasted all of it. If it still does not work, ask the owner for a new one.
sign-in-form = The page was open for too long. Paste your credential once more.
sign-in-empty = Paste your credential here.
sign-in-wait =
    { $n ->
        [one] There were too many attempts to sign in. Try again in 1 minute.
       *[other] There were too many attempts to sign in. Try again in { $n } minutes.
    }
sign-in-idle = You were signed out because you did nothing for { $n } minutes. Please sign in again.
sign-in-absolute = You were signed out because you had been signed in for { $n } hours. Please sign in again.
sign-in-ends = You are signed out automatically after { $minutes } minutes without doing anything, and in any case after { $hours } hours.

## Overview
overview-head = Overview
overview-find = Find a customer
overview-attention = What needs attention
overview-calm = All is well. There is nothing you need to do now.
overview-empty = There are no customers in the vault yet.
overview-empty-link = Import your customers
overview-events = Latest events
overview-events-all = To the whole audit log
overview-events-none = There is nothing in the audit log yet, or your credential may not read it.

## The log
log-when = When
log-who = Who
log-what = What
log-purpose = Purpose
log-fields = Fields
log-outcome = Outcome
log-number = line { $n }
log-count = { $n } customers
log-customer = customer
log-no-purpose = not needed
log-no-fields = none

## Finding a customer
find-title = Find a customer
find-lead = First choose what you need the data for. You only see the fields that belong to that purpose.
find-purpose = What do you need the data for?
find-purpose-hint = The purpose is written in the audit log, with your name and the time.
find-purpose-none = Choose a purpose
find-by = What do you want to search by?
find-by-name = Name
find-text = What are you looking for?
find-text-hint = Part of a name is enough. Type everything else in full. What you type does not go into the web address.
find-button = Search
find-error-purpose = Choose a purpose.
find-error-text = Type what you are looking for.
find-error-by = Choose what you want to search by.
find-count =
    { $n ->
        [0] No customers found
        [one] 1 customer found
       *[other] { $n } customers found
    }
find-for = Shown for the purpose
find-on-record = This is in the audit log.
find-more = More customers match. Search more precisely to see them.
find-none = Check your spelling, or search by something else. You only find customers to whom this purpose applies now.
find-no-fields = For this purpose there are no fields to see of this customer.
find-another = Find another customer
find-gone = This search is no longer known. Please search again.

## One customer
customer-title = Customer
customer-purpose = What do you need the data for?
customer-show = Show
customer-choose = First choose a purpose. Then you see the fields that belong to it.
customer-fields = Fields for
customer-no-fields = For this purpose nothing is kept about this customer.
customer-withheld = Not shown
customer-withheld-text = These fields do not belong to this purpose, or your credential may not see them. They were not decrypted.
customer-consents = Consent
customer-no-consents = No purpose asks for consent.
customer-reads = Who did what with this data
customer-no-reads = There is nothing about this in the audit log yet, or your credential may not read it.
customer-rights = Rights of the customer
consent-given = given
consent-withdrawn = withdrawn
consent-never = never given
consent-source = How did the customer give consent?
consent-source-phone = By telephone
consent-source-email = By e-mail
consent-source-paper = On paper
consent-give = Record consent
consent-withdraw = Withdraw consent
access-title = Access
access-text = An overview of everything the shop keeps about this customer, with the purposes and who read it. You can give it to the customer (GDPR articles 15 and 20).
access-html = As a readable page
access-json = As JSON (for computers)
erase-title = Erase customer
erase-text = Destroys the keys of this customer, so that nobody can read the data any more (GDPR article 17). First you see what happens.
erase-link = See what is erased
basis = Legal basis

## Erasing
erase-back = Back to the customer
erase-head = Erase this customer?
erase-goes = What goes
erase-goes-data = The keys of this customer. Without keys nobody can read the data any more.
erase-goes-search = Everything by which the customer can be found.
erase-goes-backups = For this customer, old backups cannot be read either from
erase-goes-backups-later = For this customer, old backups will not be readable later either. The date is on the erasure receipt.
erase-stays = What stays
erase-stays-law = The law makes the shop keep this for longer:
erase-stays-log = The audit log: who did what, and when. It holds no personal data.
kept-until = Until
erase-sure = I am sure that I want to erase this customer. This cannot be undone.
erase-sure-error = Tick the box to confirm that you want to erase this customer.
erase-button = Erase customer
erased-title = The customer has been erased
erased-text = The keys of this customer were destroyed on
erased-backups = For this customer, old backups cannot be read either from
erased-receipt = Erasure receipt
erased-receipt-text = With this signed receipt the shop can show that the data was erased. It holds no personal data. Keep it or print it.

## Credentials
connectors-lead = Who and what can reach the data. Every member of staff and every connector has a credential of its own, with limits of its own.
connectors-none = There are no credentials yet, or your credential may not see them.
connector-new = New connector
staff-new = New member of staff
connector-new-lead = A connector is another system that reads or writes data, such as the web shop or the shipping program. Give it no more than it needs.
staff-new-lead = A member of staff signs in here with a credential of their own.
credential-name = Name
connector-name-hint = By this you recognise the connector in the audit log, for example "Web shop".
staff-name-hint = By this you recognise the person in the audit log, for example "Sanne, customer service".
credential-kind = Kind
credential-purposes = Purposes
credential-fields = Fields
credential-fields-all = All fields of those purposes
credential-budget = How much
credential-created = Made
credential-used = Last used
credential-works = works
credential-expired = ended
credential-revoked = Revoked
credential-own = you are using this one
credential-make = Make credential
connector-purposes-hint = The connector can only read for the purposes that you tick.
connector-operations = What may the connector do?
connector-fields-hint = Tick nothing if the connector may read all fields of its purposes. With a mask it sees only a part.
mask = Mask
mask-none = Fully readable
mask-hidden = Hidden
mask-first-letter = First letter only
mask-last-four = Last four characters only
mask-domain-only = Only the part after the @
mask-year-only = Year only
mask-postcode-digits = Only the digits of the postcode
budget-rows-label = Reads per hour at most
budget-subjects-label = Different customers per day at most
budget-hint = Leave empty for no limit.
budget-rows =
    { $n ->
        [one] at most 1 read per hour
       *[other] at most { $n } reads per hour
    }
budget-rows-none = no limit per hour
budget-subjects =
    { $n ->
        [one] at most 1 customer per day
       *[other] at most { $n } customers per day
    }
budget-subjects-none = no limit per day
role = Role
role-owner = Owner
role-support = Customer service
role-auditor = Auditor
role-text-owner = May do everything, including making credentials and exporting.
role-text-support = May find, read, change and erase customers.
role-text-auditor = May read and verify the audit log, and no customer data.
secret-title = New credential
secret-once = You see this credential only once. Keep it now, for example in a password manager.
secret-label = The new credential
secret-staff = Hand it to the person yourself, and do not send it by e-mail.
secret-connector = Put it into the settings of the other system.
secret-done = I have kept the credential
secret-gone = A new credential can be seen only once. Did you not keep it? Revoke it and make a new one.
revoke-title = Revoke access
revoke-link = Revoke
revoke-staff = After this, the person cannot sign in any more. This cannot be undone.
revoke-connector = After this, the connector cannot read or write anything any more. This cannot be undone.
revoke-button = Revoke access
form-name = Enter a name of at most 80 characters.
form-purposes = Choose at least one purpose.
form-operations = Choose at least one operation.
form-role = Choose a role.
form-number = Enter a whole number of 1 or more, or leave it empty.

## The audit page
audit-lead = Everything that happens with customer data is here: who, what, when and what for. Lines cannot be changed or removed unnoticed.
audit-check = Verify
audit-check-text = Recalculates the whole audit log and compares it with what is stored. It shows whether somebody changed something behind the vault's back.
audit-verify = Verify now
audit-may-not-verify = Your credential may not have the vault verified.
audit-checkpoint = Checkpoint
audit-checkpoint-text = Signature under the first { $n } lines. Keep this text outside the vault; it proves later that nothing was changed.
audit-checkpoint-none = There is no checkpoint yet. It comes by itself, within a minute after the first log line.
audit-lines = Log lines
audit-subject = Customer number in the vault
audit-subject-error = This is not a customer number of the vault. It looks like 01936f2e-7b1c-7d3a-9c41-2f0c3a9b1e55.
audit-filter = Filter
audit-older = Older lines
audit-none = No lines match.
verify-title = Result of verifying
verify-running-title = Verifying
verify-running = The vault recalculates all log lines and all customers. This page refreshes itself.
verify-good = All is well. The audit log is complete and what is stored agrees with it.
verify-bad =
    { $n ->
        [one] 1 thing is wrong.
       *[other] { $n } things are wrong.
    }
verify-bad-next = Have this looked into today. First make a backup of the server, so that no evidence gets lost.
verify-lines = Log lines recalculated
verify-rows = Customers recalculated
verify-at = Verified on
verify-cli = Without the console, on the server:
verify-none = Nothing has been verified since you signed in.

## Import
import-lead = Put a customer file from your web shop or mail program into the vault. First you see what will happen; then you decide.
import-file = File
import-file-hint = CSV, NDJSON or Excel (XLSX), at most { $n } MB. The file is handled encrypted and destroyed afterwards.
import-check = Check file
import-check-text = Nothing is stored yet.
import-earlier = Earlier imports
import-none = Nothing has been imported since the vault was started.
import-shape = Recognised as
import-lines = Lines
import-created = New customers
import-would-create = Will be new customers
import-existing = Existing customers
import-rejected = Refused lines
import-rejects = Get the refused lines (line number and reason)
import-progress = { $n } % of the file has been read
import-lines-done =
    { $n ->
        [one] 1 line handled
       *[other] { $n } lines handled
    }
import-refresh = This page refreshes itself. You may also leave it; the import goes on.
import-done-text = The import is done. The uploaded file has been destroyed.
import-checked-text = Nothing has been stored yet. Check that this is right and then start the import.
import-columns = Columns
import-header = Column in the file
import-becomes = Becomes
import-not-stored = is not kept
import-dropped = Not kept
import-dropped-text = Data for which no purpose applies is not kept:
import-run = Start import
import-discard = Throw the file away
import-error-none = Choose a file.
import-error-large = The file is too large.
import-error-broken = The file did not arrive completely. Please try again.
import-error-busy = Too many imports are going on. Wait until one is done, or throw a checked file away.
import-state-uploading = being received
import-state-checking = being checked
import-state-checked = waits for you
import-state-running = going on
import-state-done = done
import-state-failed = failed
import-state-cancelled = stopped
import-head-uploading = The file is being received
import-head-checking = The file is being checked
import-head-checked = This is what will happen
import-head-running = The import is going on
import-head-done = The import is done
import-head-failed = The import failed
import-head-cancelled = The import was stopped
import-column-consent = consent: { $purpose }
import-column-event = event: { $event }

## Export
exports-lead = An export is a file with data of many customers at once. That is why one member of staff asks for it and another approves it.
export-purpose = What is the export for?
export-request = Request export
export-list = Exports
export-asked = Requested by
export-approved = Approved by
export-approve = Approve
export-four-eyes = Another member of staff has to approve this export.
export-fetch = Get the file (NDJSON)
export-none = There are no exports.
export-state-requested = waits for approval
export-state-approved = approved
export-state-done = fetched
export-state-refused = refused
export-state-expired = ended

## Tip pages
https-lead = Over https nobody can read along or change anything on the way, and visitors know for sure that they talk to the right server.
https-only = The vault can only be reached over https. Whoever types http is redirected.
https-versions = Only the safe versions TLS 1.3 and TLS 1.2 work, with a key exchange that also withstands quantum computers.
https-cookie = The cookie that keeps you signed in only travels over https and cannot be read by scripts.
https-certificate = The certificate of this vault
https-local = This vault made its own certificate. Your browser does not know its issuer and therefore warns. Install the file tls/ca.pem from the data folder on your computer, or set up a certificate of a known issuer.
https-unknown = Nothing is known here about the certificate.
https-shop = Your web shop itself
https-shop-text = Have it checked whether your web shop protects its visitors well: the connection, the certificate, the pages and the forms. You get a grade and a list of what you can improve, the most important first.
https-shop-last = Last check of { $domain }:
https-shop-check = Check the web shop
checks-head = Check the web shop
checks-lead = Fill in the address of your web shop. The vault looks at the shop as a visitor does and says what can be better: the connection, the certificate, the settings, the pages and the mail records.
check-domain = Domain
check-domain-hint = For example shop.example. You may also paste the address from the address bar.
check-own = This domain is ours: look for files that lie open too
check-own-hint = For that you first put a proof on your site. You will see which.
check-start = Start the check
check-gentle = The check makes at most sixty connections, reads a few pages and fills in nothing.
check-error-busy = This domain is being checked already. Look below.
checks-earlier = Earlier checks
checks-none = Nothing was checked yet.
check-points = { $n } of 100
check-grade = Grade
check-findings = To do
check-this = this check
check-state-queued = waiting
check-state-running = running
check-state-done = done
check-state-failed = did not succeed
check-now-queued = The check waits for its turn.
check-now-running = The check is running. That takes a minute at most.
check-refresh = This page refreshes itself. You may also leave it; the check goes on.
check-look = Look now
check-again = Check again
check-download = Report as a file
check-changes = Changed since last time
check-previous = The check before
check-history = All checks of this domain
check-chart = The grade went from { $first } to { $last } points.
check-owner = Proof that the domain is yours
check-owner-text = Put this text into a TXT record or into a file on your site and check again. One of the two is enough. Without this proof the vault does not look for open files.
check-owner-what = Text
check-owner-record = Name of the TXT record
check-owner-file = Address of the file
check-part-tls = Connection
check-part-certificate = Certificate
check-part-dns = Domain name (DNS)
check-part-web = Pages
check-part-exposed = Open files
check-part-mail = E-mail
cert-names = Valid for
cert-issuer = Issued by
cert-local = (the vault itself)
cert-renewal = Is renewed on
cert-problem = Last attempt
cert-from = Valid from
cert-until = Valid until
cert-ended = ended
cert-days =
    { $n ->
        [one] 1 day left
       *[other] { $n } days left
    }
store-lead = Whoever steals the database has nothing: every value is encrypted on its own, and the keys are encrypted themselves.
store-how = How it is stored
store-engine = Database
store-suite = Encryption
store-suite-text = (an open and recognised method)
store-epoch = Key epoch
store-epoch-at = begun on
store-do = What you can do here
store-do-customers = Look up one customer, for a purpose.
store-do-import = Put a customer file into the vault.
store-do-exports = Get data of many customers, with the approval of a second person.
store-do-connectors = Decide who and what can reach the data.
store-do-audit = See who did what, and whether all is well.
necessary-lead = The more you keep, the greater the damage when something leaks. That is why every field has a purpose. When the purpose has ended, nobody can read the field for it any more.
usage-title = Is the data used?
usage-text = How often each field was read in the last { $days } days.
usage-unread =
    { $n ->
        [one] 1 field was never read in that time. Do you really need it?
       *[other] { $n } fields were never read in that time. Do you really need them?
    }
usage-purposes = Purposes
usage-reads = Times read
usage-zero = never
usage-none = Nothing is known about this yet, or your credential may not see it.
register-title = Purpose register
register-text = What the shop keeps data for, on which legal basis and for how long.
register-none = There are no purposes on record yet.
keep = Retention
phishing-lead = With the e-mail addresses of customers, fraudsters can send fake messages in the name of your shop. The fewer people and systems can read those addresses, the better.
phishing-sealed = E-mail addresses are stored encrypted. Whoever has the database cannot send mail with it.
phishing-reads =
    { $n ->
        [0] In the last { $days } days no e-mail address was read.
        [one] In the last { $days } days an e-mail address was read once.
       *[other] In the last { $days } days e-mail addresses were read { $n } times.
    }
phishing-readers = Who can read e-mail addresses
phishing-change = Change access
phishing-readers-none = Nobody, or your credential may not see this.
phishing-check = The check also looks at how mail programs recognise mail of your domain: SPF, DKIM and DMARC.
## Tip 4: who sends mail in the shop's name
mail-title = Who sends mail in your name?
mail-lead = Anybody can send mail with your shop as its sender. Here you see who does, what is yours and what is not, and how you stop the rest.
mail-next = To do:
mail-next-none = You do not have to do anything now.
mail-all-well = Your mail can be recognised well, and fake mail is refused.
mail-all-quiet = Nothing has to be done now.
mail-light-unknown = Not enough is known yet to say how it goes.
mail-if-reject = If receivers refused everything that cannot be recognised today:
mail-if-reject-more = Work it out yourself
mail-light-ok = good
mail-light-warn = take care
mail-light-bad = not good
mail-light-plain = not known yet
mail-streams = Your streams of mail
mail-stream-shop = Order mail
mail-stream-newsletter = Newsletter
mail-stream-office = Office mail
mail-stream = Stream
mail-stream-none = none of your streams
mail-messages = Messages
mail-signed-share = Well signed
mail-why = Why
mail-reconciled =
    { $signed ->
        [one] We signed 1 message
       *[other] We signed { $signed } messages
    }, receivers reported { $reported }.
mail-reconciled-less = Not every receiver sends reports, so fewer is normal.
mail-reconciled-more = That is more than we sent. Look below whether you know all senders.
mail-reconciled-others =
    { $n ->
        [one] 1 more message with this name did not come from us.
       *[other] { $n } more messages with this name did not come from us.
    }
mail-volumes = Who sent how much
mail-period = Period
mail-days = { $n } days
mail-chart = Messages a day in the last { $days } days, by kind of sender
mail-chart-says = { $total } messages together; { $most } on the busiest day.
mail-chart-table = The same numbers as a table
mail-day = Day
mail-total = Together
mail-series-own = Yourself
mail-series-service = Service
mail-series-forwarder = Forwarded
mail-series-unknown = Unknown
mail-series-misuse = Misuse
mail-series-passed = Recognised as yours
mail-series-failed = Not recognised
mail-category = What it is
mail-category-own = yourself
mail-category-service = service
mail-category-forwarder = forwarded
mail-category-unknown = unknown
mail-category-misuse = misuse
mail-category-means-own = These are your own servers, or mail with your own signature.
mail-category-means-service = This is a service that we know and that sends mail for shops.
mail-category-means-forwarder = This is your own mail that a receiver passes on automatically, to another address for instance. Your signature stayed whole.
mail-category-means-unknown = This sender proves who it is, but not that it may send mail in your name.
mail-category-means-misuse = These senders use your name and prove nothing. This is what fake mail looks like.
mail-sender = Sender
mail-senders = Senders
mail-senders-more =
    { $n ->
        [one] 1 more small sender is not shown.
       *[other] { $n } more small senders are not shown.
    }
mail-passed = Recognised as yours
mail-undeclared = not named by you
mail-no-sender = Server in { $network }
mail-no-sender-own = Your own server
mail-no-sender-own-in = Your own server in { $network }
mail-no-sender-forwarder = Forwarders
mail-no-sender-misuse = Strangers who use your name
mail-no-sender-unknown = Unknown servers
mail-reporters =
    { $n ->
        [0] Nobody reported anything in this period.
        [one] These numbers come from the reports of 1 receiver:
       *[other] These numbers come from the reports of { $n } receivers:
    }
mail-reports-only = Not all receivers send reports; the real numbers are higher.
mail-no-reports = There are no reports of receivers yet. Put the address for reports in your DNS first; the first ones come after a day.
mail-no-reports-plan = To the DNS records
mail-misuse = Fake mail in your name
mail-misuse-text =
    { $n ->
        [one] In { $days } days receivers saw 1 message with your name that was not yours. This happened to it:
       *[other] In { $days } days receivers saw { $n } messages with your name that were not yours. This happened to them:
    }
mail-misuse-rejected = Refused
mail-misuse-quarantined = In the spam folder
mail-misuse-delivered = Delivered all the same
mail-misuse-open = Fake mail keeps being delivered until you ask receivers to refuse what is not yours. Do so step by step, or mail of your own gets lost too.
mail-misuse-chart = Fake mail a day in the last { $days } days
mail-misuse-none = In { $days } days no receiver reported fake mail in your name.
mail-lock = How well your name is locked
mail-policy = What receivers do with fake mail
mail-policy-text = In three steps: first only watch, then the spam folder, then refuse (DMARC).
mail-policy-none = Nothing is known yet. See the DNS records for what you have to publish.
mail-stage-absent = no policy
mail-stage-none = only watch
mail-stage-test-quarantine = spam folder, on trial
mail-stage-quarantine = spam folder
mail-stage-test-reject = refuse, on trial
mail-stage-reject = refuse
mail-stages-says = { $done } of the 3 steps taken
mail-evidence = What this rests on
mail-evidence-title = Measured:
mail-blockers = What holds the next step back:
mail-budget = Room in your SPF record
mail-budget-text = For SPF a receiver looks up 10 things at most. When more are needed, SPF no longer counts.
mail-budget-of = { $used } of { $max }
mail-budget-says = { $used } of { $max } lookups used
mail-budget-parts = Where they go
mail-budget-absent = No SPF record
mail-budget-none = Not looked at yet. That happens by itself every day.
mail-keys = Keys for signatures
mail-keys-text = With these keys the vault signs your mail (DKIM). Replace them every year.
mail-keys-none = The vault has no key yet.
mail-keys-all = To the keys
mail-key-age =
    { $n ->
        [0] made today
        [one] 1 day old
       *[other] { $n } days old
    }
mail-changes = Changed in your DNS
mail-lookalikes = Names that look like yours
mail-lookalikes-text = Fraudsters take names that are nearly the same. These really exist:
mail-lookalikes-calm = There are no names that look like yours and can send mail.
mail-lookalikes-never = Nobody has looked yet.
mail-lookalikes-all =
    { $n ->
        [0] Look for names
        [one] See the name that was found
       *[other] See all { $n } names
    }
mail-lookalikes-lead = A customer does not see the difference between winkel and wínkel. Here you look up which names that look like yours really exist and can send mail.
mail-lookalikes-consent = The vault asks the DNS about two thousand names at most that look like { $domain }, at an easy pace. Nothing is sent to the owners of those names. This takes a few minutes.
mail-lookalikes-scan = Look now
mail-lookalikes-running = Looking now. This page refreshes itself; you may also leave it.
mail-lookalikes-found = Found
mail-lookalikes-when = { $n } names tried on
mail-lookalikes-do = Does one of these names mislead customers? Report it to its registrar or to the fraud help desk of your country, and warn your customers. A name of your own you may ignore.
mail-lookalike-name = Name
mail-lookalike-risk = Danger
mail-lookalike-why = Why
mail-new = new
mail-of-100 = of 100
mail-begin = Begin by telling who sends mail for you
mail-begin-text = The vault does not know yet who sends mail for your shop.
mail-begin-1 = Answer some questions on the server with:
mail-begin-2 = Put the records that you get then in your DNS, in the order that is given.
mail-begin-3 = Start the vault again. After a day or two the first reports of receivers come in.
mail-begin-streams = A shop often has three streams of mail: order mail, the newsletter and office mail. Each stream gets its own light here.
mail-more = Further
mail-plan = DNS records
mail-plan-door = What you have to publish, in which order, and what is there now.
mail-plan-lead = These are the records for your domain, in the order in which you publish them. Wait where it says so.
mail-plan-compare = Compare with what is in the DNS now
mail-plan-compare-text = Asks about your own domains only.
mail-plan-differs = What differs
mail-plan-same = Everything is in the DNS as it is here.
mail-plan-published = There is now:
mail-plan-planned = Make it this:
mail-plan-records = The records, in order
mail-plan-wait = Then wait:
mail-record-of = Record { $kind } { $name }
mail-record-kind = Type
mail-record-name = Name
mail-record-whole = in full
mail-record-value = Value
mail-record-ttl = TTL (seconds)
mail-copy-hint = To copy: put the cursor in the box, press Ctrl+A (all) and then Ctrl+C. Paste it at your domain provider, under DNS.
mail-reports = Reports of receivers
mail-reports-door = What Gmail, Outlook and others report about your mail.
mail-reports-lead = Receivers such as Gmail and Outlook send a report every day: which servers sent mail with your name, and whether that was right. There are no addresses of customers in it.
mail-reports-list = Reports, last received first
mail-reports-none = There are no reports yet.
mail-report-file = Add a report
mail-report-file-hint = A message (eml, mbox), zip, gzip, XML or JSON, { $n } MB at most. The same report counts only once.
mail-report-file-error = Choose a file that is not empty.
mail-report-file-large = This file is too large.
mail-report-add = Add
mail-taken =
    { $new ->
        [0] There was nothing new.
        [one] 1 new report was stored.
       *[other] { $new } new reports were stored.
    }
mail-taken-known =
    { $n ->
        [one] 1 report was there already.
       *[other] { $n } reports were there already.
    }
mail-taken-tls =
    { $n ->
        [one] 1 of them is about encrypted connections.
       *[other] { $n } of them are about encrypted connections.
    }
mail-taken-refused =
    { $n ->
        [one] 1 failure report was not kept, because it holds personal data.
       *[other] { $n } failure reports were not kept, because they hold personal data.
    }
mail-taken-quarantined = Cannot be read and was put apart:
mail-report-org = Receiver
mail-report-kind = Kind
mail-report-kind-dmarc = who sent mail (DMARC)
mail-report-kind-tls = encryption on the way (TLS)
mail-report-kind-failure = failed message, without personal data
mail-report-period = Period
mail-report-odd = What is odd about this report
mail-report-rows = Lines of the report
mail-report-source = Server
mail-report-from = Sender in the message
mail-report-done = Outcome
mail-report-more =
    { $n ->
        [one] 1 more line is not shown.
       *[other] { $n } more lines are not shown.
    }
mail-report-no-rows = Of this report only the totals were kept.
mail-tls-good = Connections that went well
mail-tls-bad = Connections that failed
mail-dkim = Signature (DKIM)
mail-spf = Server may (SPF)
mail-dkim-short = Signature
mail-spf-short = Server may
mail-yes = yes
mail-no = no
mail-disposition-none = delivered
mail-disposition-pass = delivered
mail-disposition-quarantine = in the spam folder
mail-disposition-reject = refused
mail-disposition-unknown = not told
mail-sender-advice = What you can do
mail-sender-volumes = How much and when
mail-sender-chart = Messages a day of this sender in the last { $days } days
mail-sender-none = In { $days } days no receiver reported mail of this sender.
mail-sender-streams = For which stream
mail-advice-own = This is you. Nothing has to be done as long as nearly everything is recognised.
mail-advice-own-failed = A part of your own mail is not recognised. Let that server send its mail through the vault, or give it a key for signatures.
mail-advice-service = This service is yours and is recognised. Nothing has to be done.
mail-advice-service-failed = A part of what this service sends is not recognised. Switch on "own domain" or "DKIM" at the service and publish the records that you get there.
mail-advice-service-undeclared = You did not name this service. Do you use it? Then put it in mail.toml, and think of a data processing agreement. If you do not use it, somebody tries to pass for you.
mail-advice-forwarder = You do not have to do anything about this. See to it that all your mail is signed: then it survives being forwarded.
mail-advice-unknown = See whether you know this server, of a supplier or an old form on your site for instance. If it is yours, put it in mail.toml. If it is not, it is stopped as soon as you ask receivers to refuse.
mail-advice-misuse = Nothing can be done about this at its source. Finish the steps towards refusing; then this mail no longer arrives.
mail-quarantine = Reports that cannot be read
mail-quarantine-door = What came in as a report and was put apart.
mail-quarantine-lead = These files came in as a report but could not be read. They are kept encrypted. Delete what you do not know; try again after a new version of the vault.
mail-quarantine-none = There is nothing that could not be read.
mail-quarantine-some =
    { $n ->
        [one] 1 file could not be read.
       *[other] { $n } files could not be read.
    }
mail-quarantine-at = Came in
mail-quarantine-source = By which way
mail-quarantine-size = Size
mail-quarantine-retry = Try again
mail-quarantine-delete = Delete
mail-bytes =
    { $n ->
        [one] 1 byte
       *[other] { $n } bytes
    }
mail-source-smtp = by mail to the report address
mail-source-folder = in the folder for reports
mail-source-imap = from a mailbox
mail-source-api = by the console or the API
mail-source-command = on the command line
mail-keys-door = The signature under your mail, and how old it is.
mail-keys-lead = With a key the vault puts a signature under your mail. The other half is in the DNS, so that every receiver can check the signature. Keys change in safe steps: no mail gets lost.
mail-keys-empty = There is no key yet. Make one for every domain from which you send mail through the vault.
mail-keys-step = Check the DNS and go on
mail-keys-step-text = This happens by itself every hour too.
mail-key-kind = Kind of key
mail-key-kind-rsa2048 = RSA 2048 (everybody knows it)
mail-key-kind-ed25519 = Ed25519 (beside it, not instead of it)
mail-key-made = Made
mail-key-record = The record in the DNS
mail-key-new = New key
mail-key-new-text = If the domain has a key already, this begins its change. The old one stays valid until the new one is known everywhere.
mail-key-make = Make key
mail-key-no-domain = First tell who sends mail for you; then it is clear which domains need a key.
mail-key-error-domain = Choose a domain.
mail-key-error-busy = A key of this domain is being changed already. Finish that first.
mail-what-if = What happens if …?
mail-what-if-door = Try a stricter policy on the reports of the last weeks.
mail-what-if-lead = Try a policy before you publish it. The vault replays the reports of the last weeks: which mail would have been refused?
mail-what-if-policy = Policy
mail-what-if-own = With a record of your own
mail-what-if-record = DMARC record
mail-what-if-record-hint = For instance v=DMARC1; p=reject; adkim=s. Goes before the choice above.
mail-what-if-spf = New SPF record
mail-what-if-spf-hint = Leave it empty to keep SPF as it was.
mail-what-if-go = Replay
mail-what-if-outcome = Outcome
mail-what-if-basis = Worked out over { $n } messages in { $days } days, with the record
mail-what-if-sources = By sender, who loses most first
mail-queue = Queue of the mail
mail-queue-door = What still has to be delivered.
mail-queue-lead = Mail that the vault accepted and signed, and that the mail server does not have yet. Who gets it is not shown here.
mail-queue-waiting = Waiting
mail-queue-held = Held
mail-queue-bytes = Bytes
mail-queue-oldest = The oldest waits since
mail-queue-none = Nothing waits.
mail-queue-at = Accepted
mail-queue-receiver = To
mail-queue-attempts = Tries
mail-queue-due = Next try
mail-queue-do = Actions
mail-queue-state-waiting = waits
mail-queue-state-sending = being delivered
mail-queue-state-held = held
mail-queue-retry = Try now
mail-queue-drop = Throw away
notice-mail-deleted = It was deleted.
notice-mail-key = The key was made. Now put the record below in your DNS.
notice-mail-step = The DNS was checked.
notice-mail-retry = The message is tried again.
notice-mail-dropped = The message was thrown away.
mail-all-soon = There is something to do soon.
mail-all-now = There is something to do now.
mail-misuse-more = See how much and when
mail-disown = This sender is not ours
mail-disown-back = Unknown again
mail-disown-text = If you say that it is not yours, it no longer keeps fake mail from being refused.
notice-mail-disowned = Put on record.
mail-what-if-error = This is not right.
phishing-vault = E-mail addresses of customers

## Tip 5
together-lead = Customers can help to protect their own data. Show them what you keep, and do what they ask.
together-access = Access: on a customer's page you make an overview of everything the shop keeps, and of who read it.
together-erase =
    Erasing: you destroy the keys of a customer and get a signed receipt. { $n ->
        [0] This has not happened yet.
        [one] This has happened once.
       *[other] This has happened { $n } times.
    }
together-consent = Consent: withdrawing is as easy as giving, and works at once.
together-consents = Purposes that need consent
together-not-yet = A page of their own for customers, with advice about strong passwords. That comes in a later version.

## Notices after an action
notice-consent-given = The consent has been recorded.
notice-consent-withdrawn = The consent has been withdrawn. That works at once.
notice-revoked = Access has been revoked.
notice-export-requested = The export has been requested. Another member of staff has to approve it.
notice-export-approved = The export has been approved.
notice-import-discarded = The file has been destroyed. Nothing was stored.
notice-signed-out = You are signed out.

## Attention on the overview
attention-sealed = The vault is sealed. Nobody can read anything.
attention-exports =
    { $n ->
        [one] 1 export waits for approval.
       *[other] { $n } exports wait for approval.
    }
attention-denied =
    { $n ->
        [one] Among the latest events, something was denied or failed once.
       *[other] Among the latest events, something was denied or failed { $n } times.
    }
attention-search = Searching by name is still being prepared. That takes a moment after a start.

## Errors
error-title-not-found = This page is not here
error-text-not-found = What you are looking for does not exist or has been erased.
error-title-denied = Your credential may not do this
error-text-denied = That you tried is in the audit log. If you need this for your work, ask the owner.
error-title-too-many = Too much at once
error-text-too-many = A limit has been reached. Try again later.
error-title-form = This form could not be handled
error-text-form = Go back, load the page again and try once more.
error-title-invalid = Something is wrong with the input
error-text-invalid = Go back and correct what is named below.
error-title-conflict = This collides with something else
error-text-conflict = Somebody was first, or it has already happened. See how things stand now.
error-title-sealed = The vault is sealed
error-text-sealed = The key is not loaded. Whoever runs the server can open the vault by starting it again.
error-title-unavailable = The storage cannot be reached now
error-text-unavailable = Nothing was changed. Try again in a minute.
error-title-integrity = Something is wrong with the storage
error-text-integrity = What is stored does not agree with its seal. That is why nothing is shown. Have the vault verified.
error-title-broken = Something went wrong
error-text-broken = That is our fault and not yours. Tell the incident number to whoever runs the server.
error-incident = Incident number:
error-back = Back

## Closed sets of words
actor-staff = staff
actor-connector = connector
actor-subject = the customer
actor-job = the vault itself
actor-local = on the server
outcome-ok = done
outcome-denied = denied
outcome-failed = failed
op-init = Vault made
op-create = Customer added
op-read = Read
op-lookup = Looked up
op-search = Searched
op-update = Changed
op-erase = Erased
op-access = Access report made
op-consent = Consent
op-event = Event
op-import = Imported
op-bulk = Many added at once
op-export-request = Export requested
op-export-approve = Export approved
op-export-read = Export fetched
op-token-create = Token made
op-token-resolve = Token looked up
op-token-revoke = Token revoked
op-credential-create = Credential made
op-credential-read = Credentials viewed
op-credential-revoke = Credential revoked
op-purpose-read = Purposes viewed
op-purpose-change = Purposes changed
op-audit-read = Audit log viewed
op-audit-verify = Vault verified
op-checkpoint = Checkpoint made
op-key-read = Keys viewed
op-key-change = Keys renewed
op-backup = Backup made
op-restore = Backup restored
op-store-copy = Vault copied
op-sign-in = Signed in
op-sign-out = Signed out
op-status = State viewed
op-check = Web shop checked
op-mail-read = Mail and reports viewed
op-mail-change = Mail settings changed
op-mail-send = Mail sent
reason-operation-not-granted = may not do this operation
reason-purpose-not-granted = may not read for this purpose
reason-field-not-granted = may not read this field
reason-unknown-purpose = unknown purpose
reason-field-not-in-purpose = field does not belong to the purpose
reason-purpose-not-live = purpose does not apply to this customer now
reason-no-consent = no consent
reason-not-signed-in = unknown or ended credential
reason-second-person-needed = a second person has to approve
reason-budget-exhausted = the limit of this credential is reached
reason-integrity = the seal does not match
reason-certificate-needed = the certificate of the partner was not shown
reason-certificate-bound = bound to a certificate
reason-conflict = was there already
reason-invalid = wrong input
basis-contract = contract
basis-legal-obligation = legal obligation
basis-consent = consent
basis-legitimate-interest = legitimate interest
basis-soft-opt-in = existing customer who did not opt out
start-created = after the customer was added
start-last-activity = after the last contact
start-order-completed = after the last order
start-invoice-year-end = after the end of the year of the invoice
start-consent-withdrawn = as long as the consent holds
start-complaint-closed = after the last complaint or repair
period-years =
    { $n ->
        [one] 1 year
       *[other] { $n } years
    }
period-months =
    { $n ->
        [one] 1 month
       *[other] { $n } months
    }
period-weeks =
    { $n ->
        [one] 1 week
       *[other] { $n } weeks
    }
period-days =
    { $n ->
        [one] 1 day
       *[other] { $n } days
    }
reason-erase-preview = looked at what would be erased
reason-erasure-receipt = receipt of the erasure asked for
reason-not-found = there is no such thing
reason-damaged = damaged, so erased whole
reason-existing = is there already
reason-listed = list viewed
reason-proof = proof asked for
reason-findings = something is wrong
reason-no-findings = all is well
reason-index-rewritten = search keys renewed
reason-keyring-copied = keyring copied
do-create = Add customers
do-read = Read customers
do-lookup = Look up, for example by e-mail address
do-search = Search by name
do-update = Change customers
do-erase = Erase customers
do-access = Make access reports
do-consent = Record and withdraw consent
do-event = Report events, such as an order
do-bulk = Add many customers at once
do-token-create = Make tokens
do-token-resolve = Look up tokens
do-token-revoke = Revoke tokens
import-reason-secret = password or other secret
import-reason-citizen-number = citizen service number: a shop may not process it
import-reason-payment-card = payment card
import-reason-trace = trace of a visit, not customer data
import-reason-no-field = not a field of the customer
import-reason-mapping = chosen so
import-reason-repeated = is there already
import-reason-unknown-field = not in the purpose register
import-reason-no-purpose = no purpose uses this
import-reason-purpose-not-live = no purpose applies now
import-reason-empty = empty
import-reason-too-long = too long
import-reason-control-character = holds control characters
import-reason-malformed = wrong form
import-reason-checksum = check digits do not fit
import-reason-unknown-country = unknown country
import-reason-out-of-range = cannot be right
import-reason-duplicate = is in there twice
event-created = added
event-last-activity = last contact
event-order-completed = last order
event-invoice-year-end = last invoice
event-consent-withdrawn = consent withdrawn
event-complaint-closed = last complaint or repair
reason-given = given
reason-withdrawn = withdrawn
reason-created = new
reason-updated = changed
reason-unchanged = unchanged
reason-dry-run = checked only
reason-finished = finished
reason-cancelled = stopped
reason-alone = without a second person
reason-shred = keys destroyed
reason-signing-key-replaced = signing key replaced
reason-shares-issued = key shares issued
reason-root-replaced = root key replaced
reason-passphrase-set = passphrase set
reason-index-version-added = search key added
reason-index-version-retired = search key retired
reason-epoch-begun = key epoch begun
reason-epoch-rewrapped = key epoch moved over
reason-epoch-destroyed = key epoch destroyed
log-fields-count = { $n } fields
customer-reads-all = All log lines about this customer
import-origin-guessed = a file with known column names
import-origin-mapping = a file with a mapping of its own
