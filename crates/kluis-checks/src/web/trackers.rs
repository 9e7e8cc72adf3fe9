//! A small list of our own: hosts of measuring, advertising and recording services that follow visitors.
//!
//! Host names are facts. Lists of others are not copied: their licences do not allow it.

/// Who is behind a host, when it is a known tracker; subdomains count.
#[must_use]
pub fn find(host: &str) -> Option<&'static str> {
    let host = host.trim_end_matches('.');
    TRACKERS.iter().find(|(tracker, _)| is_within(host, tracker)).map(|(_, name)| *name)
}

fn is_within(host: &str, domain: &str) -> bool {
    let start = host.len().checked_sub(domain.len());
    start.is_some_and(|start| {
        host.as_bytes()[start..].eq_ignore_ascii_case(domain.as_bytes())
            && (start == 0 || host.as_bytes()[start - 1] == b'.')
    })
}

/// Host and owner.
static TRACKERS: &[(&str, &str)] = &[
    ("google-analytics.com", "Google Analytics"),
    ("analytics.google.com", "Google Analytics"),
    ("googletagmanager.com", "Google Tag Manager"),
    ("googletagservices.com", "Google Ads"),
    ("googleadservices.com", "Google Ads"),
    ("googlesyndication.com", "Google Ads"),
    ("doubleclick.net", "Google Ads"),
    ("adservice.google.com", "Google Ads"),
    ("ssl.google-analytics.com", "Google Analytics"),
    ("facebook.net", "Meta Pixel"),
    ("facebook.com", "Meta"),
    ("tiktok.com", "TikTok Pixel"),
    ("tiktokw.us", "TikTok Pixel"),
    ("hotjar.com", "Hotjar"),
    ("hotjar.io", "Hotjar"),
    ("clarity.ms", "Microsoft Clarity"),
    ("bat.bing.com", "Microsoft Advertising"),
    ("criteo.com", "Criteo"),
    ("criteo.net", "Criteo"),
    ("ads-twitter.com", "X Ads"),
    ("analytics.twitter.com", "X Ads"),
    ("t.co", "X Ads"),
    ("ads.linkedin.com", "LinkedIn Ads"),
    ("licdn.com", "LinkedIn Insight"),
    ("pinimg.com", "Pinterest Tag"),
    ("ct.pinterest.com", "Pinterest Tag"),
    ("sc-static.net", "Snap Pixel"),
    ("tr.snapchat.com", "Snap Pixel"),
    ("redditstatic.com", "Reddit Pixel"),
    ("alb.reddit.com", "Reddit Pixel"),
    ("amazon-adsystem.com", "Amazon Ads"),
    ("adnxs.com", "Xandr"),
    ("rubiconproject.com", "Magnite"),
    ("pubmatic.com", "PubMatic"),
    ("openx.net", "OpenX"),
    ("casalemedia.com", "Index Exchange"),
    ("adform.net", "Adform"),
    ("adsrvr.org", "The Trade Desk"),
    ("taboola.com", "Taboola"),
    ("outbrain.com", "Outbrain"),
    ("adroll.com", "AdRoll"),
    ("rtbhouse.com", "RTB House"),
    ("creativecdn.com", "RTB House"),
    ("quantserve.com", "Quantcast"),
    ("scorecardresearch.com", "Comscore"),
    ("demdex.net", "Adobe Audience Manager"),
    ("omtrdc.net", "Adobe Analytics"),
    ("2o7.net", "Adobe Analytics"),
    ("everesttech.net", "Adobe Advertising"),
    ("bluekai.com", "Oracle"),
    ("krxd.net", "Salesforce"),
    ("mxpnl.com", "Mixpanel"),
    ("mixpanel.com", "Mixpanel"),
    ("segment.com", "Segment"),
    ("segment.io", "Segment"),
    ("amplitude.com", "Amplitude"),
    ("heapanalytics.com", "Heap"),
    ("fullstory.com", "FullStory"),
    ("mouseflow.com", "Mouseflow"),
    ("luckyorange.com", "Lucky Orange"),
    ("crazyegg.com", "Crazy Egg"),
    ("inspectlet.com", "Inspectlet"),
    ("smartlook.com", "Smartlook"),
    ("contentsquare.net", "Contentsquare"),
    ("mc.yandex.ru", "Yandex Metrica"),
    ("mc.yandex.com", "Yandex Metrica"),
    ("klaviyo.com", "Klaviyo"),
    ("list-manage.com", "Mailchimp"),
    ("chimpstatic.com", "Mailchimp"),
    ("hs-analytics.net", "HubSpot"),
    ("hs-scripts.com", "HubSpot"),
    ("hsforms.com", "HubSpot"),
    ("hubspot.com", "HubSpot"),
    ("activehosted.com", "ActiveCampaign"),
    ("trackcmp.net", "ActiveCampaign"),
    ("omappapi.com", "OptinMonster"),
    ("sharethis.com", "ShareThis"),
    ("addthis.com", "AddThis"),
    ("tradetracker.net", "TradeTracker"),
    ("daisycon.io", "Daisycon"),
    ("awin1.com", "Awin"),
    ("zanox.com", "Awin"),
    ("dwin1.com", "Awin"),
    ("tradedoubler.com", "Tradedoubler"),
    ("beslist.nl", "Beslist.nl"),
    ("squeezely.tech", "Squeezely"),
    ("leadinfo.net", "Leadinfo"),
    ("leadfeeder.com", "Leadfeeder"),
    ("vwo.com", "VWO"),
    ("visualwebsiteoptimizer.com", "VWO"),
    ("optimizely.com", "Optimizely"),
    ("channelsight.com", "ChannelSight"),
    ("nosto.com", "Nosto"),
    ("newrelic.com", "New Relic"),
    ("nr-data.net", "New Relic"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_hosts_are_found() {
        assert_eq!(find("www.google-analytics.com"), Some("Google Analytics"));
        assert_eq!(find("Connect.Facebook.net."), Some("Meta Pixel"));
        assert_eq!(find("t.co"), Some("X Ads"));
        assert!(TRACKERS.len() >= 60);
    }

    #[test]
    fn others_are_not() {
        for host in [
            "",
            ".",
            "shop.example",
            "notgoogle-analytics.com",
            "google-analytics.com.evil.example",
            "pinterest.com",
            "cat.co",
            "é.co",
        ] {
            assert_eq!(find(host), None, "{host}");
        }
    }
}
