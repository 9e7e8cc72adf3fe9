# Texts of the console in Dutch. Plain words (B1), "u", one word per thing (docs/GLOSSARY.md).

## Around every page
skip = Ga naar de inhoud
menu = Menu
menu-close = Menu sluiten
main-menu = Hoofdmenu
language = Taal
signed-in-as = Aangemeld als
sign-out = Afmelden
foot = Klantkluis: klantgegevens achter slot, alleen te lezen voor een doel.
foot-time = Alle tijden staan in Nederlandse tijd.
tone-ok = Gelukt:
tone-warn = Let op:
tone-bad = Fout:
error-prefix = Fout:
problems-title =
    { $n ->
        [one] Er is iets wat u moet verbeteren
       *[other] Er zijn { $n } dingen die u moet verbeteren
    }
all = Alle
cancel = Annuleren
never = Nog nooit
state = Stand
field = Gegeven

nav-overview = Overzicht
nav-customers = Klant zoeken
nav-import = Importeren
nav-exports = Exporteren
nav-connectors = Toegang en koppelingen
nav-checks = Webwinkel controleren
nav-mail-keys = Sleutels
nav-mail-reports = Rapporten
nav-mail-lookalikes = Namen die lijken
nav-audit = Logboek

## The five tips
tip = Tip
tip1 = Maak gebruik van https
tip2 = Sla gegevens beveiligd op
tip3 = Vraag klanten alleen om noodzakelijke informatie
tip4 = Help uw klanten te beschermen tegen phishing
tip5 = Laat uw klanten u helpen
tip1-short = Https
tip2-short = Beveiligd opslaan
tip3-short = Alleen het nodige
tip4-short = Tegen phishing
tip5-short = Samen met klanten
tip-does = Wat Klantkluis doet
tip-not-yet = Wat Klantkluis nog niet doet

## Status page
status-title = Stand van de kluis
status-head = Klantgegevens, achter slot
status-lead = In deze kluis bewaart de winkel de gegevens van haar klanten. Alles staat versleuteld opgeslagen. Wie iets wil lezen, noemt eerst het doel, en dat komt in het logboek.
status-open = De kluis is open
status-open-text = Medewerkers en koppelingen met een toegangssleutel kunnen ermee werken.
status-sealed = De kluis is verzegeld
status-sealed-text = De sleutel is niet geladen. Niemand kan nu iets lezen, ook deze server niet.
status-sign-in = Naar de console
status-holds = Wat er in de kluis zit
status-tips = Vijf tips om veilig om te gaan met klantgegevens
status-tip1 = Deze kluis is alleen via https te bereiken. Wat u leest en typt, kan onderweg niemand meelezen of veranderen.
status-tip1-until = Het certificaat is geldig tot
status-tip1-check = Laatste controle van de webwinkel: cijfer { $grade }, op
status-tip2 =
    { $n ->
        [0] Er staan nog geen klanten in de kluis.
        [one] De gegevens van 1 klant staan versleuteld opgeslagen, met eigen sleutels.
       *[other] De gegevens van { $n } klanten staan versleuteld opgeslagen. Iedere klant heeft eigen sleutels.
    }
status-tip2-sealed = Alle gegevens staan versleuteld opgeslagen. Iedere klant heeft eigen sleutels.
status-tip3 =
    Er { $purposes ->
        [one] is 1 doel
       *[other] zijn { $purposes } doelen
    } vastgelegd, voor samen { $fields } soorten gegevens. Een gegeven zonder doel wordt niet bewaard.
status-tip3-sealed = Een gegeven zonder doel wordt niet bewaard.
status-tip4 = E-mailadressen zijn alleen te lezen voor een doel. Zo komen ze minder snel in handen van mensen die nepmails sturen.
status-tip4-mail = Ook houdt de winkel bij wie er mailt in haar naam, en ondertekent zij haar eigen mail.
status-tip5 =
    { $n ->
        [one] 1 klant is op verzoek gewist.
       *[other] { $n } klanten zijn op verzoek gewist.
    } Klanten mogen hun gegevens inzien, laten wissen, en hun toestemming intrekken.
status-tip5-none = Klanten mogen hun gegevens inzien, laten wissen, en hun toestemming intrekken.
status-checkpoint = Laatste ondertekende controlepunt van het logboek:

count-customers = Klanten
count-erased = Gewist
count-purposes = Doelen
count-log = Logregels
count-credentials = Toegangssleutels

## Signing in
sign-in-title = Aanmelden
sign-in-lead = Meld u aan met uw eigen toegangssleutel. U hebt die gekregen van de beheerder van de kluis.
sign-in-credential = Toegangssleutel
sign-in-hint = Plak de hele sleutel. Hij begint met kks_.
sign-in-button = Aanmelden
sign-in-error = Met deze toegangssleutel kunt u zich niet aanmelden. Kijk of u de hele sleutel hebt geplakt. Lukt het dan nog niet, vraag dan de beheerder om een nieuwe.
sign-in-form = De pagina stond te lang open. Plak uw toegangssleutel nog een keer.
sign-in-empty = Plak hier uw toegangssleutel.
sign-in-wait =
    { $n ->
        [one] Er is te vaak geprobeerd om aan te melden. Probeer het over 1 minuut opnieuw.
       *[other] Er is te vaak geprobeerd om aan te melden. Probeer het over { $n } minuten opnieuw.
    }
sign-in-idle = U bent afgemeld, omdat u { $n } minuten niets hebt gedaan. Meld u opnieuw aan.
sign-in-absolute = U bent afgemeld, omdat u { $n } uur aangemeld was. Meld u opnieuw aan.
sign-in-ends = U wordt vanzelf afgemeld als u { $minutes } minuten niets doet, en in ieder geval na { $hours } uur.

## Overview
overview-head = Overzicht
overview-find = Klant zoeken
overview-attention = Wat aandacht vraagt
overview-calm = Alles is in orde. U hoeft nu niets te doen.
overview-empty = Er staan nog geen klanten in de kluis.
overview-empty-link = Importeer uw klanten
overview-events = Laatste gebeurtenissen
overview-events-all = Naar het hele logboek
overview-events-none = Er staat nog niets in het logboek, of uw toegangssleutel mag het niet lezen.

## The log
log-when = Wanneer
log-who = Wie
log-what = Wat
log-purpose = Doel
log-fields = Gegevens
log-outcome = Uitkomst
log-number = regel { $n }
log-count = { $n } klanten
log-customer = klant
log-no-purpose = niet nodig
log-no-fields = geen

## Finding a customer
find-title = Klant zoeken
find-lead = Kies eerst waarvoor u de gegevens nodig hebt. U ziet alleen de gegevens die bij dat doel horen.
find-purpose = Waarvoor hebt u de gegevens nodig?
find-purpose-hint = Het doel komt in het logboek te staan, met uw naam en de tijd.
find-purpose-none = Kies een doel
find-by = Waarop wilt u zoeken?
find-by-name = Naam
find-text = Wat zoekt u?
find-text-hint = Bij een naam is een deel genoeg. Typ al het andere helemaal. Wat u typt, komt niet in het webadres.
find-button = Zoeken
find-error-purpose = Kies een doel.
find-error-text = Typ wat u zoekt.
find-error-by = Kies waarop u wilt zoeken.
find-count =
    { $n ->
        [0] Geen klanten gevonden
        [one] 1 klant gevonden
       *[other] { $n } klanten gevonden
    }
find-for = Getoond voor het doel
find-on-record = Dit staat in het logboek.
find-more = Er zijn meer klanten die passen. Zoek preciezer om ze te zien.
find-none = Kijk of u het goed hebt getypt, of zoek op iets anders. U vindt hier alleen klanten voor wie dit doel nu geldt.
find-no-fields = Bij dit doel zijn van deze klant geen gegevens te zien.
find-another = Een andere klant zoeken
find-gone = Deze zoekopdracht is niet meer bekend. Zoek opnieuw.

## One customer
customer-title = Klant
customer-purpose = Waarvoor hebt u de gegevens nodig?
customer-show = Tonen
customer-choose = Kies eerst een doel. Daarna ziet u de gegevens die erbij horen.
customer-fields = Gegevens voor
customer-no-fields = Bij dit doel zijn van deze klant geen gegevens bewaard.
customer-withheld = Niet getoond
customer-withheld-text = Deze gegevens horen niet bij dit doel, of uw toegangssleutel mag ze niet zien. Ze zijn niet ontsleuteld.
customer-consents = Toestemming
customer-no-consents = Geen enkel doel vraagt om toestemming.
customer-reads = Wie deed wat met deze gegevens
customer-no-reads = Hierover staat nog niets in het logboek, of uw toegangssleutel mag het niet lezen.
customer-rights = Rechten van de klant
consent-given = gegeven
consent-withdrawn = ingetrokken
consent-never = nooit gegeven
consent-source = Hoe gaf de klant toestemming?
consent-source-phone = Aan de telefoon
consent-source-email = Per e-mail
consent-source-paper = Op papier
consent-give = Toestemming vastleggen
consent-withdraw = Toestemming intrekken
access-title = Inzage
access-text = Een overzicht van alles wat de winkel over deze klant bewaart, met de doelen en met wie het las. U kunt het aan de klant geven (AVG artikel 15 en 20).
access-html = Als leesbare pagina
access-json = Als JSON (voor computers)
erase-title = Klant wissen
erase-text = Vernietigt de sleutels van deze klant, zodat niemand de gegevens nog kan lezen (AVG artikel 17). U ziet eerst wat er gebeurt.
erase-link = Bekijken wat er wordt gewist
basis = Grondslag

## Erasing
erase-back = Terug naar de klant
erase-head = Deze klant wissen?
erase-goes = Wat verdwijnt
erase-goes-data = De sleutels van deze klant. Zonder sleutels kan niemand de gegevens nog lezen.
erase-goes-search = Alles waarmee de klant te vinden is.
erase-goes-backups = Oude reservekopieën zijn voor deze klant ook niet meer te lezen vanaf
erase-goes-backups-later = Oude reservekopieën zijn voor deze klant later ook niet meer te lezen. De datum staat op het wisbewijs.
erase-stays = Wat blijft
erase-stays-law = De wet verplicht de winkel om dit langer te bewaren:
erase-stays-log = Het logboek: wie wat deed, en wanneer. Er staan geen persoonlijke gegevens in.
kept-until = Tot
erase-sure = Ik weet zeker dat ik deze klant wil wissen. Dit kan niet ongedaan worden gemaakt.
erase-sure-error = Zet een vinkje om te bevestigen dat u deze klant wilt wissen.
erase-button = Klant wissen
erased-title = De klant is gewist
erased-text = De sleutels van deze klant zijn vernietigd op
erased-backups = Oude reservekopieën zijn voor deze klant ook niet meer te lezen vanaf
erased-receipt = Wisbewijs
erased-receipt-text = Met dit ondertekende bewijs kan de winkel laten zien dat er is gewist. Er staan geen persoonlijke gegevens in. Bewaar het of druk het af.

## Credentials
connectors-lead = Wie of wat bij de gegevens kan. Iedere medewerker en iedere koppeling heeft een eigen toegangssleutel, met eigen grenzen.
connectors-none = Er zijn nog geen toegangssleutels, of uw toegangssleutel mag ze niet zien.
connector-new = Nieuwe koppeling
staff-new = Nieuwe medewerker
connector-new-lead = Een koppeling is een ander systeem dat gegevens leest of schrijft, zoals de webwinkel of het verzendprogramma. Geef niet meer dan nodig is.
staff-new-lead = Een medewerker meldt zich hier aan met een eigen toegangssleutel.
credential-name = Naam
connector-name-hint = Hieraan herkent u de koppeling in het logboek, bijvoorbeeld "Webwinkel".
staff-name-hint = Hieraan herkent u de medewerker in het logboek, bijvoorbeeld "Sanne, klantenservice".
credential-kind = Soort
credential-purposes = Doelen
credential-fields = Gegevens
credential-fields-all = Alle gegevens van die doelen
credential-budget = Grens
credential-created = Gemaakt
credential-used = Laatst gebruikt
credential-works = werkt
credential-expired = verlopen
credential-revoked = Ingetrokken
credential-own = deze gebruikt u nu
credential-make = Toegangssleutel maken
connector-purposes-hint = De koppeling kan alleen lezen voor de doelen die u aanvinkt.
connector-operations = Wat mag de koppeling doen?
connector-fields-hint = Vink niets aan als de koppeling alle gegevens van haar doelen mag lezen. Met een masker ziet de koppeling maar een deel.
mask = Masker
mask-none = Helemaal te lezen
mask-hidden = Verborgen
mask-first-letter = Alleen de eerste letter
mask-last-four = Alleen de laatste vier tekens
mask-domain-only = Alleen het deel na de @
mask-year-only = Alleen het jaar
mask-postcode-digits = Alleen de cijfers van de postcode
budget-rows-label = Hoogstens zo vaak lezen per uur
budget-subjects-label = Hoogstens zo veel verschillende klanten per dag
budget-hint = Laat leeg als er geen grens is.
budget-rows =
    { $n ->
        [one] hoogstens 1 keer lezen per uur
       *[other] hoogstens { $n } keer lezen per uur
    }
budget-rows-none = geen grens per uur
budget-subjects =
    { $n ->
        [one] hoogstens 1 klant per dag
       *[other] hoogstens { $n } klanten per dag
    }
budget-subjects-none = geen grens per dag
role = Rol
role-owner = Beheerder
role-support = Klantenservice
role-auditor = Controleur
role-text-owner = Mag alles, ook toegangssleutels maken en exporteren.
role-text-support = Mag klanten zoeken, lezen, aanpassen en wissen.
role-text-auditor = Mag het logboek lezen en controleren, maar geen klantgegevens zien.
secret-title = Nieuwe toegangssleutel
secret-once = Deze sleutel ziet u maar één keer. Bewaar hem nu, bijvoorbeeld in een wachtwoordkluis.
secret-label = De nieuwe toegangssleutel
secret-staff = Geef de sleutel persoonlijk aan de medewerker, en niet per e-mail.
secret-connector = Zet de sleutel in de instellingen van het andere systeem.
secret-done = Ik heb de sleutel bewaard
secret-gone = Een nieuwe toegangssleutel is maar één keer te zien. Hebt u hem niet bewaard? Trek hem in en maak een nieuwe.
revoke-title = Toegang intrekken
revoke-link = Intrekken
revoke-staff = Deze medewerker kan zich daarna niet meer aanmelden. Dit kan niet ongedaan worden gemaakt.
revoke-connector = Deze koppeling kan daarna niets meer lezen of schrijven. Dit kan niet ongedaan worden gemaakt.
revoke-button = Toegang intrekken
form-name = Vul een naam in van hoogstens 80 tekens.
form-purposes = Kies ten minste één doel.
form-operations = Kies ten minste één handeling.
form-role = Kies een rol.
form-number = Vul een heel getal in van 1 of meer, of laat het leeg.

## The audit page
audit-lead = Alles wat er met klantgegevens gebeurt, staat hier: wie, wat, wanneer en waarvoor. Regels kunnen niet ongemerkt worden veranderd of verwijderd.
audit-check = Controleren
audit-check-text = Rekent het hele logboek na en vergelijkt het met wat er opgeslagen is. Zo blijkt of iemand buiten de kluis om iets heeft veranderd.
audit-verify = Nu controleren
audit-may-not-verify = Uw toegangssleutel mag de kluis niet laten controleren.
audit-checkpoint = Controlepunt
audit-checkpoint-text = Handtekening onder de eerste { $n } regels. Bewaar deze tekst buiten de kluis; dan is later te bewijzen dat er niets is veranderd.
audit-checkpoint-none = Er is nog geen controlepunt. Het komt vanzelf, binnen een minuut na de eerste logregel.
audit-lines = Logregels
audit-subject = Klantnummer in de kluis
audit-subject-error = Dit is geen klantnummer van de kluis. Het lijkt op 01936f2e-7b1c-7d3a-9c41-2f0c3a9b1e55.
audit-filter = Filteren
audit-older = Oudere regels
audit-none = Er zijn geen regels die passen.
verify-title = Uitkomst van de controle
verify-running-title = De controle loopt
verify-running = De kluis rekent alle logregels en alle klanten na. Deze pagina ververst zichzelf.
verify-good = Alles klopt. Het logboek is compleet en de opgeslagen gegevens passen erbij.
verify-bad =
    { $n ->
        [one] Er klopt 1 ding niet.
       *[other] Er kloppen { $n } dingen niet.
    }
verify-bad-next = Laat dit vandaag nog uitzoeken. Maak eerst een reservekopie van de server, zodat er geen bewijs verloren gaat.
verify-lines = Logregels nagerekend
verify-rows = Klanten nagerekend
verify-at = Gecontroleerd op
verify-cli = Zonder console kan het ook, op de server:
verify-none = Er is nog geen controle geweest sinds u zich hebt aangemeld.

## Import
import-lead = Zet een klantenbestand uit uw webwinkel of mailprogramma in de kluis. Eerst ziet u wat er gaat gebeuren; daarna beslist u.
import-file = Bestand
import-file-hint = CSV, NDJSON of Excel (XLSX), hoogstens { $n } MB. Het bestand wordt versleuteld verwerkt en daarna vernietigd.
import-check = Bestand nakijken
import-check-text = Er wordt nog niets opgeslagen.
import-earlier = Eerdere imports
import-none = Er is nog niets geïmporteerd sinds de kluis is gestart.
import-shape = Herkend als
import-lines = Regels
import-created = Nieuwe klanten
import-would-create = Worden nieuwe klanten
import-existing = Bestaande klanten
import-rejected = Geweigerde regels
import-rejects = Geweigerde regels ophalen (regelnummer en reden)
import-progress = { $n } % van het bestand is gelezen
import-lines-done =
    { $n ->
        [one] 1 regel verwerkt
       *[other] { $n } regels verwerkt
    }
import-refresh = Deze pagina ververst zichzelf. U kunt de pagina ook verlaten; de import gaat door.
import-done-text = De import is klaar. Het geüploade bestand is vernietigd.
import-checked-text = Er is nog niets opgeslagen. Kijk of dit klopt en start dan de import.
import-columns = Kolommen
import-header = Kolom in het bestand
import-becomes = Wordt
import-not-stored = wordt niet bewaard
import-dropped = Niet bewaard
import-dropped-text = Gegevens waarvoor geen doel geldt, worden niet bewaard:
import-run = Import starten
import-discard = Bestand weggooien
import-error-none = Kies een bestand.
import-error-large = Het bestand is te groot.
import-error-broken = Het bestand is niet helemaal aangekomen. Probeer het opnieuw.
import-error-busy = Er lopen al te veel imports. Wacht tot er één klaar is, of gooi een nagekeken bestand weg.
import-state-uploading = wordt ontvangen
import-state-checking = wordt nagekeken
import-state-checked = wacht op u
import-state-running = bezig
import-state-done = klaar
import-state-failed = mislukt
import-state-cancelled = gestopt
import-head-uploading = Het bestand wordt ontvangen
import-head-checking = Het bestand wordt nagekeken
import-head-checked = Dit gaat er gebeuren
import-head-running = De import loopt
import-head-done = De import is klaar
import-head-failed = De import is mislukt
import-head-cancelled = De import is gestopt
import-column-consent = toestemming: { $purpose }
import-column-event = gebeurtenis: { $event }

## Export
exports-lead = Een export is een bestand met gegevens van veel klanten tegelijk. Daarom vraagt de ene medewerker erom en keurt een andere het goed.
export-purpose = Waarvoor is de export?
export-request = Export aanvragen
export-list = Exports
export-asked = Aangevraagd door
export-approved = Goedgekeurd door
export-approve = Goedkeuren
export-four-eyes = Een andere medewerker moet deze export goedkeuren.
export-fetch = Bestand ophalen (NDJSON)
export-none = Er zijn geen exports.
export-state-requested = wacht op goedkeuring
export-state-approved = goedgekeurd
export-state-done = opgehaald
export-state-refused = afgewezen
export-state-expired = verlopen

## Tip pages
https-lead = Via https kan onderweg niemand meelezen of iets veranderen, en weet de bezoeker zeker dat hij met de juiste server praat.
https-only = De kluis is alleen via https te bereiken. Wie http typt, wordt doorgestuurd.
https-versions = Alleen de veilige versies TLS 1.3 en TLS 1.2 werken, met een uitwisseling van sleutels die ook tegen quantumcomputers bestand is.
https-cookie = De cookie waarmee u aangemeld bent, gaat alleen via https en is niet te lezen voor scripts.
https-certificate = Het certificaat van deze kluis
https-local = Deze kluis heeft zelf een certificaat gemaakt. Uw browser kent de uitgever daarvan niet en waarschuwt daarom. Installeer het bestand tls/ca.pem uit de datamap op uw computer, of stel een certificaat van een bekende uitgever in.
https-unknown = Over het certificaat is hier niets bekend.
https-shop = Uw webwinkel zelf
https-shop-text = Laat nakijken of uw webwinkel haar bezoekers goed beschermt: de verbinding, het certificaat, de pagina's en de formulieren. U krijgt een cijfer en een lijst van wat u kunt verbeteren, het belangrijkste eerst.
https-shop-last = Laatste controle van { $domain }:
https-shop-check = Webwinkel controleren
checks-head = Webwinkel controleren
checks-lead = Vul het adres van uw webwinkel in. De kluis bekijkt de winkel zoals een bezoeker dat doet en zegt wat er beter kan: de verbinding, het certificaat, de instellingen, de pagina's en de mailrecords.
check-domain = Domein
check-domain-hint = Bijvoorbeeld winkel.example. U mag het adres ook uit de adresbalk plakken.
check-own = Dit domein is van ons: zoek ook naar bestanden die open staan
check-own-hint = Daarvoor zet u eerst een bewijs op uw site. U krijgt te zien welk.
check-start = Controle starten
check-gentle = De controle maakt hoogstens zestig verbindingen, leest een paar pagina's en vult niets in.
check-error-busy = Dit domein wordt nu al gecontroleerd. Kijk hieronder.
checks-earlier = Eerdere controles
checks-none = Er is nog niets gecontroleerd.
check-points = { $n } van 100
check-grade = Cijfer
check-findings = Te doen
check-this = deze controle
check-state-queued = wacht
check-state-running = bezig
check-state-done = klaar
check-state-failed = niet gelukt
check-now-queued = De controle wacht op haar beurt.
check-now-running = De controle is bezig. Dat duurt hoogstens een minuut.
check-refresh = Deze pagina ververst zichzelf. U kunt de pagina ook verlaten; de controle gaat door.
check-look = Nu kijken
check-again = Opnieuw controleren
check-download = Rapport als bestand
check-changes = Veranderd sinds de vorige keer
check-previous = De vorige controle
check-history = Alle controles van dit domein
check-chart = Het cijfer ging van { $first } naar { $last } punten.
check-owner = Bewijs dat het domein van u is
check-owner-text = Zet deze tekst in een TXT-record of in een bestand op uw site en controleer opnieuw. Een van de twee is genoeg. Zonder dit bewijs zoekt de kluis niet naar open bestanden.
check-owner-what = Tekst
check-owner-record = Naam van het TXT-record
check-owner-file = Adres van het bestand
check-part-tls = Verbinding
check-part-certificate = Certificaat
check-part-dns = Domeinnaam (DNS)
check-part-web = Pagina's
check-part-exposed = Open bestanden
check-part-mail = E-mail
cert-names = Geldig voor
cert-issuer = Uitgegeven door
cert-local = (de kluis zelf)
cert-renewal = Wordt vernieuwd op
cert-problem = Laatste poging
cert-from = Geldig vanaf
cert-until = Geldig tot
cert-ended = verlopen
cert-days =
    { $n ->
        [one] nog 1 dag
       *[other] nog { $n } dagen
    }
store-lead = Wie de database steelt, heeft niets: ieder gegeven is apart versleuteld, en de sleutels zijn zelf ook versleuteld.
store-how = Zo is het opgeslagen
store-engine = Database
store-suite = Versleuteling
store-suite-text = (een open en erkende methode)
store-epoch = Sleutelperiode
store-epoch-at = begonnen op
store-do = Wat u hier kunt doen
store-do-customers = Eén klant opzoeken, voor een doel.
store-do-import = Een klantenbestand in de kluis zetten.
store-do-exports = Gegevens van veel klanten ophalen, met goedkeuring van een tweede medewerker.
store-do-connectors = Bepalen wie en wat bij de gegevens kan.
store-do-audit = Nakijken wie wat deed, en of alles klopt.
necessary-lead = Hoe meer u bewaart, hoe groter de schade als er iets uitlekt. Daarom hoort bij ieder gegeven een doel. Als het doel voorbij is, kan niemand het gegeven daarvoor nog lezen.
usage-title = Worden de gegevens gebruikt?
usage-text = Zo vaak is ieder gegeven gelezen in de laatste { $days } dagen.
usage-unread =
    { $n ->
        [one] 1 gegeven is in die tijd nooit gelezen. Hebt u het echt nodig?
       *[other] { $n } gegevens zijn in die tijd nooit gelezen. Hebt u ze echt nodig?
    }
usage-purposes = Doelen
usage-reads = Keer gelezen
usage-zero = nooit
usage-none = Hierover is nog niets bekend, of uw toegangssleutel mag het niet zien.
register-title = Doelregister
register-text = Waarvoor de winkel gegevens bewaart, op welke grond en hoelang.
register-none = Er zijn nog geen doelen vastgelegd.
keep = Bewaartermijn
phishing-lead = Met e-mailadressen van klanten kunnen oplichters nepmails sturen uit naam van uw winkel. Hoe minder mensen en systemen die adressen kunnen lezen, hoe beter.
phishing-sealed = E-mailadressen staan versleuteld opgeslagen. Ook wie de database heeft, kan er niet mee mailen.
phishing-reads =
    { $n ->
        [0] In de laatste { $days } dagen is er geen e-mailadres gelezen.
        [one] In de laatste { $days } dagen is er 1 keer een e-mailadres gelezen.
       *[other] In de laatste { $days } dagen is er { $n } keer een e-mailadres gelezen.
    }
phishing-readers = Wie e-mailadressen kan lezen
phishing-change = Toegang aanpassen
phishing-readers-none = Niemand, of uw toegangssleutel mag dit niet zien.
phishing-check = De controle kijkt ook hoe mailprogramma's mail van uw domein herkennen: SPF, DKIM en DMARC.
## Tip 4: who sends mail in the shop's name
mail-title = Wie mailt er in uw naam?
mail-lead = Iedereen kan een mail sturen waar uw winkel als afzender boven staat. Hier ziet u wie dat doet, wat er van u is en wat niet, en hoe u de rest tegenhoudt.
mail-next = Te doen:
mail-next-none = U hoeft nu niets te doen.
mail-all-well = Uw mail is goed herkenbaar en nepmail wordt geweigerd.
mail-all-quiet = Er hoeft nu niets te gebeuren.
mail-light-unknown = We weten nog niet genoeg om te oordelen.
mail-if-reject = Als ontvangers nu alles zouden weigeren wat niet te herkennen is:
mail-if-reject-more = Zelf narekenen
mail-light-ok = goed
mail-light-warn = let op
mail-light-bad = niet goed
mail-light-plain = nog onbekend
mail-streams = Uw mailstromen
mail-stream-shop = Bestelmail
mail-stream-newsletter = Nieuwsbrief
mail-stream-office = Kantoormail
mail-stream = Stroom
mail-stream-none = geen van uw stromen
mail-messages = Mails
mail-signed-share = Goed ondertekend
mail-why = Waarom
mail-reconciled =
    { $signed ->
        [one] Wij ondertekenden 1 mail
       *[other] Wij ondertekenden { $signed } mails
    }, ontvangers meldden er { $reported }.
mail-reconciled-less = Niet iedere ontvanger stuurt rapporten, dus minder is gewoon.
mail-reconciled-more = Dat zijn er meer dan wij verstuurden. Kijk hieronder of u alle afzenders kent.
mail-reconciled-others =
    { $n ->
        [one] Nog 1 mail met deze naam kwam niet van ons.
       *[other] Nog { $n } mails met deze naam kwamen niet van ons.
    }
mail-volumes = Wie stuurde hoeveel
mail-period = Periode
mail-days = { $n } dagen
mail-chart = Mails per dag in de laatste { $days } dagen, naar soort afzender
mail-chart-says = Samen { $total } mails; op de drukste dag { $most }.
mail-chart-table = Dezelfde cijfers als tabel
mail-day = Dag
mail-total = Samen
mail-series-own = Uzelf
mail-series-service = Dienst
mail-series-forwarder = Doorgestuurd
mail-series-unknown = Onbekend
mail-series-misuse = Misbruik
mail-series-passed = Herkend als van u
mail-series-failed = Niet herkend
mail-category = Wat is het
mail-category-own = uzelf
mail-category-service = dienst
mail-category-forwarder = doorgestuurd
mail-category-unknown = onbekend
mail-category-misuse = misbruik
mail-category-means-own = Dit zijn uw eigen servers, of mail met uw eigen handtekening.
mail-category-means-service = Dit is een dienst die wij kennen en die mail verstuurt voor winkels.
mail-category-means-forwarder = Dit is uw eigen mail die een ontvanger automatisch doorstuurt, bijvoorbeeld naar een ander adres. Uw handtekening bleef heel.
mail-category-means-unknown = Deze afzender bewijst wel wie hij is, maar niet dat hij namens u mag mailen.
mail-category-means-misuse = Deze afzenders gebruiken uw naam en bewijzen niets. Dit is hoe nepmail eruitziet.
mail-sender = Afzender
mail-senders = Afzenders
mail-senders-more =
    { $n ->
        [one] Nog 1 kleine afzender is niet getoond.
       *[other] Nog { $n } kleine afzenders zijn niet getoond.
    }
mail-passed = Herkend als van u
mail-undeclared = niet door u opgegeven
mail-no-sender = Server in { $network }
mail-no-sender-own = Uw eigen server
mail-no-sender-own-in = Uw eigen server in { $network }
mail-no-sender-forwarder = Doorstuurders
mail-no-sender-misuse = Onbekenden die uw naam gebruiken
mail-no-sender-unknown = Onbekende servers
mail-reporters =
    { $n ->
        [0] In deze periode meldde niemand iets.
        [one] Deze cijfers komen uit rapporten van 1 ontvanger:
       *[other] Deze cijfers komen uit rapporten van { $n } ontvangers:
    }
mail-reports-only = Niet alle ontvangers sturen rapporten; in het echt is het dus meer.
mail-no-reports = Er zijn nog geen rapporten van ontvangers. Zet eerst het adres voor rapporten in uw DNS; de eerste komen na een dag.
mail-no-reports-plan = Naar de DNS-records
mail-misuse = Nepmail in uw naam
mail-misuse-text =
    { $n ->
        [one] In { $days } dagen zagen ontvangers 1 mail met uw naam die niet van u was. Dit gebeurde ermee:
       *[other] In { $days } dagen zagen ontvangers { $n } mails met uw naam die niet van u waren. Dit gebeurde ermee:
    }
mail-misuse-rejected = Geweigerd
mail-misuse-quarantined = In de spammap
mail-misuse-delivered = Toch bezorgd
mail-misuse-open = Bezorgde nepmail stopt pas als u ontvangers vraagt om te weigeren wat niet van u is. Doe dat stap voor stap, anders raakt ook eigen mail zoek.
mail-misuse-chart = Nepmail per dag in de laatste { $days } dagen
mail-misuse-none = In { $days } dagen meldde geen ontvanger nepmail in uw naam.
mail-lock = Hoe goed uw naam op slot zit
mail-policy = Wat ontvangers doen met nepmail
mail-policy-text = In drie stappen: eerst alleen kijken, dan in de spammap, dan weigeren (DMARC).
mail-policy-none = Nog niets bekend. Kijk bij de DNS-records wat u moet publiceren.
mail-stage-absent = geen beleid
mail-stage-none = alleen kijken
mail-stage-test-quarantine = spammap, op proef
mail-stage-quarantine = spammap
mail-stage-test-reject = weigeren, op proef
mail-stage-reject = weigeren
mail-stages-says = { $done } van de 3 stappen gezet
mail-evidence = Waar dit op rust
mail-evidence-title = Gemeten:
mail-blockers = Wat de volgende stap tegenhoudt:
mail-budget = Ruimte in uw SPF-record
mail-budget-text = Een ontvanger zoekt voor SPF hoogstens 10 dingen op. Is er meer nodig, dan telt SPF niet meer.
mail-budget-of = { $used } van { $max }
mail-budget-says = { $used } van de { $max } keer opzoeken gebruikt
mail-budget-parts = Waar die naartoe gaan
mail-budget-absent = Geen SPF-record
mail-budget-none = Nog niet bekeken. Dat gebeurt iedere dag vanzelf.
mail-keys = Sleutels voor handtekeningen
mail-keys-text = Met deze sleutels ondertekent de kluis uw mail (DKIM). Vervang ze ieder jaar.
mail-keys-none = De kluis heeft nog geen sleutel.
mail-keys-all = Naar de sleutels
mail-key-age =
    { $n ->
        [0] van vandaag
        [one] 1 dag oud
       *[other] { $n } dagen oud
    }
mail-changes = Veranderd in uw DNS
mail-lookalikes = Namen die op de uwe lijken
mail-lookalikes-text = Oplichters nemen namen die bijna hetzelfde zijn. Deze bestaan echt:
mail-lookalikes-calm = Er bestaan geen namen die op de uwe lijken en mail kunnen sturen.
mail-lookalikes-never = Er is nog niet gezocht.
mail-lookalikes-all =
    { $n ->
        [0] Zoeken naar namen
        [one] De gevonden naam bekijken
       *[other] Alle { $n } namen bekijken
    }
mail-lookalikes-lead = Een klant ziet het verschil tussen winkel en wínkel niet. Hier zoekt u op welke namen die op de uwe lijken, echt bestaan en mail kunnen sturen.
mail-lookalikes-consent = De kluis vraagt de DNS naar hoogstens tweeduizend namen die op { $domain } lijken, rustig aan. Er gaat niets naar de eigenaren van die namen. Dit duurt een paar minuten.
mail-lookalikes-scan = Nu zoeken
mail-lookalikes-running = Er wordt nu gezocht. Deze pagina ververst zichzelf; u mag haar ook verlaten.
mail-lookalikes-found = Gevonden
mail-lookalikes-when = { $n } namen geprobeerd op
mail-lookalikes-do = Staat er een naam bij die klanten misleidt? Meld hem bij de registrar of bij fraudehelpdesk.nl, en waarschuw uw klanten. Een naam die van u zelf is, kunt u negeren.
mail-lookalike-name = Naam
mail-lookalike-risk = Gevaar
mail-lookalike-why = Waarom
mail-new = nieuw
mail-of-100 = van 100
mail-begin = Begin met vertellen wie voor u mailt
mail-begin-text = De kluis weet nog niet wie er mail voor uw winkel verstuurt.
mail-begin-1 = Beantwoord op de server een paar vragen met:
mail-begin-2 = Zet de records die u dan krijgt in uw DNS, in de volgorde die erbij staat.
mail-begin-3 = Start de kluis opnieuw. Na een dag of twee komen de eerste rapporten van ontvangers binnen.
mail-begin-streams = Een winkel heeft vaak drie mailstromen: bestelmail, de nieuwsbrief en de mail van kantoor. Iedere stroom krijgt hier haar eigen licht.
mail-more = Verder
mail-plan = DNS-records
mail-plan-door = Wat u moet publiceren, in welke volgorde, en wat er nu staat.
mail-plan-lead = Dit zijn de records voor uw domein, in de volgorde waarin u ze publiceert. Wacht waar dat staat.
mail-plan-compare = Vergelijken met wat er nu in de DNS staat
mail-plan-compare-text = Vraagt alleen uw eigen domeinen op.
mail-plan-differs = Wat er anders is
mail-plan-same = Alles staat in de DNS zoals het hier staat.
mail-plan-published = Nu staat er:
mail-plan-planned = Maak er dit van:
mail-plan-records = De records, in volgorde
mail-plan-wait = Daarna wachten:
mail-record-of = Record { $kind } { $name }
mail-record-kind = Soort
mail-record-name = Naam
mail-record-whole = voluit
mail-record-value = Waarde
mail-record-ttl = TTL (seconden)
mail-copy-hint = Kopiëren: zet de cursor in het vak, druk op Ctrl+A (alles) en dan op Ctrl+C. U plakt het bij uw domeinprovider, onder DNS.
mail-reports = Rapporten van ontvangers
mail-reports-door = Wat Gmail, Outlook en anderen over uw mail melden.
mail-reports-lead = Ontvangers zoals Gmail en Outlook sturen iedere dag een rapport: welke servers mailden met uw naam en of dat klopte. Er staan geen adressen van klanten in.
mail-reports-list = Rapporten, het laatst ontvangen eerst
mail-reports-none = Er zijn nog geen rapporten.
mail-report-file = Rapport toevoegen
mail-report-file-hint = Een mail (eml, mbox), zip, gzip, XML of JSON, hoogstens { $n } MB. Hetzelfde rapport telt maar één keer.
mail-report-file-error = Kies een bestand dat niet leeg is.
mail-report-file-large = Dit bestand is te groot.
mail-report-add = Toevoegen
mail-taken =
    { $new ->
        [0] Er was niets nieuws.
        [one] 1 nieuw rapport is opgeslagen.
       *[other] { $new } nieuwe rapporten zijn opgeslagen.
    }
mail-taken-known =
    { $n ->
        [one] 1 rapport was er al.
       *[other] { $n } rapporten waren er al.
    }
mail-taken-tls =
    { $n ->
        [one] Daarvan gaat er 1 over versleutelde verbindingen.
       *[other] Daarvan gaan er { $n } over versleutelde verbindingen.
    }
mail-taken-refused =
    { $n ->
        [one] 1 foutrapport is niet bewaard, omdat er persoonlijke gegevens in staan.
       *[other] { $n } foutrapporten zijn niet bewaard, omdat er persoonlijke gegevens in staan.
    }
mail-taken-quarantined = Niet te lezen en apart gezet:
mail-report-org = Ontvanger
mail-report-kind = Soort
mail-report-kind-dmarc = wie mailde er (DMARC)
mail-report-kind-tls = versleuteling onderweg (TLS)
mail-report-kind-failure = mislukte mail, zonder persoonlijke gegevens
mail-report-period = Periode
mail-report-odd = Wat opviel aan dit rapport
mail-report-rows = Regels van het rapport
mail-report-source = Server
mail-report-from = Afzender in de mail
mail-report-done = Gevolg
mail-report-more =
    { $n ->
        [one] Nog 1 regel is niet getoond.
       *[other] Nog { $n } regels zijn niet getoond.
    }
mail-report-no-rows = Van dit rapport zijn alleen de totalen bewaard.
mail-tls-good = Verbindingen die goed gingen
mail-tls-bad = Verbindingen die mislukten
mail-dkim = Handtekening (DKIM)
mail-spf = Server mag (SPF)
mail-dkim-short = Handtekening
mail-spf-short = Server mag
mail-yes = ja
mail-no = nee
mail-disposition-none = bezorgd
mail-disposition-pass = bezorgd
mail-disposition-quarantine = in de spammap
mail-disposition-reject = geweigerd
mail-disposition-unknown = niet gezegd
mail-sender-advice = Wat u kunt doen
mail-sender-volumes = Hoeveel en wanneer
mail-sender-chart = Mails per dag van deze afzender in de laatste { $days } dagen
mail-sender-none = In { $days } dagen meldde geen ontvanger mail van deze afzender.
mail-sender-streams = Voor welke stroom
mail-advice-own = Dit bent u zelf. Er is niets te doen zolang vrijwel alles wordt herkend.
mail-advice-own-failed = Een deel van uw eigen mail wordt niet herkend. Laat die server zijn mail via de kluis versturen, of geef hem een sleutel voor handtekeningen.
mail-advice-service = Deze dienst hoort bij u en wordt herkend. Er is niets te doen.
mail-advice-service-failed = Een deel van wat deze dienst stuurt, wordt niet herkend. Zet bij de dienst "eigen domein" of "DKIM" aan en publiceer de records die u daar krijgt.
mail-advice-service-undeclared = U hebt deze dienst niet opgegeven. Gebruikt u hem? Zet hem dan in mail.toml, en denk aan een verwerkersovereenkomst. Gebruikt u hem niet, dan probeert iemand zich voor u uit te geven.
mail-advice-forwarder = Hier hoeft u niets aan te doen. Zorg dat al uw mail is ondertekend: dan overleeft zij het doorsturen.
mail-advice-unknown = Kijk of u deze server kent, bijvoorbeeld van een leverancier of een oud formulier op uw site. Is hij van u, zet hem dan in mail.toml. Is hij niet van u, dan wordt hij tegengehouden zodra u ontvangers vraagt te weigeren.
mail-advice-misuse = Hier is niets aan te doen bij de bron. Maak de stappen naar weigeren af; dan komt deze mail niet meer aan.
mail-quarantine = Niet te lezen rapporten
mail-quarantine-door = Wat binnenkwam als rapport en apart is gezet.
mail-quarantine-lead = Deze bestanden kwamen binnen als rapport, maar konden niet worden gelezen. Ze zijn versleuteld bewaard. Verwijder wat u niet kent; probeer het opnieuw na een nieuwe versie van de kluis.
mail-quarantine-none = Er is niets wat niet te lezen was.
mail-quarantine-some =
    { $n ->
        [one] 1 bestand kon niet worden gelezen.
       *[other] { $n } bestanden konden niet worden gelezen.
    }
mail-quarantine-at = Binnengekomen
mail-quarantine-source = Langs welke weg
mail-quarantine-size = Grootte
mail-quarantine-retry = Opnieuw proberen
mail-quarantine-delete = Verwijderen
mail-bytes =
    { $n ->
        [one] 1 byte
       *[other] { $n } bytes
    }
mail-source-smtp = per mail aan het rapportadres
mail-source-folder = in de map voor rapporten
mail-source-imap = uit een mailbox
mail-source-api = via de console of de API
mail-source-command = op de opdrachtregel
mail-keys-door = De handtekening onder uw mail, en hoe oud die is.
mail-keys-lead = Met een sleutel zet de kluis een handtekening onder uw mail. De andere helft staat in de DNS, zodat iedere ontvanger de handtekening kan nakijken. Wisselen gaat in veilige stappen: er gaat geen mail verloren.
mail-keys-empty = Er is nog geen sleutel. Maak er een voor ieder domein waaruit u via de kluis mailt.
mail-keys-step = DNS nakijken en verdergaan
mail-keys-step-text = Dit gebeurt ieder uur ook vanzelf.
mail-key-kind = Soort sleutel
mail-key-kind-rsa2048 = RSA 2048 (kent iedereen)
mail-key-kind-ed25519 = Ed25519 (ernaast, niet in plaats van)
mail-key-made = Gemaakt
mail-key-record = Het record in de DNS
mail-key-new = Nieuwe sleutel
mail-key-new-text = Heeft het domein al een sleutel, dan begint hiermee het wisselen. De oude blijft gelden tot de nieuwe overal bekend is.
mail-key-make = Sleutel maken
mail-key-no-domain = Vertel eerst wie er voor u mailt; dan is duidelijk voor welke domeinen een sleutel nodig is.
mail-key-error-domain = Kies een domein.
mail-key-error-busy = Voor dit domein wordt al een sleutel gewisseld. Maak dat eerst af.
mail-what-if = Wat gebeurt er als …?
mail-what-if-door = Probeer een strenger beleid op de rapporten van de laatste weken.
mail-what-if-lead = Probeer een beleid uit voordat u het publiceert. De kluis rekent de rapporten van de laatste weken opnieuw door: welke mail zou dan zijn geweigerd?
mail-what-if-policy = Beleid
mail-what-if-own = Met een eigen record
mail-what-if-record = DMARC-record
mail-what-if-record-hint = Bijvoorbeeld v=DMARC1; p=reject; adkim=s. Gaat voor op de keuze hierboven.
mail-what-if-spf = Nieuw SPF-record
mail-what-if-spf-hint = Laat leeg om SPF te laten zoals het was.
mail-what-if-go = Doorrekenen
mail-what-if-outcome = Uitkomst
mail-what-if-basis = Berekend over { $n } mails in { $days } dagen, met het record
mail-what-if-sources = Per afzender, wie het meest verliest eerst
mail-queue = Wachtrij van de mail
mail-queue-door = Wat nog moet worden bezorgd.
mail-queue-lead = Mail die de kluis heeft aangenomen en ondertekend, en die de mailserver nog niet heeft. Wie hem krijgt, staat hier niet bij.
mail-queue-waiting = Wachten
mail-queue-held = Vastgehouden
mail-queue-bytes = Bytes
mail-queue-oldest = De oudste wacht sinds
mail-queue-none = Er wacht niets.
mail-queue-at = Aangenomen
mail-queue-receiver = Naar
mail-queue-attempts = Pogingen
mail-queue-due = Volgende poging
mail-queue-do = Handelingen
mail-queue-state-waiting = wacht
mail-queue-state-sending = wordt nu bezorgd
mail-queue-state-held = vastgehouden
mail-queue-retry = Nu proberen
mail-queue-drop = Weggooien
notice-mail-deleted = Het is verwijderd.
notice-mail-key = De sleutel is gemaakt. Zet nu het record hieronder in uw DNS.
notice-mail-step = De DNS is nagekeken.
notice-mail-retry = De mail wordt opnieuw geprobeerd.
notice-mail-dropped = De mail is weggegooid.
mail-all-soon = Er is iets wat u binnenkort moet doen.
mail-all-now = Er is iets wat u nu moet doen.
mail-misuse-more = Bekijk hoeveel en wanneer
mail-disown = Deze afzender is niet van ons
mail-disown-back = Toch weer onbekend
mail-disown-text = Zegt u dat hij niet van u is, dan houdt hij het weigeren van nepmail niet meer tegen.
notice-mail-disowned = Vastgelegd.
mail-what-if-error = Dit klopt niet.
phishing-vault = E-mailadressen van klanten

## Tip 5
together-lead = Klanten kunnen helpen om hun gegevens goed te beschermen. Laat zien wat u bewaart, en doe wat zij vragen.
together-access = Inzage: op de pagina van een klant maakt u een overzicht van alles wat de winkel bewaart, en van wie het las.
together-erase =
    Wissen: u vernietigt de sleutels van een klant en krijgt daar een ondertekend bewijs van. { $n ->
        [0] Dat is nog niet gebeurd.
        [one] Dat is 1 keer gebeurd.
       *[other] Dat is { $n } keer gebeurd.
    }
together-consent = Toestemming: intrekken is even makkelijk als geven, en werkt meteen.
together-consents = Doelen waarvoor toestemming nodig is
together-not-yet = Een eigen pagina voor klanten, met uitleg over sterke wachtwoorden. Dat komt in een volgende versie.

## Notices after an action
notice-consent-given = De toestemming is vastgelegd.
notice-consent-withdrawn = De toestemming is ingetrokken. Dat werkt meteen.
notice-revoked = De toegang is ingetrokken.
notice-export-requested = De export is aangevraagd. Een andere medewerker moet hem goedkeuren.
notice-export-approved = De export is goedgekeurd.
notice-import-discarded = Het bestand is vernietigd. Er is niets opgeslagen.
notice-signed-out = U bent afgemeld.

## Attention on the overview
attention-sealed = De kluis is verzegeld. Niemand kan iets lezen.
attention-exports =
    { $n ->
        [one] 1 export wacht op goedkeuring.
       *[other] { $n } exports wachten op goedkeuring.
    }
attention-denied =
    { $n ->
        [one] Bij de laatste gebeurtenissen is 1 keer iets geweigerd of mislukt.
       *[other] Bij de laatste gebeurtenissen is { $n } keer iets geweigerd of mislukt.
    }
attention-search = Zoeken op naam wordt nog klaargezet. Dat duurt na een start even.

## Errors
error-title-not-found = Deze pagina is er niet
error-text-not-found = Wat u zoekt, bestaat niet of is gewist.
error-title-denied = Dit mag uw toegangssleutel niet
error-text-denied = Dat u dit hebt geprobeerd, staat in het logboek. Hebt u het nodig voor uw werk, vraag het dan aan de beheerder.
error-title-too-many = Te veel tegelijk
error-text-too-many = Er is een grens bereikt. Probeer het later opnieuw.
error-title-form = Dit formulier kon niet worden verwerkt
error-text-form = Ga terug, laad de pagina opnieuw en probeer het nog een keer.
error-title-invalid = Er klopt iets niet aan de invoer
error-text-invalid = Ga terug en verbeter wat hieronder staat.
error-title-conflict = Dit botst met iets anders
error-text-conflict = Iemand was u voor, of het is al gebeurd. Kijk hoe het er nu voor staat.
error-title-sealed = De kluis is verzegeld
error-text-sealed = De sleutel is niet geladen. Wie de server beheert, kan de kluis openen door de server opnieuw te starten.
error-title-unavailable = De opslag is nu niet bereikbaar
error-text-unavailable = Er is niets gewijzigd. Probeer het over een minuut opnieuw.
error-title-integrity = Er klopt iets niet met de opslag
error-text-integrity = De opgeslagen gegevens kloppen niet met hun zegel. Daarom wordt er niets getoond. Laat de kluis controleren.
error-title-broken = Er ging iets mis
error-text-broken = Dat ligt aan ons en niet aan u. Geef het storingsnummer door aan wie de server beheert.
error-incident = Storingsnummer:
error-back = Terug

## Closed sets of words
actor-staff = medewerker
actor-connector = koppeling
actor-subject = klant zelf
actor-job = de kluis zelf
actor-local = op de server
outcome-ok = gelukt
outcome-denied = geweigerd
outcome-failed = mislukt
op-init = Kluis gemaakt
op-create = Klant toegevoegd
op-read = Gelezen
op-lookup = Opgezocht
op-search = Gezocht
op-update = Gewijzigd
op-erase = Gewist
op-access = Inzage gemaakt
op-consent = Toestemming
op-event = Gebeurtenis
op-import = Geïmporteerd
op-bulk = Veel tegelijk toegevoegd
op-export-request = Export aangevraagd
op-export-approve = Export goedgekeurd
op-export-read = Export opgehaald
op-token-create = Vervangcode gemaakt
op-token-resolve = Vervangcode opgezocht
op-token-revoke = Vervangcode ingetrokken
op-credential-create = Toegangssleutel gemaakt
op-credential-read = Toegangssleutels bekeken
op-credential-revoke = Toegangssleutel ingetrokken
op-purpose-read = Doelen bekeken
op-purpose-change = Doelen gewijzigd
op-audit-read = Logboek bekeken
op-audit-verify = Kluis gecontroleerd
op-checkpoint = Controlepunt gemaakt
op-key-read = Sleutels bekeken
op-key-change = Sleutels vernieuwd
op-backup = Reservekopie gemaakt
op-restore = Reservekopie teruggezet
op-store-copy = Kluis gekopieerd
op-sign-in = Aangemeld
op-sign-out = Afgemeld
op-status = Stand bekeken
op-check = Webwinkel gecontroleerd
op-mail-read = Mail en rapporten bekeken
op-mail-change = Mail-instellingen gewijzigd
op-mail-send = Mail verstuurd
reason-operation-not-granted = mag deze handeling niet
reason-purpose-not-granted = mag niet lezen voor dit doel
reason-field-not-granted = mag dit gegeven niet lezen
reason-unknown-purpose = onbekend doel
reason-field-not-in-purpose = gegeven hoort niet bij het doel
reason-purpose-not-live = doel geldt nu niet voor deze klant
reason-no-consent = geen toestemming
reason-not-signed-in = onbekende of verlopen toegangssleutel
reason-second-person-needed = een tweede persoon moet goedkeuren
reason-budget-exhausted = de grens van deze toegangssleutel is bereikt
reason-integrity = het zegel klopt niet
reason-certificate-needed = het certificaat van de partner ontbrak
reason-certificate-bound = aan een certificaat gebonden
reason-conflict = was er al
reason-invalid = verkeerde invoer
basis-contract = overeenkomst
basis-legal-obligation = wettelijke plicht
basis-consent = toestemming
basis-legitimate-interest = gerechtvaardigd belang
basis-soft-opt-in = bestaande klant die zich niet heeft afgemeld
start-created = na het toevoegen van de klant
start-last-activity = na het laatste contact
start-order-completed = na de laatste bestelling
start-invoice-year-end = na het einde van het jaar van de factuur
start-consent-withdrawn = zolang de toestemming geldt
start-complaint-closed = na de laatste klacht of reparatie
period-years = { $n } jaar
period-months =
    { $n ->
        [one] 1 maand
       *[other] { $n } maanden
    }
period-weeks =
    { $n ->
        [one] 1 week
       *[other] { $n } weken
    }
period-days =
    { $n ->
        [one] 1 dag
       *[other] { $n } dagen
    }
reason-erase-preview = bekeken wat er zou worden gewist
reason-erasure-receipt = wisbewijs opgevraagd
reason-not-found = bestaat niet
reason-damaged = beschadigd, daarom helemaal gewist
reason-existing = bestaat al
reason-listed = lijst bekeken
reason-proof = bewijs opgevraagd
reason-findings = er klopt iets niet
reason-no-findings = alles klopt
reason-index-rewritten = zoeksleutels vernieuwd
reason-keyring-copied = sleutelbos gekopieerd
do-create = Klanten toevoegen
do-read = Klanten lezen
do-lookup = Opzoeken, bijvoorbeeld op e-mailadres
do-search = Zoeken op naam
do-update = Klanten wijzigen
do-erase = Klanten wissen
do-access = Inzage maken
do-consent = Toestemming vastleggen en intrekken
do-event = Gebeurtenissen melden, zoals een bestelling
do-bulk = Veel klanten tegelijk toevoegen
do-token-create = Vervangcodes maken
do-token-resolve = Vervangcodes opzoeken
do-token-revoke = Vervangcodes intrekken
import-reason-secret = wachtwoord of ander geheim
import-reason-citizen-number = burgerservicenummer: een winkel mag het niet verwerken
import-reason-payment-card = betaalkaart
import-reason-trace = spoor van een bezoek, geen klantgegeven
import-reason-no-field = geen gegeven van de klant
import-reason-mapping = zo gekozen
import-reason-repeated = staat er al
import-reason-unknown-field = niet in het doelregister
import-reason-no-purpose = geen enkel doel gebruikt dit
import-reason-purpose-not-live = er geldt nu geen doel
import-reason-empty = leeg
import-reason-too-long = te lang
import-reason-control-character = bevat stuurtekens
import-reason-malformed = verkeerde vorm
import-reason-checksum = controlegetal klopt niet
import-reason-unknown-country = onbekend land
import-reason-out-of-range = kan niet kloppen
import-reason-duplicate = staat er twee keer in
event-created = toegevoegd
event-last-activity = laatste contact
event-order-completed = laatste bestelling
event-invoice-year-end = laatste factuur
event-consent-withdrawn = toestemming ingetrokken
event-complaint-closed = laatste klacht of reparatie
reason-given = gegeven
reason-withdrawn = ingetrokken
reason-created = nieuw
reason-updated = gewijzigd
reason-unchanged = ongewijzigd
reason-dry-run = alleen nagekeken
reason-finished = klaar
reason-cancelled = gestopt
reason-alone = zonder tweede persoon
reason-shred = sleutels vernietigd
reason-signing-key-replaced = sleutel voor handtekeningen vervangen
reason-shares-issued = sleuteldelen uitgegeven
reason-root-replaced = hoofdsleutel vervangen
reason-passphrase-set = wachtwoordzin ingesteld
reason-index-version-added = zoeksleutel toegevoegd
reason-index-version-retired = zoeksleutel afgeschaft
reason-epoch-begun = sleutelperiode begonnen
reason-epoch-rewrapped = sleutelperiode overgezet
reason-epoch-destroyed = sleutelperiode vernietigd
log-fields-count = { $n } gegevens
customer-reads-all = Alle logregels over deze klant
import-origin-guessed = een bestand met bekende kolomnamen
import-origin-mapping = een bestand met een eigen indeling
