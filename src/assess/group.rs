//! The grade of several connections together: an app, an address, a capture (contract §2, Groups).

use super::grade::Grade;
use super::judgement::Judged;

/// How many connections, and how many octets they carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Connections.
    pub connections: u64,
    /// Octets of their packets, both ways.
    pub bytes: u64,
}

impl Count {
    fn add(&mut self, bytes: u64) {
        self.connections = self.connections.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    fn remove(&mut self, bytes: u64) {
        self.connections = self.connections.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

/// Connections by grade. Those of which only names or service data were readable are counted apart: they never set a group's grade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Group {
    grades: [Count; Grade::ALL.len()],
    aside: Count,
}

impl Group {
    /// Counts a connection.
    pub fn add(&mut self, judged: &Judged) {
        let bytes = octets(judged);
        self.place(judged).add(bytes);
    }

    /// Takes back what [`Group::add`] counted, for a connection of which more is known now.
    pub fn remove(&mut self, judged: &Judged) {
        let bytes = octets(judged);
        self.place(judged).remove(bytes);
    }

    fn place(&mut self, judged: &Judged) -> &mut Count {
        if !judged.judgement.counts_for_groups() {
            return &mut self.aside;
        }
        let at = Grade::ALL.iter().position(|grade| *grade == judged.judgement.grade).unwrap_or(0);
        self.grades.get_mut(at).unwrap_or(&mut self.aside)
    }

    /// The connections of a grade that count for the group.
    #[must_use]
    pub fn of(&self, grade: Grade) -> Count {
        Grade::ALL.iter().zip(&self.grades).find(|(g, _)| **g == grade).map_or_else(Count::default, |(_, count)| *count)
    }

    /// The connections of which only names or service data were readable.
    #[must_use]
    pub fn aside(&self) -> Count {
        self.aside
    }

    /// The group's grade: exposed before weak before custom before protected; `unknown` only when nothing was judged.
    #[must_use]
    pub fn grade(&self) -> Grade {
        Grade::ALL.into_iter().find(|grade| self.of(*grade).connections > 0).unwrap_or(Grade::None)
    }

    /// How many connections the grade rests on: the denominator of every share.
    #[must_use]
    pub fn judged(&self) -> u64 {
        self.sum(|grade| grade.is_judged()).connections
    }

    /// All connections, those counted apart included.
    #[must_use]
    pub fn all(&self) -> Count {
        let mut all = self.sum(|_| true);
        all.connections = all.connections.saturating_add(self.aside.connections);
        all.bytes = all.bytes.saturating_add(self.aside.bytes);
        all
    }

    fn sum(&self, wanted: impl Fn(Grade) -> bool) -> Count {
        Grade::ALL.into_iter().filter(|grade| wanted(*grade)).map(|grade| self.of(grade)).fold(Count::default(), |sum, one| Count {
            connections: sum.connections.saturating_add(one.connections),
            bytes: sum.bytes.saturating_add(one.bytes),
        })
    }
}

/// Octets of the packets of a connection, both ways.
fn octets(judged: &Judged) -> u64 {
    judged.sent.iter().fold(0, |sum, side| sum.saturating_add(side.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::testing::graded;
    use crate::base::Exposed;

    #[test]
    fn the_first_grade_among_the_judged_is_the_groups_and_unknown_never_outranks_a_judged_one() {
        let of = |grades: &[Grade]| {
            let mut group = Group::default();
            grades.iter().for_each(|grade| group.add(&graded(*grade, &[Exposed::Content])));
            (group.grade(), group.judged(), group.all().connections)
        };
        use Grade::{Custom, Exposed as Readable, None, Protected, Unknown, Weak};
        assert_eq!(of(&[Protected, Unknown, None]), (Protected, 1, 3));
        assert_eq!(of(&[Protected, Custom, Weak, Readable]), (Readable, 4, 4));
        assert_eq!(of(&[Protected, Custom]), (Custom, 2, 2));
        assert_eq!(of(&[Unknown, None]), (Unknown, 0, 2));
        assert_eq!(of(&[]), (None, 0, 0));
    }

    #[test]
    fn readable_names_and_service_data_are_counted_and_never_set_the_grade() {
        let mut group = Group::default();
        let lookup = graded(Grade::Exposed, &[Exposed::Names]);
        group.add(&lookup);
        group.add(&graded(Grade::Protected, &[]));
        assert_eq!((group.grade(), group.judged(), group.aside().connections), (Grade::Protected, 1, 1));
        group.remove(&lookup);
        assert_eq!((group.aside().connections, group.all().connections), (0, 1));
    }
}
