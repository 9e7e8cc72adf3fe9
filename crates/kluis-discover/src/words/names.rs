//! Frequent given names, family names and towns of the Netherlands and Flanders, written down by us; one word each, small letters.

/// Given names, with spaces between.
pub(super) const GIVEN: &str = "\
aad aaltje abdul abdullah achmed adam adriaan ahmed ahmet albert alex alexander ali alice alida alina amber amina \
amira amy an anna anne anneke annelies annemarie annemiek annie anouk anton antoinette antonia antoon arend arie arjan \
arjen arnold arnoud arthur astrid aukje ayoub ayse bart bas bastiaan ben bernard bert berta bertus betty bianca bilal \
björn bo bob boris bram brigitte bruno carel carla carlijn carlo carmen carolien caroline casper catharina cees \
charlotte chantal chris christel christiaan christina cindy claire claudia coby cor corina corinne cornelia cornelis \
corrie daan daniel daniëlle danny daphne david dennis diana dick diederik dimitri dirk dirkje dominique dorien doris \
dylan eddy edith edwin eefje elena elif eline elisa elisabeth ella ellen els elsa elske emiel emily emma emre eric erica \
erik erika ernst erwin esmee esther eva eveline evert fabian fatih fatima fatma fedde femke fenna ferdinand fien finn \
fleur floor floris frank frans fred frederik freek frits gabriël geert geertje geertruida george gerard gerben gerda \
gerhard gerrit gerritje gert gertjan gertruida gijs gijsbert ginus greet grietje guido guus hamza hannah hannie hans \
harm harold harrie harry hasan hassan hein heleen helena hella hendrik hendrika hendrikus henk hennie henny henri \
henriëtte herman hester hilde hubert hugo huub ian ibrahim ida ilse imke ineke inge ingrid irene iris irma isa isabel \
isabella ivo jaap jacco jack jackie jacob jacoba jacqueline jade jaimy jan jana janneke jannie janny jantje janine \
jara jari jasmijn jasper jayden jeanine jeanne jelle jennifer jenny jens jeroen jesse jessica jet jim jip joan joanna \
job jochem joep joey johan johanna johannes john jolanda jonas jonathan joop joost jordy joris jos joseph josephine \
joshua josje joyce judith jules julia julian juliëtte jurgen jurre jurriaan justin karel karim karin karina karlijn \
kasper kate kathleen katja katrien kees keesje kelly kevin khadija kim klaas klaasje koen koenraad kyra lars laura \
laurens leen leendert leo leon leonie lia lianne lidia lieke lies liesbeth lieve lilian lina linda lisa lisanne liv \
lodewijk loes lotte louis louise luc luca lucas lucia lucie luuk lynn maaike maarten machteld mandy manon marc marcel \
margaretha margot margriet maria marianne marieke mariëlle marije marijke marijn marina marinus marion marit marja \
marjan marjolein mark marleen marlies marloes marnix martha martijn martin martina martine mary mathijs matthias \
matthijs maud maurice maurits max mees mehmet melanie melissa melle menno merel merijn micha michael michel michelle \
michiel mieke miep mila milan milou minke mirjam mirte mohamed mohammed monica monique moniek mustafa myrthe nadia \
nancy naomi natalie natasja nick nicky nico nicolaas nicole nicolien niek niels nienke nina noa noah noor noortje nora \
nout olaf olga olivia olivier omar oscar otto pascal patricia patrick paul paula paulien pauline peter petra philip \
pien piet pieter pietje pim pleun quinten rachel rachid ralph ramona raymond rebecca reinier rembrandt remco remy rené \
renate renske richard rick rik rina rianne rita rob robbert robert roberto robin roderick roel roeland roelof rogier \
roland romy ron ronald rosa rosalie rosanne roos rosemarie roy ruben rudolf rutger ruud saar sabine sabrina sam samantha \
samir samuel sander sandra sanne sara sarah sascha saskia sebastiaan selma senna serena sietske sigrid silvia simon \
simone sjaak sjoerd sjors sofia sofie sonja sophie stan stefan stef stephanie steven stijn suzanne svenja sven sybren \
sylvia tamara tara teun teuntje tess thea theo theodoor theodora thijs thomas thijmen tijn tijs tim timo tina tineke \
titia tobias tom ton tonny toon trijntje trudy truus twan tycho tygo ursula valerie vera veronique victor victoria \
vincent virginia wendy wessel wiebe wieke wiekje wil wilhelmina wilhelmus willem willemijn willeke willy wilma wim \
wouter xander yasmin yasmina yassin yvonne yvette yusuf zoë zeynep";

/// Family names without their tussenvoegsels, with spaces between.
pub(super) const SURNAMES: &str = "\
aalbers aarts abbink adams akkerman albers alberts appelman arends baars baas backer bakker bakkers bast beek beekman \
beekmans beentjes beer beerens bekker bekkers berends berendsen berg bergman bergmans bergsma berkhout bervoets beukers \
beumer bijl bijlsma bisschop blaauw blom blok boer boers boersma bogaard bogaert bogaerts bok bol bolt bond boogaard \
boom boon boone boonstra bos bosch bosma bosman bosmans bosscher bouma bouman bouwens bouwman braam braak brand brands \
brandsma breukelen brink broek broekhuizen broekman broeders brouwer brouwers bruijn bruin bruins bruinsma brugman \
buijs buis buitenhuis burger claassen claes claessens cornelissen dam dams dekker dekkers dekens deckers dijk dijkman \
dijkstra doorn doornbos douma driessen drost duin duijn dubois egberts eijk elzinga engels engelen evers evertsen \
faber feenstra fisher fokkema franken fransen gelder gerards gerritsen gerrits geurts gielen goossens graaf groen \
groenen groenendijk groeneveld groot grooten haan hagen hak hamers hansen harmsen hartman have heemskerk heide heijden \
heijnen heinen hendriks hendriksen hendrikx hermans hermsen hoek hoekstra hoeven hoekman hofman hofstra hol holman \
hoogland hoekstra hopman horst houben houtman huber huisman huijbers huijsmans huizinga hulst ignace jacobs jager jans \
jansen jansma janssen janssens jong jonge jongen jongsma jonker jonkers joosten kaiser kamp kampen kamphuis kaptein \
karels keizer kemp kempen kerkhof keijzer klaassen kleijn klein klijn kleine klomp kok koenen koks kolk koning konings \
koopman koopmans kool koolen kooij koops koppen korte koster kraan kramer kroon krijnen krol kruijf kruijt kruis kuijper \
kuijpers kuiper kuipers kwakman laan lambert lammers landman langen leeuw leeuwen lemmens lenting leenders lieshout \
linden linders lindeman lodder loon looman lubbers luijten maas maassen marinus martens mast meer meester meeuwissen \
meijer meijers meijs mertens mes meulen meulenbelt michiels moerman molen molenaar mol mulder mulders muller müller nagel \
nauta neeleman nielsen nieuwenhuis nijhof nijland nijman nijs noord noordman offerman olde olthof oost oosten oosterhuis \
oostrom otten oud ouden ouwehand pas pasman paulus peeters pels peters petersen pieters pietersen poel polman pool post \
postma pot prins prinsen pronk quist raaijmakers rademaker ras reijnders reijnen reinders renes rietveld riel rijn ritsema \
roelofs roelofsen roest romeijn rooij roos rosenberg rozema ruiter rutten sanders schaap scheepers schenk scherpenzeel \
schipper schippers scholte scholten schouten schreuder schrijver schuurman schuurmans sijbrandij simons sluis smeets \
smid smit smits smeenk smulders snel snijder snijders spaans spruit stam stappers steen steenbergen stegeman sterk \
steur stolk stoop strijker struik sweers swinkels telgenkamp terpstra teunissen thijssen thomassen tijssen timmer \
timmerman timmermans tol tromp tuin uitterhoeve vaart veen veenstra veld velde velden velthuis ven venema verbeek \
verbruggen verburg verdonk verhagen verhaar verheijen verhoef verhoeven verkerk verkuijlen vermaas vermeer vermeulen \
vermeij verschuren versteeg verstegen vervoort verweij visser vissers vliet vlist vogel vogels vonk voort vos vries \
vrolijk waal wagenaar walraven warmerdam weerd weijers werf westra westerhof wiersma wijk wijnen wijngaarden willems \
willemsen wilms winkel winter wit witte wittenberg wolf wolters wouters wuyts yilmaz yildiz zandstra zanten zeeman zegers \
ziegler zijlstra zomer zondervan zuidema zwaan zwart zweers kaya demir özdemir çelik aydin bakkali benali el-amrani";

/// Towns, one word each, with spaces between.
pub(super) const CITIES: &str = "\
aalsmeer aalst aalten alkmaar almelo almere alphen amersfoort amstelveen amsterdam antwerpen apeldoorn appingedam arnhem \
assen asten baarn barendrecht barneveld bergeijk bergen best beverwijk bilthoven bladel bloemendaal boskoop boxmeer boxtel \
breda brielle brugge brummen brunssum brussel bunnik bunschoten bussum capelle castricum coevorden cuijk culemborg dalfsen \
delft delfzijl deurne deventer diemen doesburg doetinchem dokkum dongen dordrecht drachten dronten druten edam ede eersel \
eindhoven elburg elst emmeloord emmen enkhuizen enschede epe ermelo etten franeker geertruidenberg geldermalsen geldrop \
geleen gemert gennep gent giessen goes goirle gorinchem gouda groenlo groesbeek groningen haarlem hardenberg harderwijk \
harlingen hasselt hattem heemskerk heemstede heerde heerenveen heerhugowaard heerlen heeze helden hellevoetsluis helmond \
hengelo heusden hillegom hilvarenbeek hilversum hoensbroek hoofddorp hoogeveen hoogezand hoorn horst houten huissen huizen \
hulst ijmuiden ijsselstein joure kampen katwijk kerkrade kortrijk krimpen landgraaf leek leerdam leeuwarden leiden \
leiderdorp leidschendam lelystad leusden leuven lichtenvoorde liempde lisse lochem losser maarssen maastricht mechelen medemblik meppel middelburg \
middelharnis mierlo mijdrecht monnickendam montfoort naaldwijk naarden namen nieuwegein nijkerk nijmegen nijverdal noordwijk nunspeet \
nuenen oegstgeest oirschot oisterwijk oldenzaal ommen oosterhout oss oostende ouderkerk papendrecht purmerend putten raalte renkum rheden \
rhenen ridderkerk rijen rijssen rijswijk roermond roosendaal rotterdam rucphen schagen scheveningen schiedam schijndel \
schoonhoven sittard sliedrecht sneek soest someren spijkenisse stadskanaal steenbergen steenwijk tegelen terneuzen tiel tilburg uden \
uithoorn urk utrecht vaals valkenburg valkenswaard veendam veenendaal veghel veldhoven velp venlo venray vianen vlaardingen \
vlissingen volendam voorburg voorhout voorschoten vught waalre waalwijk waddinxveen wageningen wassenaar weert weesp wijchen \
winschoten winterswijk woerden wolvega wormer woudenberg zaandam zaltbommel zandvoort zeewolde zeist zevenaar zevenbergen \
zierikzee zoetermeer zuidlaren zundert zutphen zwolle zwijndrecht";
