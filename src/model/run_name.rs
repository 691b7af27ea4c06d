//! The names of run folders: `NAME-001`.

/// The largest number of a run.
pub(super) const MAX_RUNS: u32 = 999_999;
/// Its digits.
const MAX_DIGITS: usize = 6;
/// The most characters of a name that are kept: short enough for a file name in any script.
const MAX_NAME: usize = 40;

/// `name` as a safe file name: letters, digits and `_` stay, everything between them becomes one
/// `-`.
pub(super) fn safe_name(name: &str) -> String {
    let parts = name.split(|c: char| !c.is_alphanumeric() && c != '_');
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    let safe: String = parts.join("-").chars().take(MAX_NAME).collect();
    if safe.is_empty() { "run".to_owned() } else { safe.trim_end_matches('-').to_owned() }
}

/// The number of a run folder, if it belongs to `name`.
pub(super) fn number(folder: &str, name: &str) -> Option<u32> {
    let digits = folder.strip_prefix(name)?.strip_prefix('-')?;
    // Longer numbers are dates.
    let ours = digits.len() <= MAX_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_safe() {
        for (name, safe) in [
            ("xor", "xor"),
            ("../etc/passwd", "etc-passwd"),
            ("flowers.csv", "flowers-csv"),
            (" a  b\n\0c: ", "a-b-c"),
            ("C:\\data\\Größe_2.csv", "C-data-Größe_2-csv"),
            ("", "run"),
            ("../..", "run"),
        ] {
            assert_eq!(safe_name(name), safe);
        }
        let long = safe_name(&"a ".repeat(500));
        assert_eq!(long, "a-".repeat(19) + "a");
        assert!(safe_name(&"語".repeat(500)).len() < 200);
    }

    #[test]
    fn only_numbers_of_the_same_name_count() {
        for (folder, expected) in [
            ("xor-001", Some(1)),
            ("xor-1000", Some(1000)),
            ("xor-", None),
            ("xor", None),
            ("xor-+1", None),
            ("xor-12b", None),
            ("xor-two-001", None),
            ("xor-20260101", None),
        ] {
            assert_eq!(number(folder, "xor"), expected, "{folder}");
        }
    }
}
