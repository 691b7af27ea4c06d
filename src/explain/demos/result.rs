//! What a demonstration measured.

/// A cell of a table.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Cell {
    /// Words.
    Text(String),
    /// A whole number.
    Count(u64),
    /// Any number.
    Number(f64),
    /// Nothing to say.
    Nothing,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell::Text(text)
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Cell {
        Cell::Number(value)
    }
}

impl From<f32> for Cell {
    fn from(value: f32) -> Cell {
        Cell::Number(value.into())
    }
}

impl From<u32> for Cell {
    fn from(value: u32) -> Cell {
        Cell::Count(value.into())
    }
}

impl From<usize> for Cell {
    fn from(value: usize) -> Cell {
        Cell::Count(value as u64)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Cell {
        value.map_or(Cell::Nothing, T::into)
    }
}

/// Numbers with names over them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Table {
    /// What stands over each column.
    pub head: Vec<String>,
    /// Row by row.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(super) fn new(head: &[&str]) -> Table {
        Table { head: head.iter().map(|name| (*name).to_owned()).collect(), rows: Vec::new() }
    }

    pub(super) fn push(&mut self, row: impl IntoIterator<Item = Cell>) {
        self.rows.push(row.into_iter().collect());
    }
}

/// A part of a demonstration: words, and the numbers that they are about.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Section {
    /// What was done.
    pub about: String,
    /// What came of it.
    pub table: Table,
}

/// How two numbers are to lie to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Relation {
    /// The first is the smaller one.
    Below,
    /// The first is not the larger one.
    AtMost,
    /// The first is the larger one.
    Above,
    /// They are the same.
    Equal,
}

impl Relation {
    /// As a sign.
    pub fn sign(self) -> &'static str {
        match self {
            Relation::Below => "<",
            Relation::AtMost => "<=",
            Relation::Above => ">",
            Relation::Equal => "=",
        }
    }
}

/// What a claim comes to in numbers.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Inequality {
    /// What the first number is.
    pub what: String,
    /// It.
    pub left: f64,
    /// How they are to lie.
    pub relation: Relation,
    /// What it is compared with.
    pub right: f64,
    /// What that is; empty for a number by itself.
    pub than: String,
}

impl Inequality {
    /// One that compares with a number by itself.
    pub fn new(what: &str, left: f64, relation: Relation, right: f64) -> Inequality {
        Inequality { what: what.to_owned(), left, relation, right, than: String::new() }
    }

    /// One that compares with something that was measured too.
    pub(super) fn than(self, than: &str) -> Inequality {
        Inequality { than: than.to_owned(), ..self }
    }

    /// Whether it is so.
    pub fn holds(&self) -> bool {
        let Inequality { left, right, .. } = self;
        match self.relation {
            Relation::Below => left < right,
            Relation::AtMost => left <= right,
            Relation::Above => left > right,
            Relation::Equal => left == right,
        }
    }
}

/// A demonstration that was run.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Demonstration {
    /// Its name.
    pub name: &'static str,
    /// What it is to show.
    pub claim: &'static str,
    /// What computed its numbers.
    pub computed_by: Vec<String>,
    /// What was done and measured.
    pub sections: Vec<Section>,
    /// What the claim comes to.
    pub inequalities: Vec<Inequality>,
}

impl Demonstration {
    /// Whether the numbers bear the claim out.
    pub fn holds(&self) -> bool {
        !self.inequalities.is_empty() && self.inequalities.iter().all(Inequality::holds)
    }
}
