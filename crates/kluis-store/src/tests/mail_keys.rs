//! Signing keys: each selector once, changed only by who knows the newest state, in the order of their names.

use super::*;
use crate::{MailKeyRow, StoreError};

pub(super) fn key(domain: &str, selector: &str) -> MailKeyRow {
    MailKeyRow {
        shop: SHOP,
        domain: domain.into(),
        selector: selector.into(),
        created: NOW,
        updated: NOW,
        kind: "rsa2048".into(),
        state: "usable".into(),
        public: "v=DKIM1; k=rsa; p=AAAA".into(),
        sealed: vec![1; 1_400],
        row_mac: [16; 32],
    }
}

async fn insert(store: &Store, row: &MailKeyRow) -> Result<(), StoreError> {
    let mut unit = Unit::new();
    unit.insert_mail_key(row);
    store.commit(unit).await.map(drop)
}

async fn update(store: &Store, row: &MailKeyRow, before: TimeMs) -> Result<(), StoreError> {
    let mut unit = Unit::new();
    unit.update_mail_key(row, before);
    store.commit(unit).await.map(drop)
}

#[test]
fn a_key_comes_back_as_written_and_its_selector_is_taken() {
    on_both(|store| async move {
        let (b, a) = (key("b.example", "s1"), key("a.example", "s2"));
        for row in [&b, &a, &key("a.example", "s1")] {
            insert(&store, row).await.unwrap();
        }
        let again = MailKeyRow { public: "other".into(), ..b.clone() };
        assert_eq!(insert(&store, &again).await, Err(StoreError::conflict("mail_key")));
        assert_eq!(store.mail_key(SHOP, "b.example", "s1").await.unwrap(), Some(b.clone()));
        for (shop, domain, selector) in
            [(ShopId(2), "b.example", "s1"), (SHOP, "b.exampl", "s1"), (SHOP, "b.example", "s")]
        {
            assert_eq!(store.mail_key(shop, domain, selector).await.unwrap(), None);
        }
        let all = store.mail_keys(SHOP, 9).await.unwrap();
        assert_eq!(all, [key("a.example", "s1"), a, b]);
        assert_eq!(store.mail_keys(SHOP, 1).await.unwrap(), all[..1]);
        assert_eq!(store.mail_keys(ShopId(2), 9).await.unwrap(), []);
        assert!(!format!("{all:?}").contains("AAAA"));
    });
}

#[test]
fn a_key_changes_only_from_the_state_that_was_read() {
    on_both(|store| async move {
        let row = key("a.example", "s1");
        insert(&store, &row).await.unwrap();
        let later = TimeMs(NOW.0 + 1);
        let revoked = MailKeyRow {
            updated: later,
            state: "revoked".into(),
            sealed: Vec::new(),
            row_mac: [17; 32],
            ..row.clone()
        };
        update(&store, &revoked, NOW).await.unwrap();
        assert_eq!(update(&store, &revoked, NOW).await, Err(StoreError::conflict("mail_key")));
        let other = MailKeyRow { selector: "s2".into(), ..revoked.clone() };
        assert_eq!(update(&store, &other, NOW).await, Err(StoreError::conflict("mail_key")));
        assert_eq!(store.mail_key(SHOP, "a.example", "s1").await.unwrap(), Some(revoked.clone()));
        let mut unit = Unit::new();
        unit.delete_mail_key(&row);
        store.commit(unit).await.unwrap();
        assert!(store.mail_key(SHOP, "a.example", "s1").await.unwrap().is_some(), "it changed since");
        let mut unit = Unit::new();
        unit.delete_mail_key(&revoked);
        store.commit(unit).await.unwrap();
        assert_eq!(store.mail_keys(SHOP, 9).await.unwrap(), []);
    });
}
