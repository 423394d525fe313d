use super::*;
use proptest::prelude::*;

const FIELDS: &[&str] = &["ward", "loss", "age", "rec", "flag", "room"];

struct Row {
    ward: &'static str,
    loss: Option<f64>,
    age_ms: f64,
    rec: bool,
    flags: &'static [&'static str],
}

const ICU: Row = Row {
    ward: "ICU",
    loss: Some(32.0),
    age_ms: 600_000.0,
    rec: false,
    flags: &["poor"],
};

impl Subject for Row {
    fn fact(&self, field: &str) -> Option<Fact> {
        Some(match field {
            "ward" => Fact::Text(self.ward.to_owned()),
            "loss" => self.loss.map_or(Fact::Unknown, Fact::Number),
            "age" => Fact::Number(self.age_ms),
            "rec" => Fact::Flag(self.rec),
            "flag" => Fact::Words(self.flags.iter().map(|f| (*f).to_owned()).collect()),
            _ => return None,
        })
    }

    fn texts(&self) -> Vec<&str> {
        vec![self.ward]
    }
}

#[test]
fn a_filter_says_what_stays() {
    for (text, stays) in [
        ("", true),
        ("ward:ICU & loss>2% & !rec", true),
        ("ward:icu loss>3.2%", false),
        ("loss>=3.2%", true),
        ("loss=3.2%", true),
        ("loss:32", true),
        ("age>9m & age<11m", true),
        ("age>10m", false),
        ("rec | ward:ER", false),
        ("rec | ward:ICU", true),
        ("!(rec | ward:ICU)", false),
        ("flag:poor", true),
        ("flag!=none", true),
        ("flag:none", false),
        ("ic", true),
        ("!er", true),
        ("\"ic\" && ward==icu", true),
        ("rec:no", true),
    ] {
        let filter = Filter::parse(text, FIELDS).expect(text);
        assert_eq!(filter.matches(&ICU), stays, "{text}");
    }
}

#[test]
fn what_is_not_known_is_neither_more_nor_less() {
    let row = Row { loss: None, ..ICU };
    for (text, stays) in [("loss>0", false), ("loss<100%", false), ("loss:none", true)] {
        assert_eq!(
            Filter::parse(text, FIELDS).expect(text).matches(&row),
            stays,
            "{text}"
        );
    }
}

#[test]
fn an_error_points_at_the_column() {
    for (text, column, says) in [
        ("ward:ICU & los>2%", 12, "no field `los`"),
        ("loss>much", 6, "a number expected"),
        ("ward:ICU &", 11, "missing here"),
        ("(rec", 1, "never closed"),
        ("rec)", 4, "closes nothing"),
        ("ward:", 6, "a value expected"),
        ("| rec", 1, "a word or a field"),
        ("\"abc", 1, "never closed"),
    ] {
        let error = Filter::parse(text, FIELDS).expect_err(text);
        assert_eq!(error.column, column, "{text}: {error}");
        assert!(error.problem.contains(says), "{text}: {error}");
    }
}

#[test]
fn nesting_is_bounded() {
    let deep = format!("{}rec", "!".repeat(150));
    assert!(
        Filter::parse(&deep, FIELDS)
            .expect_err("too deep")
            .problem
            .contains("deep")
    );
    assert!(Filter::parse(&"x".repeat(500), FIELDS).is_err());
}

proptest! {
    #[test]
    fn no_text_breaks_the_parser(text in ".{0,220}") {
        if let Ok(filter) = Filter::parse(&text, FIELDS) {
            filter.matches(&ICU);
        }
    }

    #[test]
    fn not_is_the_opposite(text in "(ward:[a-z]{1,3}|loss>[0-9]{1,2}%|rec|[a-z]{1,3})") {
        let yes = Filter::parse(&text, FIELDS).expect("a filter");
        let no = Filter::parse(&format!("!{text}"), FIELDS).expect("a filter");
        prop_assert_ne!(yes.matches(&ICU), no.matches(&ICU));
    }
}
