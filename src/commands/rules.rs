//! `intransit rules`: the table of rules, and the page of one.

use std::io::{self, Write as _};

use super::{Failure, Outcome, closed_pipe};
use crate::assess::rules::{RULES, Rule, rule};

/// Lists the rules, or prints the page of one.
///
/// # Errors
/// When there is no such rule, or standard output cannot be written.
pub fn rules(id: Option<&str>) -> Result<Outcome, Failure> {
    let text = match id {
        None => table(),
        Some(id) => page(rule(id).ok_or_else(|| Failure::Usage(format!("there is no rule {id:?}; `intransit rules` lists them")))?),
    };
    io::stdout().write_all(text.as_bytes()).or_else(closed_pipe).map_err(|e| Failure::Output("standard output".into(), e))?;
    Ok(Outcome::Done)
}

/// One line a rule, gravest first.
fn table() -> String {
    let mut rules: Vec<&&Rule> = RULES.iter().collect();
    rules.sort_by_key(|rule| std::cmp::Reverse(rule.severity));
    let width = rules.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    let mut out = String::new();
    for rule in rules {
        out.push_str(&format!("{:<7} {:<width$}  {}\n", rule.severity.word(), rule.id, rule.title));
    }
    out.push_str("\nintransit rules ID prints the page of one.\n");
    out
}

fn page(rule: &Rule) -> String {
    format!(
        "{} ({})\n{}\n\nFor a reader:\n  {}\n\nFor an engineer:\n  {}\n\nNorm:\n  {}\n\nTo check in Wireshark:\n  {}\n\nWhat a false positive would look like:\n  {}\n",
        rule.id,
        rule.severity.word(),
        rule.title,
        rule.reader,
        rule.engineer,
        rule.norm,
        rule.wireshark,
        rule.mistaken
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_in_the_table_once_and_has_a_page() {
        let table = table();
        for rule in RULES.iter() {
            assert_eq!(table.lines().filter(|line| line.split_whitespace().nth(1) == Some(rule.id)).count(), 1, "{}", rule.id);
            assert!(page(rule).contains(rule.norm));
        }
    }
}
