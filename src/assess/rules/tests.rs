#![allow(clippy::indexing_slicing)]

use std::collections::BTreeSet;

use super::RULES;

#[test]
fn every_rule_has_its_own_id_and_a_whole_page() {
    let ids: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), RULES.len(), "an id stands twice");
    for rule in RULES.iter() {
        assert!(rule.id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{}: kebab-case", rule.id);
        for (name, text) in [
            ("title", rule.title),
            ("reader", rule.reader),
            ("engineer", rule.engineer),
            ("norm", rule.norm),
            ("wireshark", rule.wireshark),
            ("mistaken", rule.mistaken),
        ] {
            assert!(text.len() >= 3, "{}: no {name}", rule.id);
        }
        assert!(rule.reader.ends_with('.') && rule.engineer.ends_with('.') && rule.mistaken.ends_with('.'), "{}: a sentence ends", rule.id);
        assert!(!rule.title.ends_with('.'), "{}: a title does not", rule.id);
    }
}
